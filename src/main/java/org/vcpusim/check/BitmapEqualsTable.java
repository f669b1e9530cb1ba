package org.vcpusim.check;

import java.util.List;
import org.vcpusim.kvm.Event;
import org.vcpusim.trace.TraceRecord;

/** At quiescence no vCPU's EOI-exit bitmap lacks what the IOAPIC's redirection table needs. */
public final class BitmapEqualsTable implements Invariant {
    private final FirstViolations violations = new FirstViolations("bitmap-equals-table");

    @Override
    public String id() {
        return violations.invariant();
    }

    @Override
    public void accept(TraceRecord record) {
        if (record.event() instanceof Event.EoiExitBitmapAudited audit
                && audit.verdict() == Event.BitmapVerdict.WRONG) {
            violations.add(
                    record,
                    "the EOI-exit bitmap of vcpu" + audit.vcpu() + " is not what a fresh scan gives",
                    BitmapDifference.of(audit.actual(), audit.expected()));
        }
    }

    @Override
    public List<Violation> violations() {
        return violations.list();
    }
}
