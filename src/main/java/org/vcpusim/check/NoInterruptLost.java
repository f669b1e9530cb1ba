package org.vcpusim.check;

import java.util.Map;
import java.util.TreeMap;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.VcpuRequest;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * At quiescence no guest sleeps that would take an interrupt which is requested or posted, and none has gone past one unasked.
 *
 * <p>Without APICv only KVM_REQ_EVENT makes a vCPU look at its local APIC, {@code vcpu_enter_guest}, arch/x86/kvm/x86.c. Whoever
 * requests a vector has to make it, be it after the vCPU has entered the guest past it: what counts is that nobody has made
 * it when the run ends, and that nothing else made the vCPU take the interrupt.
 */
public final class NoInterruptLost extends Invariant {
    private final Map<Integer, Passed> passedOver = new TreeMap<>();

    private record Passed(TraceRecord entry, int vector) {}

    /** One that has seen nothing. */
    public NoInterruptLost() {
        super(
                "L3",
                "No guest sleeps for good that would take an interrupt which is requested or posted, or has gone past one",
                Tracepoint.INTERRUPT_LOST,
                Tracepoint.INTERRUPT_PASSED_OVER,
                Tracepoint.REQUEST_MADE,
                Tracepoint.KVM_INJ_VIRQ,
                Tracepoint.EOI_EXITMAP_AUDIT);
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        if (event instanceof Event.InterruptLost lost) {
            violated(record, "vcpu" + lost.vcpu() + " sleeps, and nobody will wake it for vector " + lost.vector(), "");
        } else if (event instanceof Event.InterruptPassedOver passed) {
            passedOver.putIfAbsent(passed.vcpu(), new Passed(record, passed.vector()));
        } else if (event instanceof Event.RequestMade made) {
            if (made.flow().request() == VcpuRequest.EVENT) {
                passedOver.remove(made.vcpu());
            }
        } else if (event instanceof Event.InterruptInjected injected) {
            passedOver.remove(injected.vcpu());
        } else if (event instanceof Event.EoiExitBitmapAudited audited) {
            judged(audited.vcpu(), record);
        }
    }

    private void judged(int vcpu, TraceRecord audit) {
        Passed passed = passedOver.remove(vcpu);
        if (passed != null) {
            violated(
                    audit,
                    passed.entry,
                    "vcpu" + vcpu + " entered the guest past vector " + passed.vector
                            + ", and nobody made it look again",
                    "");
        }
    }
}
