package org.vcpusim.check;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.VcpuRequest;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * When a broadcast of a request with KVM_REQUEST_WAIT completes, none of its targets is still in a guest entry that
 * committed before the target's bit was set.
 *
 * <p>Models what {@code kvm_make_vcpus_request_mask} promises its caller, virt/kvm/kvm_main.c. A trace does not say which
 * broadcast a make belongs to. One that happens while several of the same request run may belong to any of them, and is
 * judged when the last of these completes: then its own has. Makes outside any broadcast of their request are not judged.
 */
public final class WaitBroadcastLeavesNoOldEntry extends Invariant {
    private static final long OUTSIDE = -1;

    private final Map<Integer, Broadcast> running = new TreeMap<>();
    private final Map<Integer, Long> entryOrders = new TreeMap<>();

    private static final class Broadcast {
        private final VcpuRequest request;
        private final List<Make> makes = new ArrayList<>();

        Broadcast(VcpuRequest request) {
            this.request = request;
        }
    }

    /** A make and how many running broadcasts it may belong to. */
    private static final class Make {
        private final int vcpu;
        private final long order;
        private int candidates;

        Make(int vcpu, long order) {
            this.vcpu = vcpu;
            this.order = order;
        }
    }

    /** One that has seen nothing. */
    public WaitBroadcastLeavesNoOldEntry() {
        super(
                "R3",
                "When a broadcast that waits completes, no target is still in a guest entry from before its request",
                Tracepoint.KVM_ENTRY,
                Tracepoint.KVM_EXIT,
                Tracepoint.BROADCAST_STARTED,
                Tracepoint.REQUEST_MADE,
                Tracepoint.BROADCAST_COMPLETED);
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        if (event instanceof Event.GuestEntered entry) {
            entryOrders.put(entry.vcpu(), record.order());
        } else if (event instanceof Event.GuestExited exit) {
            entryOrders.put(exit.vcpu(), OUTSIDE);
        } else if (event instanceof Event.BroadcastStarted started) {
            if (started.request().waits()) {
                running.put(started.operation(), new Broadcast(started.request()));
            }
        } else if (event instanceof Event.RequestMade made) {
            made(made, record.order());
        } else if (event instanceof Event.BroadcastCompleted completed) {
            completed(completed, record);
        }
    }

    private void made(Event.RequestMade made, long order) {
        Make make = new Make(made.vcpu(), order);
        for (Broadcast broadcast : running.values()) {
            if (broadcast.request == made.flow().request()) {
                broadcast.makes.add(make);
                make.candidates++;
            }
        }
    }

    private void completed(Event.BroadcastCompleted completed, TraceRecord record) {
        Broadcast broadcast = running.remove(completed.operation());
        if (broadcast == null) {
            return;
        }
        for (Make make : broadcast.makes) {
            make.candidates--;
            long entry = entryOrders.getOrDefault(make.vcpu, OUTSIDE);
            if (make.candidates == 0 && entry != OUTSIDE && entry < make.order) {
                violated(
                        record,
                        "the broadcast of " + broadcast.request + " completed while vcpu" + make.vcpu
                                + " was still in the guest it had entered before",
                        "entered at record " + entry + ", request made at record " + make.order + ", operation "
                                + completed.operation());
            }
        }
    }
}
