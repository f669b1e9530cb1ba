package org.vcpusim.check;

import java.util.List;
import org.vcpusim.arch.TriggerMode;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.Ioapic;
import org.vcpusim.kvm.Pit;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * A level pin interrupts only while its line counts as high.
 *
 * <p>Models {@code ioapic_set_irq}, {@code kvm_ioapic_update_eoi_one}, {@code kvm_ioapic_eoi_inject_work} and
 * {@code ioapic_write_indirect}, arch/x86/kvm/ioapic.c, which look at {@code irr} before {@code ioapic_service}. A pin reports a rise after it
 * has interrupted for it, so that lines which are on their way up count as high. Lines that user space restores are not judged.
 */
public final class LevelsInterruptWhileHigh extends Invariant {
    private final boolean[] high = new boolean[Ioapic.PINS];
    /** How often each line was raised before its pin has reported. */
    private final int[] rising = new int[Ioapic.PINS];

    private boolean judged;

    /** One that has seen nothing. */
    public LevelsInterruptWhileHigh() {
        super(
                "I20",
                "A level pin interrupts only while its line counts as high",
                Tracepoint.VM_CREATED,
                Tracepoint.KVM_SET_IRQ,
                Tracepoint.KVM_IOAPIC_SET_IRQ,
                Tracepoint.IOAPIC_STATE_RESTORED,
                Tracepoint.IOAPIC_SERVICE);
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.its(Kind.LINE);
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        if (event instanceof Event.VmCreated created) {
            judged = created.reservedPins() < 0;
        } else if (event instanceof Event.IoapicStateRestored) {
            judged = false;
        } else if (event instanceof Event.IrqLineSet line) {
            if (line.level() != 0 && line.gsi() < Ioapic.PINS) {
                rising[pin(line.gsi())]++;
            }
        } else if (event instanceof Event.IoapicIrqSet set) {
            int pin = pin(set.pin());
            high[pin] = set.raised();
            rising[pin] -= set.raised() && rising[pin] > 0 ? 1 : 0;
        } else if (event instanceof Event.IoapicServiced serviced) {
            int pin = pin(serviced.pin());
            boolean level = serviced.entry().triggerMode() == TriggerMode.LEVEL;
            if (judged && level && !high[pin] && rising[pin] == 0) {
                violated(
                        record,
                        "pin " + serviced.pin() + " is level-triggered and interrupts while its line is low",
                        "");
            }
        }
    }

    /** Where a line is counted: that of the PIT's GSI, by whichever of its two numbers it goes, at its pin. */
    private static int pin(int gsiOrPin) {
        return gsiOrPin == Pit.GSI ? Pit.PIN : gsiOrPin;
    }
}
