package org.vcpusim.check;

import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.VcpuMode;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * The only mode that another CPU changes is IN_GUEST_MODE, to EXITING_GUEST_MODE. Who does it sends an IPI, and so does who finds
 * EXITING_GUEST_MODE and waits; nobody else.
 *
 * <p>Models {@code kvm_vcpu_exiting_guest_mode}, include/linux/kvm_host.h; {@code kvm_request_needs_ipi} and
 * {@code kvm_vcpu_kick}, virt/kvm/kvm_main.c. There is at most one change an entry, so at most one IPI that nobody waits for. A
 * trace does not say whose IPI it is: modes found and IPIs sent or saved are counted, and must match in the end. Nor does it say
 * when a vCPU that has left its guest, or is about to enter it, changes its mode itself.
 */
public final class OneIpiPerEntry extends Invariant {
    private final ByVcpu<Found> byVcpu = new ByVcpu<>(Found::new);
    private final Set<Integer> waiting = new TreeSet<>();

    /** What requesters have found and not acted on. */
    private static final class Found {
        private int inGuest;
        private int other;
        /** How many changes of the mode may still come. */
        private int allowed = 1;
    }

    /** One that has seen nothing. */
    public OneIpiPerEntry() {
        super(
                "R4",
                "Other CPUs change a mode only from IN_GUEST_MODE to EXITING_GUEST_MODE, and send one IPI for it",
                Tracepoint.MODE_EXCHANGED,
                Tracepoint.IPI_SENT,
                Tracepoint.IPI_ELIDED,
                Tracepoint.KVM_ENTRY,
                Tracepoint.KVM_EXIT,
                Tracepoint.ENTRY_CANCELLED,
                Tracepoint.BROADCAST_STARTED,
                Tracepoint.BROADCAST_COMPLETED,
                Tracepoint.VCPU_AUDIT);
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.its(Kind.KICK, Kind.MODE);
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        if (event instanceof Event.ModeExchanged exchanged) {
            exchanged(record, exchanged);
        } else if (event instanceof Event.IpiSent sent) {
            sent(record, sent);
        } else if (event instanceof Event.IpiElided elided) {
            elided(record, elided);
        } else if (event instanceof Event.GuestExited exit) {
            byVcpu.of(exit.vcpu()).allowed++;
        } else if (event instanceof Event.EntryCancelled cancelled) {
            byVcpu.of(cancelled.vcpu()).allowed = 1;
        } else if (event instanceof Event.GuestEntered entry) {
            byVcpu.of(entry.vcpu()).allowed = 1;
        } else if (event instanceof Event.BroadcastStarted started) {
            if (started.request().waits()) {
                waiting.add(started.operation());
            }
        } else if (event instanceof Event.BroadcastCompleted completed) {
            waiting.remove(completed.operation());
        } else if (event instanceof Event.VcpuAudited audited) {
            Found f = byVcpu.of(audited.vcpu());
            if (f.inGuest + f.other > 0) {
                violated(record, "vcpu" + audited.vcpu() + " was found in the guest and got no IPI", "");
            }
        }
    }

    private void exchanged(TraceRecord record, Event.ModeExchanged exchanged) {
        Found f = byVcpu.of(exchanged.vcpu());
        boolean in = exchanged.before() == VcpuMode.IN_GUEST_MODE;
        VcpuMode right = in ? VcpuMode.EXITING_GUEST_MODE : exchanged.before();
        if (exchanged.after() != right || in && f.allowed == 0) {
            violated(
                    record,
                    "another CPU changed the mode of vcpu" + exchanged.vcpu() + " as none may",
                    exchanged.before() + " to " + exchanged.after());
        }
        f.allowed -= in && f.allowed > 0 ? 1 : 0;
        f.inGuest += in ? 1 : 0;
        f.other += in ? 0 : 1;
    }

    private void sent(TraceRecord record, Event.IpiSent sent) {
        Found f = byVcpu.of(sent.vcpu());
        if (sent.vector() == Event.HostVector.RESCHEDULE) {
            if (f.inGuest == 0) {
                violated(record, "a kick sent vcpu" + sent.vcpu() + " an IPI that it did not need", "");
            } else {
                f.inGuest--;
            }
        } else if (sent.vector() == Event.HostVector.CALL_FUNCTION) {
            called(record, f, sent.vcpu());
        }
    }

    private void called(TraceRecord record, Found f, int vcpu) {
        if (!waiting.isEmpty() && f.other > 0) {
            f.other--;
        } else if (f.inGuest > 0) {
            f.inGuest--;
        } else {
            violated(record, "a request sent vcpu" + vcpu + " an IPI that it did not need", "");
        }
    }

    private void elided(TraceRecord record, Event.IpiElided elided) {
        Found f = byVcpu.of(elided.vcpu());
        if (elided.mode() == VcpuMode.IN_GUEST_MODE) {
            violated(record, "nobody sent vcpu" + elided.vcpu() + " an IPI though it was found in the guest", "");
            f.inGuest = Math.max(0, f.inGuest - 1);
        } else if (elided.mode() != VcpuMode.OUTSIDE_GUEST_MODE) {
            if (f.other > 0) {
                f.other--;
            } else {
                f.inGuest = Math.max(0, f.inGuest - 1);
            }
        }
    }
}
