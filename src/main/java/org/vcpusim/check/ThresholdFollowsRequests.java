package org.vcpusim.check;

import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import org.vcpusim.arch.ExitReason;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.Machine;
import org.vcpusim.kvm.VcpuRequest;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * Without APICv an entry after KVM_REQ_EVENT has the TPR threshold that makes the guest leave when its task priority falls below
 * what is requested: the class of the highest vector requested where the priority keeps that back, else 0.
 *
 * <p>Models {@code update_cr8_intercept}, arch/x86/kvm/x86.c, and {@code vmx_update_cr8_intercept}, arch/x86/kvm/vmx/vmx.c. What was
 * requested since events were looked at has its own KVM_REQ_EVENT. The threshold of a disabled local APIC is not written.
 */
public final class ThresholdFollowsRequests extends Invariant {
    private static final int CLASS_SHIFT = 4;

    private final ObservedMachine machine;
    /** Events were looked at in this pass, and nothing has been requested since. */
    private boolean[] looked = new boolean[0];
    /** The vCPUs that have entered L1 last with a threshold. */
    private final BitSet watched = new BitSet();

    /** One that has seen nothing but what {@code machine} has. */
    ThresholdFollowsRequests(ObservedMachine machine) {
        super(
                "P10",
                "Without APICv the TPR threshold is the class of the vector that the task priority keeps back, else 0, and then nobody leaves for it",
                Tracepoint.REQUEST_SEEN,
                Tracepoint.INTERRUPT_REQUESTED,
                Tracepoint.POSTED_INTERRUPTS_SYNC,
                Tracepoint.INTERRUPT_STATE_LOAD,
                Tracepoint.KVM_EXIT,
                Tracepoint.ENTRY_CANCELLED);
        this.machine = machine;
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.its(Kind.VECTOR, Kind.APICV);
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        if (event instanceof Event.RequestSeen seen) {
            if (seen.flow().request() == VcpuRequest.EVENT) {
                set(seen.vcpu(), true);
            }
        } else if (event instanceof Event.InterruptStateLoaded loaded) {
            watched.set(loaded.vcpu(), loaded.threshold() != 0);
            if (loaded.vcpu() < looked.length && looked[loaded.vcpu()]) {
                loaded(record, loaded);
            }
        } else {
            if (event instanceof Event.GuestExited exit) {
                exited(record, exit);
            }
            set(((Event.OfVcpu) event).vcpu(), false);
        }
    }

    private void exited(TraceRecord record, Event.GuestExited exit) {
        boolean below = exit.reason() == ExitReason.TPR_BELOW_THRESHOLD;
        if (below && !watched.get(exit.vcpu()) && machine.vcpu(exit.vcpu()).ofL2 == null) {
            violated(record, "the TPR of vcpu" + exit.vcpu() + " is below a threshold that it has not", "");
        }
        watched.clear(exit.vcpu());
    }

    private void set(int vcpu, boolean now) {
        if (vcpu >= looked.length) {
            if (!now) {
                return;
            }
            looked = Arrays.copyOf(looked, vcpu + 4);
        }
        looked[vcpu] = now;
    }

    private void loaded(TraceRecord record, Event.InterruptStateLoaded loaded) {
        ObservedVcpu v = machine.vcpu(loaded.vcpu());
        if (loaded.hints().apicv() == Machine.Apicv.ACTIVE || v.ofL2 != null || !v.accepts()) {
            return;
        }
        int requested = loaded.irr().highest() >> CLASS_SHIFT;
        int right = requested >= 0 && loaded.priority() >> CLASS_SHIFT >= requested ? requested : 0;
        if (loaded.threshold() != right) {
            violated(
                    record,
                    "vcpu" + loaded.vcpu() + " entered the guest with the TPR threshold " + loaded.threshold(),
                    "it should be " + right);
        }
    }
}
