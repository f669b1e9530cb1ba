package org.vcpusim.check;

import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.RtcTracking;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * The RTC counts as many EOIs to come as there are vCPUs that owe it one, and these come.
 *
 * <p>Models {@code rtc_status.pending_eoi} and {@code dest_map}, arch/x86/kvm/ioapic.c: while the count is above 0 ticks coalesce.
 */
public final class RtcCountsItsEois extends Invariant {
    /** One that has seen nothing. */
    public RtcCountsItsEois() {
        super(
                "I9",
                "The RTC counts as many EOIs to come as there are vCPUs that owe it one, and these come",
                Tracepoint.RTC_TRACKED,
                Tracepoint.RTC_EOI_MISSING);
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        if (event instanceof Event.RtcTracked rtc) {
            compare(record, rtc.tracking());
        } else if (event instanceof Event.RtcEoiMissing missing) {
            violated(
                    record,
                    "the RTC waits for an EOI of vector " + missing.vector() + " by vcpu" + missing.vcpu()
                            + ", which no local APIC holds",
                    "");
        }
    }

    private void compare(TraceRecord record, RtcTracking tracking) {
        int owing = tracking.owed().size();
        if (tracking.pendingEois() != owing) {
            violated(
                    record,
                    "the RTC counts " + tracking.pendingEois() + " EOIs to come, and " + owing + " vCPUs owe it one",
                    "");
        }
    }
}
