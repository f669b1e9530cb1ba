package org.vcpusim.check;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.LapicHints;
import org.vcpusim.kvm.Machine;
import org.vcpusim.kvm.VcpuRequest;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * What KVM notes of IRR and ISR fits them, so that it finds every interrupt without searching: where APICv is inactive,
 * {@code irr_pending} is false only with an empty IRR, {@code isr_count} counts ISR, and {@code highest_isr_cache} is -1 or the
 * highest vector in service. Where it is active the processor changes both, and the notes make KVM search.
 *
 * <p>Models {@code apic_find_highest_irr}, {@code apic_find_highest_isr}, {@code kvm_apic_update_apicv},
 * arch/x86/kvm/lapic.c. A sender sets its bit of IRR before the hint, and then makes KVM_REQ_EVENT: an entry in between is in
 * order where a sender is between the two, and one with a hint too low is a violation then only if nobody makes that request before
 * the run ends.
 */
public final class HintsFitTheRegisters extends Invariant {
    private static final int UNKNOWN = -1;

    /** What the last entry of a vCPU loaded where its hint promised an empty IRR and has not been raised since. */
    private final Map<Integer, Low> low = new TreeMap<>();

    private final ByVcpu<Senders> senders = new ByVcpu<>(Senders::new);

    private record Low(TraceRecord load, int vector, boolean entered) {
        Low withEntered() {
            return new Low(load, vector, true);
        }
    }

    /** One that has seen nothing. */
    public HintsFitTheRegisters() {
        super(
                "P5",
                "What KVM notes of IRR and ISR fits them where APICv is inactive, and makes it search where APICv is active",
                Tracepoint.INTERRUPT_STATE_LOAD,
                Tracepoint.KVM_ENTRY,
                Tracepoint.REQUEST_MADE,
                Tracepoint.INTERRUPT_REQUESTED,
                Tracepoint.IRR_PENDING_RAISED,
                Tracepoint.VCPU_AUDIT);
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.its(Kind.VECTOR, Kind.POSTED, Kind.APICV);
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        if (event instanceof Event.InterruptStateLoaded loaded) {
            loaded(record, loaded);
        } else if (event instanceof Event.GuestEntered entry) {
            low.computeIfPresent(entry.vcpu(), (vcpu, last) -> last.entered ? null : last.withEntered());
        } else if (event instanceof Event.RequestMade made) {
            if (made.flow().request() == VcpuRequest.EVENT) {
                low.remove(made.vcpu());
            }
        } else if (event instanceof Event.InterruptRequested requested) {
            senders.of(requested.vcpu()).requested(requested);
        } else if (event instanceof Event.IrrPendingRaised raised) {
            senders.of(raised.vcpu()).raised(raised);
        } else if (event instanceof Event.VcpuAudited audited) {
            Low last = low.remove(audited.vcpu());
            if (last != null) {
                wrong(last.load, audited.vcpu(), "irr_pending", "it is false, and IRR has " + Vectors.hex(last.vector));
            }
        }
    }

    private void loaded(TraceRecord record, Event.InterruptStateLoaded loaded) {
        LapicHints hints = loaded.hints();
        boolean active = hints.apicv() == Machine.Apicv.ACTIVE;
        if (!hints.irrPending() && active) {
            wrong(record, loaded.vcpu(), "irr_pending", "it is false, and the processor may have requested another");
        } else if (!hints.irrPending() && !loaded.irr().isEmpty()) {
            if (!senders.of(loaded.vcpu()).isHintDue()) {
                wrong(
                        record,
                        loaded.vcpu(),
                        "irr_pending",
                        "it is false, and IRR has " + Vectors.hex(loaded.irr().highest()));
                return;
            }
            low.put(loaded.vcpu(), new Low(record, loaded.irr().highest(), false));
        }
        int count = active ? 1 : loaded.isr().cardinality();
        if (hints.isrCount() != count) {
            wrong(record, loaded.vcpu(), "isr_count", "it is " + hints.isrCount() + " and should be " + count);
        }
        int highest = loaded.isr().highest();
        int cache = hints.highestIsrCache();
        if (cache != UNKNOWN && active) {
            wrong(
                    record,
                    loaded.vcpu(),
                    "highest_isr_cache",
                    "it is " + Vectors.hex(cache) + ", and the processor may end that without KVM");
        } else if (cache != UNKNOWN && cache != highest) {
            wrong(
                    record,
                    loaded.vcpu(),
                    "highest_isr_cache",
                    "it is " + Vectors.hex(cache) + " and the highest vector in service " + Vectors.hex(highest));
        }
    }

    @SuppressWarnings("TooManyParameters") // where, what, why
    private void wrong(TraceRecord record, int vcpu, String hint, String why) {
        violated(record, "vcpu" + vcpu + " entered the guest with a wrong " + hint, why);
    }
}
