package org.vcpusim.check;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.vcpusim.arch.RedirectionEntry;
import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.ApicIdentity;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.Ioapic;
import org.vcpusim.kvm.RtcTracking;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * The RTC counts as many EOIs to come as there are vCPUs that owe it one, and these come; whoever is given its interrupt by user space
 * owes it one too, and from whom user space takes it owes none. Nobody else stops owing one but by the EOI of that vector.
 *
 * <p>Models {@code rtc_status.pending_eoi} and {@code dest_map}, and {@code kvm_rtc_eoi_tracking_restore_one},
 * arch/x86/kvm/ioapic.c: while the count is above 0 ticks coalesce.
 *
 * <p>Legal: INIT takes interrupts away and tells the IOAPIC of no EOI, nor does user space where it puts a local APIC's state back whose
 * vCPU the entry does not lead to any more. KVM counts on these EOIs for good.
 */
public final class RtcCountsItsEois extends Invariant {
    private static final int ANY = -1;

    private final ByVcpu<Lost> byVcpu = new ByVcpu<>(Lost::new);
    private final ObservedMachine machine;
    /** Local APICs that user space has put back, whose vCPUs have not entered the guest since, by vCPU. */
    private final Map<Integer, Restored> restored = new TreeMap<>();

    private RtcTracking last = RtcTracking.NONE;
    /** What each vCPU has ended last, and may have paid for; {@value #ANY} where user space has put something back. */
    private final Map<Integer, Integer> paid = new TreeMap<>();

    /** A local APIC was put back: with which vectors, which came since, and what pin 8 was then. */
    private record Restored(TraceRecord record, VectorBitmap held, VectorBitmap since, RedirectionEntry entry) {
        Restored with(int vector) {
            return new Restored(record, held, since.with(vector), entry);
        }

        boolean mayHold(int vector) {
            return held.get(vector) || since.get(vector);
        }
    }

    /** Whether INIT or user space has taken one vCPU's interrupts away, and what it may hold all the same. */
    private static final class Lost {
        private boolean all;
        private VectorBitmap but = VectorBitmap.EMPTY;

        void allBut(VectorBitmap held) {
            all = true;
            but = held;
        }
    }

    /** One that has seen nothing but what {@code machine} has. */
    RtcCountsItsEois(ObservedMachine machine) {
        super(
                "I9",
                "The RTC counts as many EOIs to come as there are vCPUs that owe it one, only EOIs of its interrupts pay them, and whoever is given its interrupt by user space owes it one",
                Tracepoint.RTC_TRACKED,
                Tracepoint.VCPU_RESET,
                Tracepoint.LAPIC_STATE_SET,
                Tracepoint.IOAPIC_STATE_RESTORED,
                Tracepoint.EOI_FORWARDED,
                Tracepoint.KVM_APIC_ACCEPT_IRQ,
                Tracepoint.KVM_ENTRY,
                Tracepoint.VCPU_AUDIT);
        this.machine = machine;
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.any(Kind.RTC, Kind.LINE);
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        if (event instanceof Event.RtcTracked rtc) {
            debts(record, rtc.tracking());
            last = rtc.tracking();
            compare(record, last);
        } else if (event instanceof Event.VcpuReset reset) {
            byVcpu.of(reset.vcpu()).allBut(VectorBitmap.EMPTY);
        } else if (event instanceof Event.LapicStateSet set) {
            VectorBitmap held = set.irr().or(set.isr());
            byVcpu.of(set.vcpu()).allBut(held);
            paid.put(set.vcpu(), ANY);
            if (machine.vcpu(set.vcpu()).initialised && !machine.isSplit()) {
                restored.put(set.vcpu(), new Restored(record, held, VectorBitmap.EMPTY, machine.entry(Ioapic.RTC_PIN)));
            }
        } else if (event instanceof Event.IoapicStateRestored) {
            last.owed().forEach(owed -> paid.put(owed.vcpu(), ANY));
        } else if (event instanceof Event.EoiForwarded eoi) {
            paid.put(eoi.vcpu(), eoi.vector());
        } else if (event instanceof Event.GuestEntered entered) {
            entered(record, entered.vcpu());
        } else if (event instanceof Event.InterruptAccepted accepted) {
            Lost lost = byVcpu.of(accepted.vcpu());
            lost.but = lost.but.with(accepted.vector());
            restored.computeIfPresent(accepted.vcpu(), (vcpu, since) -> since.with(accepted.vector()));
        } else if (event instanceof Event.VcpuAudited audited) {
            audited(record, audited);
        }
    }

    /**
     * Whoever enters with the interrupt that user space has given it owes its EOI, and who enters without it none, where pin 8 leads
     * there all the time.
     */
    private void entered(TraceRecord record, int vcpu) {
        Restored since = restored.remove(vcpu);
        RedirectionEntry entry = machine.entry(Ioapic.RTC_PIN);
        ApicIdentity apic = machine.vcpu(vcpu).identity;
        boolean judged = since != null
                && apic != null
                && since.entry.equals(entry)
                && machine.rule().leadsTo(apic, entry);
        if (since == null || !judged) {
            return;
        }
        boolean owes = last.vectorOf(vcpu) >= 0;
        if (since.held.get(entry.vector()) && !owes) {
            violated(
                    record,
                    since.record,
                    "the RTC waits for no EOI by vcpu" + vcpu + ", which was given its vector "
                            + Vectors.hex(entry.vector()),
                    "");
        } else if (owes && !since.mayHold(last.vectorOf(vcpu))) {
            violated(
                    record,
                    since.record,
                    "the RTC waits for an EOI by vcpu" + vcpu + ", from which its vector "
                            + Vectors.hex(last.vectorOf(vcpu)) + " was taken",
                    "");
        }
    }

    /** Nobody stops owing an EOI but by giving it. */
    private void debts(TraceRecord record, RtcTracking tracking) {
        for (RtcTracking.Owed owed : last.owed()) {
            int by = paid.getOrDefault(owed.vcpu(), owed.vector());
            if (tracking.vectorOf(owed.vcpu()) < 0 && by != ANY && by != owed.vector()) {
                violated(
                        record,
                        "the RTC waits no more for the EOI of vector " + Vectors.hex(owed.vector()) + " by vcpu"
                                + owed.vcpu() + ", which has ended another",
                        "vector " + Vectors.hex(by));
            }
        }
    }

    /** Who owes an EOI has the interrupt. */
    private void audited(TraceRecord record, Event.VcpuAudited audited) {
        int vector = last.vectorOf(audited.vcpu());
        VectorBitmap held = audited.irr().or(audited.isr()).or(audited.pir());
        Lost lost = byVcpu.of(audited.vcpu());
        if (vector >= 0 && !held.get(vector) && (!lost.all || lost.but.get(vector))) {
            violated(
                    record,
                    "the RTC waits for an EOI of vector " + Vectors.hex(vector) + " by vcpu" + audited.vcpu()
                            + ", whose local APIC does not hold it",
                    "");
        }
    }

    private void compare(TraceRecord record, RtcTracking tracking) {
        int owing = tracking.owed().size();
        if (tracking.pendingEois() != owing) {
            violated(
                    record,
                    "the RTC counts " + tracking.pendingEois() + " EOIs to come, and " + owing + " vCPUs owe it one",
                    "");
        }
    }
}
