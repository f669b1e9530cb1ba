package org.vcpusim.sim;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.vcpusim.check.Invariant;
import org.vcpusim.check.Violation;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.Machine;
import org.vcpusim.kvm.VcpuMode;
import org.vcpusim.kvm.VcpuRequest;
import org.vcpusim.trace.TraceRecord;

/**
 * When a broadcast about the redirection table completes, every target that was in the guest has been told: since that
 * entry somebody sent it an IPI, or left that to another requester ({@code EXITING_GUEST_MODE}).
 *
 * <p>It holds for runs in which only writes of the table broadcast: {@code ioapic->lock} lets one of them run at a time. The
 * requests that do not wait need it, since a vCPU that is not told of one applies it whenever it next leaves the guest.
 */
final class TargetsAreTold implements Invariant {
    private final VcpuRequest request;
    private final boolean[] inGuest;
    private final boolean[] madeInGuest;
    private final boolean[] told;
    private final List<Violation> violations = new ArrayList<>();

    TargetsAreTold(Machine machine) {
        request = machine.protocol().tableRequest();
        inGuest = new boolean[machine.vcpuCount()];
        madeInGuest = new boolean[machine.vcpuCount()];
        told = new boolean[machine.vcpuCount()];
    }

    /** This and all others, for one run. */
    static List<Invariant> andAll(Machine machine) {
        List<Invariant> all = new ArrayList<>(Invariant.all());
        all.add(new TargetsAreTold(machine));
        return all;
    }

    @Override
    public String id() {
        return "targets-are-told";
    }

    @Override
    public List<Violation> violations() {
        return violations;
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
                violations.add(new Violation(id(), "vcpu" + vcpu + " is not told of its request", record, ""));
            }
        }
        Arrays.fill(madeInGuest, false);
    }
}
