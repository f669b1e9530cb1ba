package org.vcpusim.check;

import java.util.List;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.Event;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * No VM entry commits while a request bit is set.
 *
 * <p>Models the check of {@code kvm_vcpu_exit_request} after the vCPU has become IN_GUEST_MODE, arch/x86/kvm/x86.c. Bits set
 * after it are no violation: whoever sets one then sees IN_GUEST_MODE and sends an IPI.
 */
public final class NoEntryWithPendingRequest extends Invariant {
    /** One that has seen nothing. */
    public NoEntryWithPendingRequest() {
        super("R2", "No VM entry commits while a request bit is set", Tracepoint.KVM_ENTRY);
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.its(Kind.KICK, Kind.MODE);
    }

    @Override
    public void accept(TraceRecord record) {
        if (record.event() instanceof Event.GuestEntered entry && entry.requests() != 0) {
            violated(
                    record,
                    "vcpu" + entry.vcpu() + " entered the guest with a request pending",
                    BitWords.requests(entry.requests()));
        }
    }
}
