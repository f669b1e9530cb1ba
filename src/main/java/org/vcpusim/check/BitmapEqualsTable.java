package org.vcpusim.check;

import org.vcpusim.kvm.Event;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/** At quiescence no vCPU's EOI-exit bitmap lacks what the IOAPIC's redirection table needs. */
public final class BitmapEqualsTable extends Invariant {
    /** One that has seen nothing. */
    public BitmapEqualsTable() {
        super(
                "I3",
                "At quiescence no EOI-exit bitmap lacks what the redirection table needs",
                Tracepoint.EOI_EXITMAP_AUDIT);
    }

    @Override
    public void accept(TraceRecord record) {
        if (record.event() instanceof Event.EoiExitBitmapAudited audit
                && audit.verdict() == Event.BitmapVerdict.WRONG) {
            violated(
                    record,
                    "the EOI-exit bitmap of vcpu" + audit.vcpu() + " is not what a fresh scan gives",
                    BitmapDifference.of(audit.actual(), audit.expected()));
        }
    }
}
