package org.vcpusim.check;

import org.vcpusim.kvm.Event;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/** At quiescence no guest sleeps that would take an interrupt which is requested or posted. */
public final class NoInterruptLost extends Invariant {
    /** One that has seen nothing. */
    public NoInterruptLost() {
        super(
                "L3",
                "No guest sleeps for good that would take an interrupt which is requested or posted",
                Tracepoint.INTERRUPT_LOST);
    }

    @Override
    public void accept(TraceRecord record) {
        if (record.event() instanceof Event.InterruptLost lost) {
            violated(record, "vcpu" + lost.vcpu() + " sleeps, and nobody will wake it for vector " + lost.vector(), "");
        }
    }
}
