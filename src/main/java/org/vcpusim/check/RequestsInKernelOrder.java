package org.vcpusim.check;

import java.util.ArrayList;
import java.util.List;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.VcpuRequest;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * In one pass a vCPU sees the EOI exit before the scan, the scan before the load, and the load before the change of APICv.
 *
 * <p>Models the order of {@code vcpu_enter_guest}, arch/x86/kvm/x86.c: the EOI was accepted by the vectors of the last scan, and the
 * scan asks for the load. KVM_REQ_EVENT, which comes behind them, ends a pass, as does all that leads to another one.
 */
public final class RequestsInKernelOrder extends Invariant {
    private static final List<VcpuRequest> ORDER = List.of(
            VcpuRequest.IOAPIC_EOI_EXIT,
            VcpuRequest.SCAN_IOAPIC,
            VcpuRequest.LOAD_EOI_EXITMAP,
            VcpuRequest.APICV_UPDATE);
    private static final int NONE = -1;

    /** Position in the order of the last request seen, by vCPU. */
    private final List<Integer> lastSeen = new ArrayList<>();

    /** One that has seen nothing. */
    public RequestsInKernelOrder() {
        super(
                "X5",
                "In one pass a vCPU sees EOI exit, scan, load and change of APICv in this order",
                Tracepoint.REQUEST_SEEN,
                Tracepoint.KVM_ENTRY,
                Tracepoint.ENTRY_CANCELLED,
                Tracepoint.KVM_USERSPACE_EXIT,
                Tracepoint.VCPU_RESET,
                Tracepoint.VCPU_BLOCK);
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.its(Kind.REQUEST);
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        if (event instanceof Event.RequestSeen seen) {
            seen(record, seen);
        } else if (event instanceof Event.GuestEntered entry) {
            set(entry.vcpu(), NONE);
        } else if (event instanceof Event.EntryCancelled cancelled) {
            set(cancelled.vcpu(), NONE);
        } else if (event instanceof Event.UserspaceExited exited) {
            set(exited.vcpu(), NONE);
        } else if (event instanceof Event.VcpuReset reset) {
            set(reset.vcpu(), NONE);
        } else if (event instanceof Event.VcpuBlocked blocked) {
            set(blocked.vcpu(), NONE);
        }
    }

    private void seen(TraceRecord record, Event.RequestSeen seen) {
        int position = ORDER.indexOf(seen.flow().request());
        if (seen.flow().request() == VcpuRequest.EVENT) {
            set(seen.vcpu(), NONE);
        } else if (position >= 0) {
            int before = lastSeen.size() > seen.vcpu() ? lastSeen.get(seen.vcpu()) : NONE;
            if (position <= before) {
                violated(
                        record,
                        "vcpu" + seen.vcpu() + " saw " + ORDER.get(position) + " behind " + ORDER.get(before)
                                + " in one pass",
                        "");
            }
            set(seen.vcpu(), position);
        }
    }

    private void set(int vcpu, int position) {
        while (lastSeen.size() <= vcpu) {
            lastSeen.add(NONE);
        }
        lastSeen.set(vcpu, position);
    }
}
