package org.vcpusim.check;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.VcpuRequest;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * Where an entry is cancelled that was to inject an interrupt or to leave at once, the next pass looks at events again, and
 * injects the same interrupt.
 *
 * <p>Models {@code vmx_cancel_injection}, arch/x86/kvm/vmx/vmx.c, and the {@code req_immediate_exit} of
 * {@code vcpu_enter_guest}, arch/x86/kvm/x86.c: each makes KVM_REQ_EVENT.
 */
public final class CancelledEntryIsRedone extends Invariant {
    private static final int NONE = -1;

    private final ByVcpu<Pass> byVcpu = new ByVcpu<>(Pass::new);

    private static final class Pass {
        /** Written to the VM-entry field since the last entry. */
        private int injected = NONE;

        private boolean exitWanted;
        /** The entry that was cancelled, until events were looked at again. */
        private @Nullable TraceRecord cancelled;
        /** What the cancelled entry was to inject, until it is injected again. */
        private int lost = NONE;
        /** L2 is to be entered, with what L1 injects. */
        private boolean ofL1;
    }

    /** One that has seen nothing. */
    public CancelledEntryIsRedone() {
        super(
                "R6",
                "After an entry was cancelled the next pass looks at events again and injects what was to be injected",
                Tracepoint.KVM_INJ_VIRQ,
                Tracepoint.IMMEDIATE_EXIT_WANTED,
                Tracepoint.ENTRY_CANCELLED,
                Tracepoint.REQUEST_SEEN,
                Tracepoint.VCPU_RESET,
                Tracepoint.VMCS02_PREPARED,
                Tracepoint.KVM_ENTRY);
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.and(Thing.its(Kind.MODE, Kind.KICK), List.of(Thing.request(Thing.ITS, VcpuRequest.EVENT)));
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        if (event instanceof Event.InterruptInjected injected) {
            Pass p = byVcpu.of(injected.vcpu());
            if (injected.reinjected() && p.lost != injected.vector() && !p.ofL1) {
                violated(
                        record,
                        "vector " + Vectors.hex(injected.vector()) + " is injected again, and no entry of vcpu"
                                + injected.vcpu() + " was cancelled that had it",
                        "");
            }
            p.injected = injected.vector();
            p.lost = p.lost == injected.vector() && injected.reinjected() ? NONE : p.lost;
        } else if (event instanceof Event.ImmediateExitWanted wanted) {
            byVcpu.of(wanted.vcpu()).exitWanted = true;
        } else if (event instanceof Event.EntryCancelled cancelled) {
            cancelled(byVcpu.of(cancelled.vcpu()), record);
        } else if (event instanceof Event.RequestSeen seen) {
            if (seen.flow().request() == VcpuRequest.EVENT) {
                byVcpu.of(seen.vcpu()).cancelled = null;
            }
        } else if (event instanceof Event.Vmcs02Prepared prepared) {
            byVcpu.of(prepared.vcpu()).ofL1 = true;
        } else if (event instanceof Event.VcpuReset reset) {
            byVcpu.forget(reset.vcpu());
        } else if (event instanceof Event.GuestEntered entry) {
            entered(entry.vcpu(), record);
        }
    }

    private static void cancelled(Pass p, TraceRecord record) {
        if (p.injected != NONE || p.exitWanted) {
            p.cancelled = record;
        }
        p.lost = p.injected != NONE ? p.injected : p.lost;
        p.injected = NONE;
        p.exitWanted = false;
    }

    private void entered(int vcpu, TraceRecord record) {
        Pass p = byVcpu.of(vcpu);
        if (p.cancelled != null) {
            violated(
                    record,
                    p.cancelled,
                    "vcpu" + vcpu
                            + " entered the guest and did not look again at the events of the entry it had cancelled",
                    "");
        } else if (p.lost != NONE) {
            violated(
                    record,
                    "vcpu" + vcpu + " entered the guest without vector " + Vectors.hex(p.lost)
                            + " of the cancelled entry",
                    "");
        }
        byVcpu.forget(vcpu);
    }
}
