package org.vcpusim.kvm;

import java.util.ArrayList;
import java.util.List;

/**
 * Which vCPUs still owe an EOI for the last interrupt of pin 8, so that user space can be told whether a tick was consumed.
 *
 * <p>Source: {@code struct rtc_status} and {@code struct dest_map}, arch/x86/kvm/ioapic.h.
 *
 * @param owed the vCPUs and the vector each got, in the order in which they accepted it
 * @param pendingEois how many acceptances have not been answered by an EOI
 */
public record RtcTracking(List<Owed> owed, int pendingEois) {
    /** Nobody owes anything. */
    public static final RtcTracking NONE = new RtcTracking(List.of(), 0);

    public RtcTracking {
        owed = List.copyOf(owed);
    }

    /** A vCPU that accepted the interrupt, and with which vector. */
    public record Owed(int vcpu, int vector) {}

    /** The vector {@code vcpu} owes an EOI for, or -1. */
    public int vectorOf(int vcpu) {
        for (Owed each : owed) {
            if (each.vcpu == vcpu) {
                return each.vector;
            }
        }
        return -1;
    }

    /** The previous interrupt is not consumed yet: another one coalesces. */
    public boolean coalesces() {
        return pendingEois > 0;
    }

    RtcTracking accepted(int vcpu, int vector) {
        List<Owed> next = without(vcpu);
        next.add(new Owed(vcpu, vector));
        return new RtcTracking(next, pendingEois);
    }

    RtcTracking withPendingEois(int count) {
        return new RtcTracking(owed, count);
    }

    /** After the EOI that {@code vcpu} owes; {@code rtc_irq_eoi}. */
    RtcTracking ended(int vcpu) {
        return new RtcTracking(without(vcpu), Math.max(0, pendingEois - 1));
    }

    /** As a restore of {@code vcpu}'s state leaves it; {@code __rtc_irq_eoi_tracking_restore_one}. */
    RtcTracking restored(int vcpu, int vector, Pending pending) {
        boolean was = vectorOf(vcpu) >= 0;
        if (was == (pending == Pending.YES)) {
            return this;
        }
        return was
                ? new RtcTracking(without(vcpu), Math.max(0, pendingEois - 1))
                : new RtcTracking(accepted(vcpu, vector).owed, pendingEois + 1);
    }

    /** Whether a vCPU has the pin's vector requested or in service. */
    enum Pending {
        YES,
        NO
    }

    private List<Owed> without(int vcpu) {
        List<Owed> kept = new ArrayList<>(owed);
        kept.removeIf(each -> each.vcpu == vcpu);
        return kept;
    }
}
