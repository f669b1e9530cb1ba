package org.vcpusim.check;

import java.util.List;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.VcpuRequest;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * No VM entry commits while a scan of the redirection table or a load of the EOI-exit bitmap is requested.
 *
 * <p>Models the check of {@code kvm_vcpu_exit_request} after the vCPU has become IN_GUEST_MODE, arch/x86/kvm/x86.c, for the two
 * requests that keep the bitmap in step.
 */
public final class EntryIsUpToDate extends Invariant {
    private static final long BITMAP_REQUESTS = VcpuRequest.SCAN_IOAPIC.mask() | VcpuRequest.LOAD_EOI_EXITMAP.mask();

    /** One that has seen nothing. */
    EntryIsUpToDate() {
        super(
                "I2",
                "No VM entry commits while a scan of the redirection table or a load of the EOI-exit bitmap is requested",
                Tracepoint.KVM_ENTRY);
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.its(Kind.KICK, Kind.MODE);
    }

    @Override
    public void accept(TraceRecord record) {
        if (record.event() instanceof Event.GuestEntered entry && (entry.requests() & BITMAP_REQUESTS) != 0) {
            violated(
                    record,
                    "vcpu" + entry.vcpu() + " entered the guest before its bitmap was brought up to date",
                    BitWords.requests(entry.requests() & BITMAP_REQUESTS));
        }
    }
}
