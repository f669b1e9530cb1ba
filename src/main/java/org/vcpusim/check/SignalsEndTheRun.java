package org.vcpusim.check;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.EntryPhase;
import org.vcpusim.kvm.Event;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * A vCPU that was signalled leaves KVM_RUN before it enters its guest again, and does not sleep on.
 *
 * <p>Models {@code kvm_vcpu_exit_request} and the look for signals in {@code vcpu_run}, arch/x86/kvm/x86.c, and
 * {@code kvm_vcpu_check_block}, virt/kvm/kvm_main.c. A guest that runs goes on until it exits.
 */
public final class SignalsEndTheRun extends Invariant {
    /** How many entries of a vCPU that was signalled are cancelled at most before it leaves: the first one is about it. */
    private static final int MOST_CANCELLED = 2;

    private final Map<Integer, TraceRecord> signalled = new TreeMap<>();
    private final Map<Integer, Integer> cancelled = new TreeMap<>();

    /** One that has seen nothing. */
    public SignalsEndTheRun() {
        super(
                "R8",
                "A vCPU that was signalled leaves KVM_RUN before it enters its guest again, and does not sleep on",
                Tracepoint.VCPU_SIGNALLED,
                Tracepoint.ENTRY_CANCELLED,
                Tracepoint.KVM_ENTRY,
                Tracepoint.KVM_USERSPACE_EXIT,
                Tracepoint.VCPU_AUDIT);
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.its(Kind.KICK, Kind.MODE, Kind.SLEEP);
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        if (event instanceof Event.VcpuSignalled signal) {
            signalled.putIfAbsent(signal.vcpu(), record);
        } else if (signalled.isEmpty()) {
            return;
        } else if (event instanceof Event.UserspaceExited exited) {
            signalled.remove(exited.vcpu());
            cancelled.remove(exited.vcpu());
        } else if (event instanceof Event.EntryCancelled entry) {
            if (signalled.containsKey(entry.vcpu())
                    && cancelled.merge(entry.vcpu(), 1, Integer::sum) == MOST_CANCELLED) {
                judged(record, entry.vcpu(), " was signalled, and tries to enter its guest again");
            }
        } else if (event instanceof Event.GuestEntered entered) {
            judged(record, entered.vcpu(), " was signalled, and enters its guest again");
        } else if (event instanceof Event.VcpuAudited audited && audited.phase() == EntryPhase.BLOCKED) {
            judged(record, audited.vcpu(), " was signalled, and sleeps on");
        }
    }

    private void judged(TraceRecord record, int vcpu, String what) {
        TraceRecord since = signalled.remove(vcpu);
        if (since != null) {
            violated(record, since, "vcpu" + vcpu + what, "");
        }
    }
}
