package org.vcpusim.check;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.vcpusim.arch.ApicRegister;
import org.vcpusim.arch.ExitReason;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.VcpuRequest;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * An EOI ends the highest vector in service, be it the processor or KVM that carries it out; and KVM carries out every EOI that it
 * is told of before its vCPU enters the guest again, and makes KVM_REQ_EVENT.
 *
 * <p>Models {@code apic_set_eoi} and {@code kvm_apic_set_eoi_accelerated}, arch/x86/kvm/lapic.c; SDM volume 3, "EOI
 * Virtualization". L2's own local APIC is not judged.
 */
public final class EoiEndsTheHighest extends Invariant {
    private final LocalApics apics;
    /** Writes of the EOI register that KVM has emulated and not carried out, by vCPU. */
    private final Map<Integer, TraceRecord> written = new TreeMap<>();
    /** EOIs behind which KVM has not made KVM_REQ_EVENT, by vCPU. */
    private final List<@Nullable TraceRecord> unasked = new ArrayList<>();

    /** One that has seen nothing. */
    public EoiEndsTheHighest() {
        this(new LocalApics());
    }

    EoiEndsTheHighest(LocalApics apics) {
        super(
                "X3",
                "An EOI ends the highest vector in service, and none is forgotten; where KVM sees it, it looks for the next interrupt",
                LocalApics.tracepointsAnd(Tracepoint.KVM_APIC, Tracepoint.KVM_MSR, Tracepoint.REQUEST_MADE));
        this.apics = apics;
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.and(Thing.its(Kind.VECTOR), List.of(Thing.request(Thing.ITS, VcpuRequest.EVENT)));
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        int vcpu = ((Event.OfVcpu) event).vcpu();
        LocalApics.State state = apics.before(record, vcpu);
        if (event instanceof Event.EoiReceived eoi) {
            written.remove(vcpu);
            setUnasked(vcpu, eoi.vector() < 0 ? null : record);
            int right = state.ended() == LocalApics.NONE ? state.isr().highest() : state.ended();
            ends(record, state, new Eoi(vcpu, eoi.vector(), right));
        } else if (event instanceof Event.EoiVirtualized eoi) {
            ends(record, state, new Eoi(vcpu, eoi.vector(), ofProcessor(state)));
        } else if (event instanceof Event.GuestExited exit) {
            if (exit.reason() == ExitReason.EOI_INDUCED && !state.inL2()) {
                ends(record, state, new Eoi(vcpu, (int) exit.qualification(), ofProcessor(state)));
            }
        } else if (event instanceof Event.RequestMade made) {
            if (made.flow().request() == VcpuRequest.EVENT) {
                setUnasked(vcpu, null);
            }
        } else if (event instanceof Event.GuestEntered) {
            entered(record, vcpu, state);
        } else if (event instanceof Event.ApicAccessed access) {
            note(record, vcpu, access.access(), access.offset() == ApicRegister.EOI.offset());
        } else if (event instanceof Event.MsrAccessed access) {
            note(record, vcpu, access.access(), access.msr() == ApicRegister.EOI.msr() && !access.fault());
        }
    }

    private void setUnasked(int vcpu, @Nullable TraceRecord eoi) {
        while (unasked.size() <= vcpu) {
            unasked.add(null);
        }
        unasked.set(vcpu, eoi);
    }

    @SuppressWarnings("TooManyParameters") // an access, by its parts
    private void note(TraceRecord record, int vcpu, Event.Access access, boolean eoi) {
        if (eoi && access == Event.Access.WRITE) {
            written.put(vcpu, record);
        }
    }

    /** With nothing in service SVI is 0, and that is what the processor ends. */
    private static int ofProcessor(LocalApics.State state) {
        return Math.max(state.isr().highest(), 0);
    }

    /** What ended, and what should have. */
    private record Eoi(int vcpu, int vector, int right) {}

    private void ends(TraceRecord record, LocalApics.State state, Eoi eoi) {
        if (state.known() && eoi.vector != eoi.right) {
            violated(
                    record,
                    "an EOI of vcpu" + eoi.vcpu + " ended vector " + Vectors.hex(eoi.vector),
                    "the highest in service was " + Vectors.hex(eoi.right));
        }
    }

    private void entered(TraceRecord record, int vcpu, LocalApics.State state) {
        TraceRecord write = written.remove(vcpu);
        if (write != null) {
            violated(record, write, "vcpu" + vcpu + " entered the guest and its EOI was not carried out", "");
        }
        TraceRecord eoi = vcpu < unasked.size() ? unasked.get(vcpu) : null;
        if (eoi != null) {
            unasked.set(vcpu, null);
            violated(record, eoi, "vcpu" + vcpu + " entered the guest and did not look for what its EOI lets in", "");
        }
        if (state.ended() != LocalApics.NONE) {
            violated(
                    record,
                    "vcpu" + vcpu + " entered the guest and nobody looked at its EOI",
                    "vector " + Vectors.hex(state.ended()));
        }
    }
}
