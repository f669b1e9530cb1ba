package org.vcpusim.check;

import java.util.List;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.ApicIdentity;
import org.vcpusim.kvm.Event;
import org.vcpusim.trace.TraceRecord;

/**
 * A local APIC hands over the highest vector requested, and only one whose priority class is above PPR's; be it that the processor
 * delivers it or that KVM takes it. One that IA32_APIC_BASE disables hands over none.
 *
 * <p>Models {@code kvm_apic_has_interrupt} and {@code kvm_apic_ack_interrupt}, arch/x86/kvm/lapic.c; SDM volume 3, "Task and
 * Processor Priorities", "Evaluation of Pending Virtual Interrupts". L2's own local APIC is not judged.
 */
public final class HighestPriorityFirst extends Invariant {
    private final LocalApics apics;
    private final ObservedMachine machine;

    /** One that has seen nothing but what {@code apics} and {@code machine} have. */
    HighestPriorityFirst(LocalApics apics, ObservedMachine machine) {
        super(
                "X2",
                "A local APIC hands over the highest vector requested, and only one above PPR, and while IA32_APIC_BASE disables it none",
                LocalApics.tracepointsAnd());
        this.apics = apics;
        this.machine = machine;
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.its(Kind.VECTOR, Kind.POSTED);
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        int vcpu = ((Event.OfVcpu) event).vcpu();
        LocalApics.State state = apics.before(record, vcpu);
        if (!state.known()) {
            return;
        }
        if (event instanceof Event.InterruptAcknowledged taken) {
            ApicIdentity apic = machine.vcpu(vcpu).identity;
            if (apic != null && !apic.present()) {
                violated(
                        record,
                        "vcpu" + vcpu + " took vector " + Vectors.hex(taken.vector())
                                + " from a local APIC that is disabled",
                        "");
            }
            taken(record, vcpu, taken.vector(), state);
        } else if (event instanceof Event.VirtualInterruptDelivered delivered && !state.inL2()) {
            boolean old = machine.vcpu(vcpu).isDisabled() && delivered.vector() == state.rvi();
            if (!old) {
                taken(record, vcpu, delivered.vector(), state);
            }
        }
    }

    @SuppressWarnings("TooManyParameters") // what was taken, and what there was
    private void taken(TraceRecord record, int vcpu, int vector, LocalApics.State state) {
        String took = "vcpu" + vcpu + " took vector " + Vectors.hex(vector);
        if (!state.irr().get(vector)) {
            violated(record, took + ", which was not requested", "");
        } else if (vector != state.irr().highest()) {
            violated(
                    record,
                    took + " before a higher one",
                    "requested was " + Vectors.hex(state.irr().highest()));
        } else if (!state.admits(vector)) {
            violated(record, took + ", which its priority keeps out", "PPR is " + state.processorPriority());
        }
    }
}
