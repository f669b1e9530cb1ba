package org.vcpusim.check;

import java.util.BitSet;
import java.util.List;
import org.vcpusim.arch.TriggerMode;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.Ioapic;
import org.vcpusim.kvm.Pit;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * An edge pin interrupts at most once for each time that its line is raised, and the PIT's line falls again.
 *
 * <p>Models {@code ioapic_set_irq} and {@code kvm_ioapic_update_eoi_one}, arch/x86/kvm/ioapic.c, where only a level comes back at its
 * EOI; {@code pit_do_work}, arch/x86/kvm/i8254.c. Lines that user space restores count as raised.
 *
 * <p>Legal: the EOI of a level interrupt makes each pin of its vector whose line is high interrupt once more, edge pins too.
 */
public final class EdgesFollowRises extends Invariant {
    private final int[] rises = new int[Ioapic.PINS];
    /** The sources that assert each GSI, a bit a source. */
    private final int[] high = new int[Ioapic.PINS];

    /** How often each line was raised, be it high or not, before its pin has heard of it. */
    private final int[] onTheirWay = new int[Ioapic.PINS];

    /** The vector by which each pin interrupted last, and the pins that an EOI of that may have made interrupt once more. */
    private final int[] vectors = new int[Ioapic.PINS];

    private final BitSet again = new BitSet();

    private boolean known;
    private boolean pitHigh;

    /** One that has seen nothing. */
    public EdgesFollowRises() {
        super(
                "I16",
                "An edge pin interrupts at most once for each time that its line is raised, and the PIT's line falls again",
                Tracepoint.VM_CREATED,
                Tracepoint.KVM_SET_IRQ,
                Tracepoint.KVM_IOAPIC_SET_IRQ,
                Tracepoint.IOAPIC_STATE_RESTORED,
                Tracepoint.IOAPIC_SERVICE,
                Tracepoint.EOI_FORWARDED,
                Tracepoint.VCPU_AUDIT);
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.its(Kind.ENTRY, Kind.LINE);
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        if (event instanceof Event.VmCreated) {
            known = true;
        } else if (event instanceof Event.IrqLineSet line) {
            lineSet(line);
        } else if (event instanceof Event.IoapicIrqSet set) {
            if (set.raised()) {
                arrived(set.pin());
            }
        } else if (event instanceof Event.IoapicStateRestored restored) {
            restored(restored.irr());
        } else if (event instanceof Event.IoapicServiced serviced) {
            if (known && serviced.entry().triggerMode() == TriggerMode.EDGE) {
                served(serviced.pin(), record);
                vectors[serviced.pin()] = serviced.entry().vector();
            }
        } else if (event instanceof Event.EoiForwarded eoi) {
            for (int pin = 0; pin < vectors.length && eoi.trigger() == TriggerMode.LEVEL; pin++) {
                again.set(pin, again.get(pin) || vectors[pin] == eoi.vector());
            }
        } else if (pitHigh) {
            pitHigh = false;
            violated(record, "the PIT has raised its line and not lowered it", "");
        }
    }

    /**
     * It forgets which edges it has seen: a line that is high makes its pin interrupt once more if a source says so again, and so does
     * each change that is on its way to the pin.
     */
    private void restored(int irr) {
        for (int pin = 0; pin < rises.length; pin++) {
            rises[pin] += (irr >>> pin & 1) + again(pin);
        }
        rises[Pit.PIN] += again(Pit.GSI);
    }

    private void arrived(int pin) {
        int gsi = pin == Pit.PIN && onTheirWay[pin] == 0 ? Pit.GSI : pin;
        onTheirWay[gsi] = Math.max(0, onTheirWay[gsi] - 1);
    }

    private int again(int gsi) {
        return Math.max(onTheirWay[gsi], high[gsi] != 0 ? 1 : 0);
    }

    private void lineSet(Event.IrqLineSet line) {
        if (line.gsi() >= rises.length) {
            return;
        }
        int source = 1 << line.source();
        int rise = line.level() == 1 && (high[line.gsi()] & source) == 0 ? 1 : 0;
        high[line.gsi()] = line.level() == 1 ? high[line.gsi()] | source : high[line.gsi()] & ~source;
        rises[line.gsi()] += rise;
        onTheirWay[line.gsi()] += line.level();
        if (line.gsi() == Pit.GSI) {
            rises[Pit.PIN] += rise;
            pitHigh = line.source() == Pit.SOURCE ? line.level() == 1 : pitHigh;
        }
    }

    private void served(int pin, TraceRecord record) {
        if (rises[pin] == 0 && again.get(pin)) {
            again.clear(pin);
        } else if (rises[pin] == 0) {
            violated(record, "pin " + pin + " is edge-triggered and interrupted though its line did not rise", "");
        } else {
            rises[pin]--;
        }
    }
}
