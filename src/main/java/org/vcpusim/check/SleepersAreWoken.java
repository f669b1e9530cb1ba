package org.vcpusim.check;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.VcpuRequest;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * A broadcast of a request that wakes, one without KVM_REQUEST_NO_WAKEUP, leaves no target asleep that slept when its bit was
 * set.
 *
 * <p>Models {@code kvm_make_vcpu_request} and {@code kvm_vcpu_wake_up}, virt/kvm/kvm_main.c. A make that happens while several
 * broadcasts of the same request run may belong to any of them, and is judged when the last of these completes. A make
 * outside of any broadcast wakes nobody by itself and is not judged.
 */
public final class SleepersAreWoken extends Invariant {
    private final Map<Integer, VcpuRequest> running = new TreeMap<>();
    private final Set<Integer> asleep = new TreeSet<>();
    private final Map<Integer, Owed> owed = new TreeMap<>();

    /** A vCPU that has to be woken since {@code make}. */
    private record Owed(VcpuRequest request, TraceRecord make) {}

    /** One that has seen nothing. */
    public SleepersAreWoken() {
        super(
                "R5",
                "When a broadcast of a request that wakes is over, every vCPU that slept when it was asked has been woken",
                Tracepoint.BROADCAST_STARTED,
                Tracepoint.REQUEST_MADE,
                Tracepoint.BROADCAST_COMPLETED,
                Tracepoint.VCPU_BLOCK,
                Tracepoint.KVM_VCPU_WAKEUP);
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.its(Kind.SLEEP);
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        if (event instanceof Event.BroadcastStarted started) {
            if (started.request().wakes()) {
                running.put(started.operation(), started.request());
            }
        } else if (event instanceof Event.RequestMade made) {
            VcpuRequest request = made.flow().request();
            if (!running.isEmpty() && asleep.contains(made.vcpu()) && running.containsValue(request)) {
                owed.putIfAbsent(made.vcpu(), new Owed(request, record));
            }
        } else if (event instanceof Event.VcpuBlocked blocked) {
            asleep.add(blocked.vcpu());
        } else if (event instanceof Event.VcpuWoken woken) {
            asleep.remove(woken.vcpu());
            owed.remove(woken.vcpu());
        } else if (event instanceof Event.BroadcastCompleted completed) {
            running.remove(completed.operation());
            if (completed.request().wakes() && !running.containsValue(completed.request())) {
                judge(completed, record);
            }
        }
    }

    private void judge(Event.BroadcastCompleted completed, TraceRecord record) {
        owed.forEach((vcpu, each) -> {
            if (each.request == completed.request()) {
                violated(
                        record,
                        each.make,
                        "the broadcast of " + each.request + " completed while vcpu" + vcpu + " slept on",
                        "operation " + completed.operation());
            }
        });
        owed.values().removeIf(each -> each.request == completed.request());
    }
}
