package org.vcpusim.check;

import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.kvm.Event;
import org.vcpusim.trace.TraceRecord;

/**
 * IRR and ISR hold what was requested, taken and ended, and nothing else: no interrupt comes from nowhere, none disappears, none is
 * taken twice. Every VM entry shows them, and so does the audit.
 *
 * <p>Models {@code kvm_lapic_set_irr}, {@code apic_clear_irr}, {@code apic_set_isr}, {@code apic_clear_isr},
 * arch/x86/kvm/lapic.c; SDM volume 3, "Virtual-Interrupt Delivery" and "EOI Virtualization".
 */
public final class RegistersFollowEvents extends Invariant {
    private final LocalApics apics;

    /** One that has seen nothing. */
    public RegistersFollowEvents() {
        this(new LocalApics());
    }

    RegistersFollowEvents(LocalApics apics) {
        super(
                "X1",
                "IRR and ISR hold what was requested, taken and ended, and nothing else",
                LocalApics.tracepointsAnd());
        this.apics = apics;
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        int vcpu = ((Event.OfVcpu) event).vcpu();
        LocalApics.State state = apics.before(record, vcpu);
        if (!state.known()) {
            return;
        }
        if (event instanceof Event.InterruptStateLoaded loaded) {
            compare(record, "IRR of vcpu" + vcpu, loaded.irr(), state.irr());
            compare(record, "ISR of vcpu" + vcpu, loaded.isr(), state.isr());
            return;
        }
        if (event instanceof Event.GuestEntered && !state.loaded()) {
            compare(record, "IRR of vcpu" + vcpu, VectorBitmap.EMPTY, state.irr());
            compare(record, "ISR of vcpu" + vcpu, VectorBitmap.EMPTY, state.isr());
        }
        if (event instanceof Event.VcpuAudited audited) {
            compare(record, "IRR of vcpu" + vcpu, audited.irr(), state.irr());
            compare(record, "ISR of vcpu" + vcpu, audited.isr(), state.isr());
        }
    }

    @SuppressWarnings("TooManyParameters") // what is there and what should be
    private void compare(TraceRecord record, String register, VectorBitmap found, VectorBitmap right) {
        if (!found.equals(right)) {
            violated(record, register + " is not what the events make of it", BitmapDifference.of(found, right));
        }
    }
}
