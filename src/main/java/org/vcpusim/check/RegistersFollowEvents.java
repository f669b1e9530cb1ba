package org.vcpusim.check;

import java.util.BitSet;
import java.util.List;
import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.ApicIdentity;
import org.vcpusim.kvm.Event;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * IRR and ISR hold what was requested, taken and ended, and nothing else: no interrupt comes from nowhere, none disappears, none is
 * taken twice. Every VM entry shows them, and so does the audit; TPR is the one that was written last. INIT leaves all of them empty.
 *
 * <p>Models {@code kvm_lapic_set_irr}, {@code apic_clear_irr}, {@code apic_set_isr}, {@code apic_clear_isr},
 * arch/x86/kvm/lapic.c; SDM volume 3, "Virtual-Interrupt Delivery" and "EOI Virtualization".
 */
public final class RegistersFollowEvents extends Invariant {
    private final LocalApics apics;
    /** vCPUs that INIT has reset and whose address has not been told since. */
    private final BitSet initialised = new BitSet();

    /** One that has seen nothing. */
    public RegistersFollowEvents() {
        this(new LocalApics());
    }

    RegistersFollowEvents(LocalApics apics) {
        super(
                "X1",
                "IRR and ISR hold what was requested, taken and ended, and nothing else, and INIT leaves nothing",
                LocalApics.tracepointsAnd(Tracepoint.APIC_IDENTITY_CHANGED));
        this.apics = apics;
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.its(Kind.VECTOR, Kind.POSTED);
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        if (event instanceof Event.ApicIdentityChanged changed) {
            addressed(record, changed.identity());
            return;
        }
        int vcpu = ((Event.OfVcpu) event).vcpu();
        LocalApics.State state = apics.before(record, vcpu);
        if (event instanceof Event.VcpuReset reset) {
            reset(record, reset);
            initialised.set(reset.vcpu());
        }
        if (!state.known()) {
            return;
        }
        if (event instanceof Event.InterruptStateLoaded loaded) {
            compare(record, "IRR of vcpu" + vcpu, loaded.irr(), state.irr());
            compare(record, "ISR of vcpu" + vcpu, loaded.isr(), state.isr());
            compare(record, vcpu, loaded.priority(), state.priority());
            return;
        }
        if (event instanceof Event.InterruptRequested requested) {
            requested(record, requested, state);
            return;
        }
        if (event instanceof Event.GuestEntered && !state.loaded()) {
            compare(record, "IRR of vcpu" + vcpu, VectorBitmap.EMPTY, state.irr());
            compare(record, "ISR of vcpu" + vcpu, VectorBitmap.EMPTY, state.isr());
            compare(record, vcpu, 0, state.priority());
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

    @SuppressWarnings("TooManyParameters") // what is there and what should be
    private void compare(TraceRecord record, int vcpu, int found, int right) {
        if (found != right) {
            violated(
                    record,
                    "TPR of vcpu" + vcpu + " is not what was written",
                    "it is " + Vectors.hex(found) + ", not " + Vectors.hex(right));
        }
    }

    private void requested(TraceRecord record, Event.InterruptRequested requested, LocalApics.State state) {
        boolean there = state.irr().get(requested.vector());
        if (requested.by() == Event.SyncedBy.KVM && requested.coalesced() != there) {
            violated(
                    record,
                    "vector " + Vectors.hex(requested.vector()) + " of vcpu" + requested.vcpu()
                            + (there ? " was requested already, which is not told" : " is told as requested already"),
                    "");
        }
    }

    private void reset(TraceRecord record, Event.VcpuReset reset) {
        boolean empty =
                reset.irr().isEmpty() && reset.isr().isEmpty() && reset.tmr().isEmpty() && reset.priority() == 0;
        if (!empty) {
            violated(
                    record,
                    "INIT has left something in the local APIC of vcpu" + reset.vcpu(),
                    "TPR " + reset.priority() + ", IRR " + reset.irr() + ", ISR " + reset.isr() + ", TMR "
                            + reset.tmr());
        }
    }

    /** INIT leaves a local APIC that software has to enable, and an xAPIC without logical ID. */
    private void addressed(TraceRecord record, ApicIdentity apic) {
        if (!initialised.get(apic.vcpu())) {
            return;
        }
        initialised.clear(apic.vcpu());
        if (apic.softwareEnabled() || !apic.x2apic() && (apic.ldr() != 0 || apic.dfr() != ApicIdentity.DFR_FLAT)) {
            violated(record, "INIT has left the local APIC of vcpu" + apic.vcpu() + " enabled or addressed", "");
        }
    }
}
