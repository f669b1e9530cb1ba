package org.vcpusim.kvm;

import org.jspecify.annotations.Nullable;

/**
 * The requests pending for one vCPU: the {@code requests} word, and for each bit the flow that set it.
 *
 * <p>A flow is one life of a request bit, from the make that sets it to the check that clears it; its number joins the
 * made, seen and applied events. A make of a bit that is set already joins the flow that set it. Source:
 * {@code kvm_make_request}, {@code kvm_check_request} in include/linux/kvm_host.h.
 */
public final class RequestSet {
    /** Nothing pending. */
    public static final RequestSet NONE = new RequestSet(0, 0, null);

    private final long word;
    private final int flowsStarted;
    private final @Nullable Pending pending;

    private RequestSet(long word, int flowsStarted, @Nullable Pending pending) {
        this.word = word;
        this.flowsStarted = flowsStarted;
        this.pending = pending;
    }

    /**
     * One pending request.
     *
     * @param flow number of the flow, counted from 1 for each vCPU
     * @param sequence number of the redirection-table write that caused it, or 0
     */
    public record Flow(VcpuRequest request, int flow, int sequence) {}

    private record Pending(Flow flow, @Nullable Pending next) {}

    /** The {@code requests} word. */
    public long word() {
        return word;
    }

    /** Whether no bit is set. */
    public boolean isEmpty() {
        return word == 0;
    }

    /** Whether the bit of {@code request} is set. */
    public boolean test(VcpuRequest request) {
        return (word & request.mask()) != 0;
    }

    /** This set with the bit of {@code request} set; {@code sequence} is the table write behind it, or 0. */
    public RequestSet make(VcpuRequest request, int sequence) {
        if (test(request) || !request.isRecorded()) {
            return this;
        }
        Flow flow = new Flow(request, flowsStarted + 1, sequence);
        return new RequestSet(word | request.mask(), flowsStarted + 1, new Pending(flow, pending));
    }

    /** This set with the bit of {@code request} clear. */
    public RequestSet clear(VcpuRequest request) {
        if (!test(request)) {
            return this;
        }
        return new RequestSet(word & ~request.mask(), flowsStarted, remove(pending, request));
    }

    /** The flow of {@code request}, null where its bit is clear. */
    public @Nullable Flow flowOf(VcpuRequest request) {
        for (Pending p = pending; p != null; p = p.next) {
            if (p.flow.request == request) {
                return p.flow;
            }
        }
        return null;
    }

    private static @Nullable Pending remove(@Nullable Pending list, VcpuRequest request) {
        if (list == null || list.flow.request == request) {
            return list == null ? null : list.next;
        }
        return new Pending(list.flow, remove(list.next, request));
    }
}
