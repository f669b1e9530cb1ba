package org.vcpusim.check;

import java.util.List;
import org.vcpusim.arch.TriggerMode;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.Ioapic;
import org.vcpusim.kvm.Irqfds;
import org.vcpusim.kvm.RtcTracking;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * While the RTC counts EOIs to come no tick of it interrupts.
 *
 * <p>Models {@code rtc_irq_check_coalesced}, arch/x86/kvm/ioapic.c. Only KVM_IRQ_LINE_STATUS coalesces: a line that an irqfd or the PIT
 * has raised, or that user space has restored, interrupts all the same, and so does a level at its EOI.
 */
public final class RtcTicksCoalesce extends Invariant {
    private RtcTracking rtc = RtcTracking.NONE;
    /** The line has had another source than user space, or was restored. */
    private boolean others;

    /** One that has seen nothing. */
    public RtcTicksCoalesce() {
        super(
                "I19",
                "While the RTC counts EOIs to come no tick of it interrupts",
                Tracepoint.RTC_TRACKED,
                Tracepoint.KVM_SET_IRQ,
                Tracepoint.IOAPIC_STATE_RESTORED,
                Tracepoint.IOAPIC_SERVICE);
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.any(Kind.RTC, Kind.LINE);
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        if (event instanceof Event.RtcTracked tracked) {
            rtc = tracked.tracking();
        } else if (event instanceof Event.IoapicStateRestored) {
            others = true;
        } else if (event instanceof Event.IrqLineSet line) {
            others |= line.gsi() == Ioapic.RTC_PIN && line.source() != Irqfds.USERSPACE_SOURCE;
        } else if (event instanceof Event.IoapicServiced serviced && serviced.pin() == Ioapic.RTC_PIN) {
            boolean edge = serviced.entry().triggerMode() == TriggerMode.EDGE;
            if (edge && !others && rtc.pendingEois() > 0) {
                violated(
                        record,
                        "the RTC interrupts, and " + rtc.pendingEois() + " EOIs of its last tick are still to come",
                        "");
            }
        }
    }
}
