package org.vcpusim.check;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.EntryPhase;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.MpState;
import org.vcpusim.kvm.VcpuRequest;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * An interrupt that was accepted is taken: when nothing moves any more no guest sleeps or runs on that would take one which is
 * requested or posted, and none has gone past one unasked.
 *
 * <p>Models what {@code kvm_vcpu_has_events}, arch/x86/kvm/x86.c, and the posted-interrupt protocol are for. What is requested and what
 * is in service are the events' account of it. Without APICv only KVM_REQ_EVENT makes a vCPU look at its local APIC,
 * {@code vcpu_enter_guest}. Whoever requests a vector has to make it, be it after the vCPU has entered the guest past it: what counts
 * then is that nobody has made it when the run ends, and that nothing else made the vCPU take the interrupt. Where no sender is about to
 * make it, an entry past an interrupt is one too many.
 */
public final class NoInterruptLost extends Invariant {
    private static final int CLASS = 0xf0;

    private final LocalApics apics;
    private final Map<Integer, Passed> passedOver = new TreeMap<>();
    private final ByVcpu<Senders> senders = new ByVcpu<>(Senders::new);

    private record Passed(TraceRecord entry, int vector) {}

    /** One that has seen nothing. */
    public NoInterruptLost() {
        this(new LocalApics());
    }

    NoInterruptLost(LocalApics apics) {
        super(
                "L3",
                "No guest sleeps or runs on for good that would take an interrupt which is requested or posted, or has gone past one",
                LocalApics.tracepointsAnd(
                        Tracepoint.INTERRUPT_PASSED_OVER,
                        Tracepoint.INTERRUPTS_HELD_BACK,
                        Tracepoint.IRR_PENDING_RAISED,
                        Tracepoint.REQUEST_MADE,
                        Tracepoint.KVM_INJ_VIRQ));
        this.apics = apics;
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.and(
                Thing.its(Kind.SLEEP, Kind.POSTED, Kind.KICK, Kind.PLACE),
                List.of(Thing.request(Thing.ITS, VcpuRequest.EVENT)));
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        if (event instanceof Event.InterruptPassedOver passed) {
            passed(record, passed);
        } else if (event instanceof Event.InterruptsHeldBack held) {
            heldBack(record, held);
        } else if (event instanceof Event.IrrPendingRaised raised) {
            senders.of(raised.vcpu()).raised(raised);
        } else if (event instanceof Event.RequestMade made) {
            if (made.flow().request() == VcpuRequest.EVENT) {
                passedOver.remove(made.vcpu());
                senders.of(made.vcpu()).made(VcpuRequest.EVENT);
            }
        } else if (event instanceof Event.InterruptInjected injected) {
            passedOver.remove(injected.vcpu());
        } else {
            LocalApics.State state = apics.before(record, ((Event.OfVcpu) event).vcpu());
            if (event instanceof Event.VcpuAudited audited) {
                judged(record, audited, state);
            } else if (event instanceof Event.InterruptRequested requested) {
                senders.of(requested.vcpu()).requested(requested);
            }
        }
    }

    private void passed(TraceRecord record, Event.InterruptPassedOver passed) {
        if (senders.of(passed.vcpu()).isRequestDue(passed.vector())) {
            passedOver.putIfAbsent(passed.vcpu(), new Passed(record, passed.vector()));
        } else {
            violated(
                    record,
                    "vcpu" + passed.vcpu() + " entered the guest past vector " + Vectors.hex(passed.vector())
                            + ", and nobody is about to make it look again",
                    "");
        }
    }

    /** What holds an interrupt back where the processor delivers is its priority, and nothing else. */
    private void heldBack(TraceRecord record, Event.InterruptsHeldBack held) {
        int requested = held.requested() & CLASS;
        if (requested > (held.inService() & CLASS) && requested > (held.priority() & CLASS)) {
            violated(
                    record,
                    (held.nested() ? "L2 of vcpu" : "vcpu") + held.vcpu() + " goes on past vector "
                            + Vectors.hex(held.requested()) + ", which nothing holds back",
                    "in service is " + Vectors.hex(held.inService()) + ", TPR is " + Vectors.hex(held.priority()));
        }
    }

    private void judged(TraceRecord record, Event.VcpuAudited audited, LocalApics.State state) {
        Passed passed = passedOver.remove(audited.vcpu());
        int vector = state.known() && audited.enabled() && audited.interruptible() ? deliverable(state) : -1;
        if (vector >= 0 && audited.phase() == EntryPhase.BLOCKED && audited.state() == MpState.HALTED) {
            violated(
                    record,
                    "vcpu" + audited.vcpu() + " sleeps, and nobody will wake it for vector " + Vectors.hex(vector),
                    "");
        } else if (vector >= 0 && (audited.phase() == EntryPhase.IN_GUEST || audited.phase() == EntryPhase.OFF_CPU)) {
            violated(record, "vcpu" + audited.vcpu() + " runs on and does not take vector " + Vectors.hex(vector), "");
        } else if (passed != null) {
            violated(
                    record,
                    passed.entry,
                    "vcpu" + audited.vcpu() + " entered the guest past vector " + Vectors.hex(passed.vector)
                            + ", and nobody made it look again",
                    "");
        }
    }

    private static int deliverable(LocalApics.State state) {
        VectorBitmap there = state.irr().or(state.pir());
        int vector = there.highest();
        return vector >= 0 && state.admits(vector) ? vector : -1;
    }
}
