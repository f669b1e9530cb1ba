package org.vcpusim.check;

import java.util.List;
import org.vcpusim.kvm.Event;
import org.vcpusim.trace.TraceRecord;

/**
 * No VM entry commits while a request bit is set.
 *
 * <p>Models the check of {@code kvm_vcpu_exit_request} after the vCPU has become IN_GUEST_MODE, arch/x86/kvm/x86.c. Bits set
 * after it are no violation: whoever sets one then sees IN_GUEST_MODE and sends an IPI.
 */
public final class NoEntryWithPendingRequest implements Invariant {
    private final FirstViolations violations = new FirstViolations("no-entry-with-pending-request");

    @Override
    public String id() {
        return violations.invariant();
    }

    @Override
    public void accept(TraceRecord record) {
        if (record.event() instanceof Event.GuestEntered entry && entry.requests() != 0) {
            violations.add(
                    record,
                    "vcpu" + entry.vcpu() + " entered the guest with a request pending",
                    RequestNames.in(entry.requests()));
        }
    }

    @Override
    public List<Violation> violations() {
        return violations.list();
    }
}
