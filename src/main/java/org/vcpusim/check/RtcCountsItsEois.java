package org.vcpusim.check;

import java.util.List;
import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.RtcTracking;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * The RTC counts as many EOIs to come as there are vCPUs that owe it one, and these come.
 *
 * <p>Models {@code rtc_status.pending_eoi} and {@code dest_map}, arch/x86/kvm/ioapic.c: while the count is above 0 ticks coalesce.
 *
 * <p>Legal: INIT takes interrupts away and tells the IOAPIC of no EOI, nor does user space where it puts a local APIC's state back whose
 * vCPU the entry does not lead to any more. KVM counts on these EOIs for good.
 */
public final class RtcCountsItsEois extends Invariant {
    private final ByVcpu<Lost> byVcpu = new ByVcpu<>(Lost::new);
    private RtcTracking last = RtcTracking.NONE;

    /** Whether INIT or user space has taken one vCPU's interrupts away, and what it may hold all the same. */
    private static final class Lost {
        private boolean all;
        private VectorBitmap but = VectorBitmap.EMPTY;

        void allBut(VectorBitmap held) {
            all = true;
            but = held;
        }
    }

    /** One that has seen nothing. */
    public RtcCountsItsEois() {
        super(
                "I9",
                "The RTC counts as many EOIs to come as there are vCPUs that owe it one, and these come",
                Tracepoint.RTC_TRACKED,
                Tracepoint.VCPU_RESET,
                Tracepoint.LAPIC_STATE_SET,
                Tracepoint.KVM_APIC_ACCEPT_IRQ,
                Tracepoint.VCPU_AUDIT);
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.any(Kind.RTC, Kind.LINE);
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        if (event instanceof Event.RtcTracked rtc) {
            last = rtc.tracking();
            compare(record, last);
        } else if (event instanceof Event.VcpuReset reset) {
            byVcpu.of(reset.vcpu()).allBut(VectorBitmap.EMPTY);
        } else if (event instanceof Event.LapicStateSet set) {
            byVcpu.of(set.vcpu()).allBut(set.irr().or(set.isr()));
        } else if (event instanceof Event.InterruptAccepted accepted) {
            Lost lost = byVcpu.of(accepted.vcpu());
            lost.but = lost.but.with(accepted.vector());
        } else if (event instanceof Event.VcpuAudited audited) {
            audited(record, audited);
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
