package org.vcpusim.sim;

import java.util.Arrays;
import java.util.List;
import org.vcpusim.check.Invariant;
import org.vcpusim.check.Thing;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.Machine;
import org.vcpusim.kvm.VcpuMode;
import org.vcpusim.kvm.VcpuRequest;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * When a broadcast about the redirection table completes, every target that was in the guest has been told: since that
 * entry somebody sent it an IPI, or left that to another requester ({@code EXITING_GUEST_MODE}).
 *
 * <p>It holds for runs in which only writes of the table broadcast: {@code ioapic->lock} lets one of them run at a time. The
 * requests that do not wait need it, since a vCPU that is not told of one applies it whenever it next leaves the guest.
 */
final class TargetsAreTold extends Invariant {
    private final VcpuRequest request;
    private final boolean[] inGuest;
    private final boolean[] madeInGuest;
    private final boolean[] told;

    TargetsAreTold(Machine machine) {
        super(
                "targets-are-told",
                "When a broadcast about the redirection table completes, every target in the guest has been told",
                Tracepoint.KVM_ENTRY,
                Tracepoint.KVM_EXIT,
                Tracepoint.REQUEST_MADE,
                Tracepoint.IPI_SENT,
                Tracepoint.IPI_ELIDED,
                Tracepoint.BROADCAST_COMPLETED);
        request = machine.protocol().tableRequest();
        inGuest = new boolean[machine.vcpuCount()];
        madeInGuest = new boolean[machine.vcpuCount()];
        told = new boolean[machine.vcpuCount()];
    }

    @Override
    public List<Thing> looksAt() {
        return List.of();
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        if (event instanceof Event.GuestEntered e) {
            inGuest[e.vcpu()] = true;
            madeInGuest[e.vcpu()] = false;
            told[e.vcpu()] = false;
        } else if (event instanceof Event.GuestExited e) {
            inGuest[e.vcpu()] = false;
        } else if (event instanceof Event.RequestMade m && m.flow().request() == request) {
            madeInGuest[m.vcpu()] = inGuest[m.vcpu()];
        } else if (event instanceof Event.IpiSent i) {
            told[i.vcpu()] = true;
        } else if (event instanceof Event.IpiElided i) {
            told[i.vcpu()] |= i.mode() == VcpuMode.EXITING_GUEST_MODE;
        } else if (event instanceof Event.BroadcastCompleted b && b.request() == request) {
            completed(record);
        }
    }

    private void completed(TraceRecord record) {
        for (int vcpu = 0; vcpu < inGuest.length; vcpu++) {
            if (inGuest[vcpu] && madeInGuest[vcpu] && !told[vcpu]) {
                violated(record, "vcpu" + vcpu + " is not told of its request", "");
            }
        }
        Arrays.fill(madeInGuest, false);
    }
}
