package org.vcpusim.check;

import java.util.List;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.Event;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * At a VM entry with APICv active RVI is the highest vector requested and SVI the highest in service, 0 where there is none.
 *
 * <p>Models what {@code vmx_set_rvi} and {@code vmx_hwapic_isr_update} are for, arch/x86/kvm/vmx/vmx.c: the processor delivers
 * RVI and ends SVI, whatever the register page says. What is only posted does not count.
 */
public final class ProcessorKnowsItsInterrupts extends Invariant {
    private static final int VECTOR_MASK = 0xff;

    private final ObservedMachine machine;

    /** One that has seen nothing but what {@code machine} has. */
    ProcessorKnowsItsInterrupts(ObservedMachine machine) {
        super(
                "P4",
                "At a VM entry with APICv active RVI is the highest vector requested and SVI the highest in service",
                Tracepoint.INTERRUPT_STATE_LOAD);
        this.machine = machine;
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.its(Kind.VECTOR, Kind.POSTED, Kind.APICV, Kind.NESTED);
    }

    @Override
    public void accept(TraceRecord record) {
        if (record.event() instanceof Event.InterruptStateLoaded load && load.apicv()) {
            if (!machine.vcpu(load.vcpu()).isDisabled()) {
                compare(
                        record,
                        load.vcpu(),
                        "RVI",
                        load.status() & VECTOR_MASK,
                        load.irr().highest());
            }
            compare(
                    record,
                    load.vcpu(),
                    "SVI",
                    load.status() >>> Byte.SIZE,
                    load.isr().highest());
        }
    }

    @SuppressWarnings("TooManyParameters") // one value and what it should be
    private void compare(TraceRecord record, int vcpu, String name, int found, int highest) {
        int right = Math.max(highest, 0);
        if (found != right) {
            violated(
                    record,
                    "vcpu" + vcpu + " entered the guest with a wrong " + name,
                    "it is " + Vectors.hex(found) + " and should be " + Vectors.hex(right));
        }
    }
}
