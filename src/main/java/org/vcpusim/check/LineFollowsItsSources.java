package org.vcpusim.check;

import org.vcpusim.arch.TriggerMode;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.Ioapic;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * When a level pin's line has been set, it counts as asserted if and only if some source asserts it.
 *
 * <p>Models {@code kvm_ioapic_set_irq}, arch/x86/kvm/ioapic.c, where {@code irq_states} and {@code irr} change under one lock.
 * KVM_SET_IRQCHIP raises lines that no source asserts, and a tick of the RTC that coalesces leaves its line alone; these are not
 * judged.
 */
public final class LineFollowsItsSources extends Invariant {
    private final ObservedMachine machine;

    /** One that has seen nothing but what {@code machine} has. */
    LineFollowsItsSources(ObservedMachine machine) {
        super(
                "I8",
                "When a level pin's line has been set, it counts as asserted if and only if some source asserts it",
                Tracepoint.KVM_IOAPIC_SET_IRQ);
        this.machine = machine;
    }

    @Override
    public void accept(TraceRecord record) {
        if (!(record.event() instanceof Event.IoapicIrqSet set) || set.entry().triggerMode() != TriggerMode.LEVEL) {
            return;
        }
        boolean restored = machine.isRestored() && set.sources() == 0 && set.raised();
        boolean asserted = set.sources() != 0;
        if (asserted != set.raised() && !restored && set.pin() != Ioapic.RTC_PIN) {
            violated(
                    record,
                    "the line of pin " + set.pin()
                            + (asserted ? " is low though a source asserts it" : " stays high without a source"),
                    "sources 0x" + Integer.toHexString(set.sources()));
        }
    }
}
