package org.vcpusim.check;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.RequestSet;
import org.vcpusim.kvm.VcpuRequest;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * No request is lost: one made is seen, one seen is applied before its vCPU enters the guest.
 *
 * <p>Models {@code kvm_check_request}, include/linux/kvm_host.h, which clears the bit before the request is handled. A
 * request is lost, and this is violated, where
 *
 * <ul>
 *   <li>its bit is gone from the requests word, or set anew, though it was never seen;
 *   <li>a make finds the bit of a flow that was seen already: it was not cleared first, and clearing it after the handling
 *       loses this make;
 *   <li>the vCPU enters the guest, or sees the same request again, before it has applied the one it saw;
 *   <li>a request is applied that was not seen.
 * </ul>
 *
 * <p>What is pending or being handled when the trace ends is no violation: the trace cannot tell whether it would have been
 * lost.
 */
public final class RequestsAreApplied extends Invariant {
    private static final VcpuRequest[] REQUESTS = VcpuRequest.values();

    private final ByVcpu<Flows> byVcpu = new ByVcpu<>(Flows::new);

    /** The flows of one vCPU: those whose bit is set, and those seen and not applied, by request. */
    private static final class Flows {
        private final RequestSet.@Nullable Flow[] made = new RequestSet.@Nullable Flow[REQUESTS.length];
        private final RequestSet.@Nullable Flow[] seen = new RequestSet.@Nullable Flow[REQUESTS.length];
        /** Masks of the requests that the arrays hold a flow of: most entries and exits find nothing to look up. */
        private long madeWord;

        private long seenWord;
        /** The trace has its creation: nothing was made before. */
        private boolean known;

        void setMade(RequestSet.Flow flow) {
            made[flow.request().ordinal()] = flow;
            madeWord |= flow.request().mask();
        }

        void clearMade(VcpuRequest request) {
            made[request.ordinal()] = null;
            madeWord &= ~request.mask();
        }

        void setSeen(RequestSet.Flow flow) {
            seen[flow.request().ordinal()] = flow;
            seenWord |= flow.request().mask();
        }

        void clearSeen(VcpuRequest request) {
            seen[request.ordinal()] = null;
            seenWord &= ~request.mask();
        }
    }

    /** One that has seen nothing. */
    public RequestsAreApplied() {
        super(
                "R1",
                "A request that was made is seen, and one that was seen is applied before the guest is entered",
                Tracepoint.VMCS_INIT,
                Tracepoint.REQUEST_MADE,
                Tracepoint.REQUEST_SEEN,
                Tracepoint.REQUEST_APPLIED,
                Tracepoint.KVM_ENTRY,
                Tracepoint.KVM_EXIT,
                Tracepoint.ENTRY_CANCELLED);
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.its(Kind.KICK, Kind.MODE);
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        if (event instanceof Event.RequestMade made) {
            if (made.flow().request().isRecorded()) {
                made(made, record);
            }
        } else if (event instanceof Event.RequestSeen seen) {
            seen(seen, record);
        } else if (event instanceof Event.RequestApplied applied) {
            applied(applied, record);
        } else if (event instanceof Event.GuestEntered entry) {
            everySeenIsApplied(entry.vcpu(), record);
            everyMadeIsIn(entry.requests(), entry.vcpu(), record);
        } else if (event instanceof Event.GuestExited exit) {
            everyMadeIsIn(exit.requests(), exit.vcpu(), record);
        } else if (event instanceof Event.VmcsInitialised initialised) {
            of(initialised.vcpu()).known = true;
        } else if (event instanceof Event.EntryCancelled cancelled) {
            everyMadeIsIn(cancelled.requests(), cancelled.vcpu(), record);
        }
    }

    private void made(Event.RequestMade made, TraceRecord record) {
        Flows flows = of(made.vcpu());
        int request = made.flow().request().ordinal();
        if (!made.coalesced()) {
            RequestSet.Flow before = flows.made[request];
            if (before != null) {
                lost(record, made.vcpu(), before, "was cleared before it was seen");
            }
            flows.setMade(made.flow());
        } else if (made.flow().equals(flows.seen[request])) {
            lost(record, made.vcpu(), made.flow(), "was made again while its bit, seen already, was still set");
        } else if (flows.known && flows.made[request] == null) {
            violated(
                    record,
                    made.flow().request() + " of vcpu" + made.vcpu() + " is told as made before, and was not",
                    "flow " + made.flow().flow());
        }
    }

    private void seen(Event.RequestSeen seen, TraceRecord record) {
        Flows flows = of(seen.vcpu());
        int request = seen.flow().request().ordinal();
        RequestSet.Flow before = flows.seen[request];
        if (before != null) {
            lost(record, seen.vcpu(), before, "was seen and not applied before the next was seen");
        }
        flows.setSeen(seen.flow());
        flows.clearMade(seen.flow().request());
    }

    private void applied(Event.RequestApplied applied, TraceRecord record) {
        Flows flows = of(applied.vcpu());
        int request = applied.flow().request().ordinal();
        if (!applied.flow().equals(flows.seen[request])) {
            lost(record, applied.vcpu(), applied.flow(), "was applied and not seen");
        }
        flows.clearSeen(applied.flow().request());
    }

    private void everySeenIsApplied(int vcpu, TraceRecord record) {
        Flows flows = of(vcpu);
        if (flows.seenWord == 0) {
            return;
        }
        for (VcpuRequest request : REQUESTS) {
            RequestSet.Flow flow = flows.seen[request.ordinal()];
            if (flow != null) {
                lost(record, vcpu, flow, "was seen and not applied before the guest was entered");
                flows.clearSeen(request);
            }
        }
    }

    private void everyMadeIsIn(long word, int vcpu, TraceRecord record) {
        Flows flows = of(vcpu);
        if ((flows.madeWord & ~word) == 0) {
            return;
        }
        for (VcpuRequest request : REQUESTS) {
            RequestSet.Flow flow = flows.made[request.ordinal()];
            if (flow != null && (word & request.mask()) == 0) {
                lost(record, vcpu, flow, "is not pending and was never seen");
                flows.clearMade(request);
            }
        }
    }

    private Flows of(int vcpu) {
        return byVcpu.of(vcpu);
    }

    private void lost(TraceRecord record, int vcpu, RequestSet.Flow flow, String how) {
        violated(
                record,
                flow.request() + " of vcpu" + vcpu + " " + how,
                "flow " + flow.flow() + ", table write " + flow.sequence());
    }
}
