package org.vcpusim.check;

import java.util.List;
import org.vcpusim.kvm.Event;
import org.vcpusim.trace.TraceRecord;

/** At quiescence no guest sleeps that would take an interrupt which is requested or posted. */
public final class NoInterruptLost implements Invariant {
    private final FirstViolations violations = new FirstViolations("no-interrupt-lost");

    @Override
    public String id() {
        return violations.invariant();
    }

    @Override
    public void accept(TraceRecord record) {
        if (record.event() instanceof Event.InterruptLost lost) {
            violations.add(
                    record, "vcpu" + lost.vcpu() + " sleeps, and nobody will wake it for vector " + lost.vector(), "");
        }
    }

    @Override
    public List<Violation> violations() {
        return violations.list();
    }
}
