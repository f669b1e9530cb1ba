package org.vcpusim.check;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.Event;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * A blocked vCPU is woken by a kick and by a request that wakes, and by no request that does not; and whoever wakes and finds it
 * asleep does wake it.
 *
 * <p>Models {@code kvm_make_vcpu_request} and {@code kvm_vcpu_kick}, virt/kvm/kvm_main.c, and KVM_REQUEST_NO_WAKEUP. A trace does not
 * say who looked at a mode: while a request to several vCPUs is being made it may have been its requester, and a kick may still come. An
 * IPI of such a request is no kick.
 */
public final class WakesAreMeant extends Invariant {
    private static final long AWAKE = -1;
    /** More kicks than there can be vCPUs are not on their way at once. */
    private static final int MOST_OWED = 4096;

    private final ByVcpu<Sleep> byVcpu = new ByVcpu<>(Sleep::new);
    private final Set<Integer> waking = new TreeSet<>();
    private final Set<Integer> quiet = new TreeSet<>();
    private boolean pic;

    private static final class Sleep {
        /** Where it went to sleep, or {@link #AWAKE}. */
        private long asleepSince = AWAKE;
        /** The records that kicks are to follow. */
        private final Deque<Long> owed = new ArrayDeque<>();
    }

    /** One that has seen nothing. */
    public WakesAreMeant() {
        super(
                "R7",
                "A blocked vCPU is woken by kicks and by requests that wake, and by nothing else",
                Tracepoint.VCPU_BLOCK,
                Tracepoint.KVM_VCPU_WAKEUP,
                Tracepoint.SLEEPER_FOUND,
                Tracepoint.IPI_ELIDED,
                Tracepoint.IPI_SENT,
                Tracepoint.KVM_APIC_ACCEPT_IRQ,
                Tracepoint.KVM_PIC_SET_IRQ,
                Tracepoint.BROADCAST_STARTED,
                Tracepoint.BROADCAST_COMPLETED);
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.its(Kind.SLEEP, Kind.KICK);
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        if (event instanceof Event.VcpuBlocked blocked) {
            byVcpu.of(blocked.vcpu()).asleepSince = record.order();
        } else if (event instanceof Event.VcpuWoken woken) {
            byVcpu.of(woken.vcpu()).asleepSince = AWAKE;
        } else if (event instanceof Event.SleeperFound found) {
            found(record, found);
        } else if (event instanceof Event.IpiElided elided) {
            elided(record, elided.vcpu());
        } else if (event instanceof Event.IpiSent sent) {
            if (sent.vector() != Event.HostVector.CALL_FUNCTION) {
                done(byVcpu.of(sent.vcpu()));
            }
        } else if (event instanceof Event.InterruptAccepted accepted) {
            owe(byVcpu.of(accepted.vcpu()), record.order());
        } else if (event instanceof Event.PicIrqSet) {
            pic = true;
        } else if (event instanceof Event.BroadcastStarted started) {
            (started.request().wakes() ? waking : quiet).add(started.operation());
        } else if (event instanceof Event.BroadcastCompleted completed) {
            waking.remove(completed.operation());
            quiet.remove(completed.operation());
        }
    }

    private void found(TraceRecord record, Event.SleeperFound found) {
        Sleep s = byVcpu.of(found.vcpu());
        boolean meant = found.cause() != Event.WakeCause.REQUEST || !s.owed.isEmpty() || pic || !waking.isEmpty();
        if (!meant) {
            violated(record, "vcpu" + found.vcpu() + " was woken by what does not wake", "");
        }
        if (found.cause() != Event.WakeCause.SIGNAL && waking.isEmpty()) {
            done(s);
        }
    }

    private static void owe(Sleep s, long order) {
        s.owed.add(order);
        if (s.owed.size() > MOST_OWED) {
            done(s);
        }
    }

    private void elided(TraceRecord record, int vcpu) {
        Sleep s = byVcpu.of(vcpu);
        if (quiet.isEmpty()) {
            Long since = s.owed.peek();
            if (s.asleepSince != AWAKE && since != null && s.asleepSince < since) {
                violated(record, "vcpu" + vcpu + " sleeps, and who was to wake it did not", "");
            }
            if (waking.isEmpty()) {
                done(s);
            }
        }
    }

    private static void done(Sleep s) {
        s.owed.poll();
    }
}
