package org.vcpusim.check;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.vcpusim.check.Thing.Kind;
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
 * judged when the last of these completes: then its own has. A make outside any broadcast of its request is judged where one has
 * completed before all its makes were seen: then it is late.
 */
public final class WaitBroadcastLeavesNoOldEntry extends Invariant {
    private static final long OUTSIDE = -1;

    private final Map<Integer, Broadcast> running = new TreeMap<>();
    private final ByVcpu<Entry> entries = new ByVcpu<>(Entry::new);
    /** Makes of broadcasts that have completed and that were not seen before, by request. */
    private final Map<VcpuRequest, Integer> makesMissing = new EnumMap<>(VcpuRequest.class);

    /** The last record of a vCPU's entry while it is in the guest. */
    private static final class Entry {
        private long order = OUTSIDE;
    }

    private static final class Broadcast {
        private final VcpuRequest request;
        private final int targets;
        private final List<Make> makes = new ArrayList<>();

        Broadcast(VcpuRequest request, int targets) {
            this.request = request;
            this.targets = targets;
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
    public List<Thing> looksAt() {
        return Thing.its(Kind.KICK, Kind.MODE);
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        if (event instanceof Event.GuestEntered entry) {
            entries.of(entry.vcpu()).order = record.order();
        } else if (event instanceof Event.GuestExited exit) {
            entries.of(exit.vcpu()).order = OUTSIDE;
        } else if (event instanceof Event.BroadcastStarted started) {
            if (started.request().waits()) {
                running.put(started.operation(), new Broadcast(started.request(), started.targets()));
            }
        } else if (event instanceof Event.RequestMade made) {
            made(made, record);
        } else if (event instanceof Event.BroadcastCompleted completed) {
            completed(completed, record);
        }
    }

    private void made(Event.RequestMade made, TraceRecord record) {
        if (running.isEmpty() && makesMissing.isEmpty()) {
            return;
        }
        Make make = new Make(made.vcpu(), record.order());
        for (Broadcast broadcast : running.values()) {
            if (broadcast.request == made.flow().request()) {
                broadcast.makes.add(make);
                make.candidates++;
            }
        }
        VcpuRequest request = made.flow().request();
        int missing = makesMissing.getOrDefault(request, 0);
        if (make.candidates == 0 && missing > 0) {
            makesMissing.put(request, missing - 1);
            late(made, record);
        }
    }

    private void late(Event.RequestMade made, TraceRecord record) {
        long entry = entries.of(made.vcpu()).order;
        if (entry != OUTSIDE) {
            violated(
                    record,
                    "the broadcast of " + made.flow().request() + " had completed before vcpu" + made.vcpu()
                            + ", which is in the guest, saw its request",
                    "entered at record " + entry + ", request made at record " + record.order());
        }
    }

    private void completed(Event.BroadcastCompleted completed, TraceRecord record) {
        Broadcast broadcast = running.remove(completed.operation());
        if (broadcast == null) {
            return;
        }
        int missing = broadcast.request.isRecorded() ? broadcast.targets - broadcast.makes.size() : 0;
        if (missing > 0) {
            makesMissing.merge(broadcast.request, missing, Integer::sum);
        }
        for (Make make : broadcast.makes) {
            make.candidates--;
            long entry = entries.of(make.vcpu).order;
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
