package org.vcpusim.check;

import java.util.List;
import org.vcpusim.arch.ExitReason;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.VcpuRequest;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * A guest that halts again and again takes something in between, or its vCPU sleeps.
 *
 * <p>Models {@code kvm_emulate_halt} and {@code kvm_vcpu_has_events}, arch/x86/kvm/x86.c: what ends a halt at once is on its way into the
 * guest. A few halts may end before their event is quite there, {@value #MOST} in a row do not.
 *
 * <p>Legal: who sends an interrupt stores it and asks for KVM_REQ_EVENT behind that. In between every halt ends and nothing is
 * injected, for as long as the sender's processor takes. Halts count from the request then; a sender that never asks is told
 * after {@value #MOST_BEFORE_REQUEST}. A vCPU whose interrupts a debugger holds back is not put to sleep while there is one; KVM looks
 * again and again.
 */
public final class HaltsSleep extends Invariant {
    private static final int MOST = 200;
    private static final int MOST_BEFORE_REQUEST = 10_000;

    private final ByVcpu<Series> byVcpu = new ByVcpu<>(Series::new);

    /** Halts in a row of one vCPU. */
    private static final class Series {
        private int halts;
        /** An interrupt was accepted, and nobody has asked for it to be injected. */
        private boolean requestIsDue;
        /** A debugger holds its interrupts back. */
        private boolean blocked;
    }

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
                Tracepoint.KVM_NESTED_VMEXIT,
                Tracepoint.KVM_APIC_ACCEPT_IRQ,
                Tracepoint.GUEST_DEBUG_SET,
                Tracepoint.REQUEST_MADE);
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.its(Kind.SLEEP, Kind.MODE);
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        if (event instanceof Event.GuestExited exit) {
            if (exit.reason() == ExitReason.HLT) {
                halted(exit.vcpu(), record);
            }
        } else if (event instanceof Event.InterruptAccepted accepted) {
            byVcpu.of(accepted.vcpu()).requestIsDue = true;
        } else if (event instanceof Event.RequestMade made) {
            if (made.flow().request() == VcpuRequest.EVENT) {
                asked(made.vcpu());
            }
        } else if (event instanceof Event.GuestDebugSet debug) {
            byVcpu.of(debug.vcpu()).blocked = debug.blockIrq();
            forget(debug.vcpu());
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
        Series series = byVcpu.of(vcpu);
        series.halts += series.blocked ? 0 : 1;
        int most = series.requestIsDue ? MOST_BEFORE_REQUEST : MOST;
        if (series.halts == most) {
            violated(record, "vcpu" + vcpu + " has halted " + most + " times in a row and never slept", "");
        }
    }

    private void asked(int vcpu) {
        Series series = byVcpu.of(vcpu);
        if (series.requestIsDue) {
            series.requestIsDue = false;
            series.halts = 0;
        }
    }

    private void forget(int vcpu) {
        byVcpu.of(vcpu).halts = 0;
    }
}
