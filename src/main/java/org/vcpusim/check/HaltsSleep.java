package org.vcpusim.check;

import java.util.Arrays;
import org.vcpusim.arch.ExitReason;
import org.vcpusim.kvm.Event;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * A guest that halts again and again takes something in between, or its vCPU sleeps.
 *
 * <p>Models {@code kvm_emulate_halt} and {@code kvm_vcpu_has_events}, arch/x86/kvm/x86.c: what ends a halt at once is on its way into the
 * guest. A few halts may end before their event is quite there, {@value #MOST} in a row do not.
 */
public final class HaltsSleep extends Invariant {
    private static final int MOST = 200;

    private int[] halts = new int[4];

    /** One that has seen nothing. */
    public HaltsSleep() {
        super(
                "L9",
                "A guest that halts again and again takes something in between, or its vCPU sleeps",
                Tracepoint.KVM_EXIT,
                Tracepoint.INTERRUPT_TAKEN,
                Tracepoint.VCPU_BLOCK,
                Tracepoint.KVM_VCPU_WAKEUP,
                Tracepoint.KVM_USERSPACE_EXIT,
                Tracepoint.KVM_NESTED_VMEXIT);
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        if (event instanceof Event.GuestExited exit) {
            if (exit.reason() == ExitReason.HLT) {
                halted(exit.vcpu(), record);
            }
        } else if (event instanceof Event.InterruptTaken taken) {
            forget(taken.vcpu());
        } else if (event instanceof Event.VcpuBlocked blocked) {
            forget(blocked.vcpu());
        } else if (event instanceof Event.VcpuWoken woken) {
            forget(woken.vcpu());
        } else if (event instanceof Event.UserspaceExited left) {
            forget(left.vcpu());
        } else if (event instanceof Event.NestedExited exited) {
            forget(exited.vcpu());
        }
    }

    private void halted(int vcpu, TraceRecord record) {
        if (vcpu >= halts.length) {
            halts = Arrays.copyOf(halts, Math.max(vcpu + 1, 2 * halts.length));
        }
        halts[vcpu]++;
        if (halts[vcpu] == MOST) {
            violated(record, "vcpu" + vcpu + " has halted " + MOST + " times in a row and never slept", "");
        }
    }

    private void forget(int vcpu) {
        if (vcpu < halts.length) {
            halts[vcpu] = 0;
        }
    }
}
