package org.vcpusim.kvm;

import org.vcpusim.arch.LocalApic;

/**
 * What KVM keeps beside a local APIC's register page, so that it need not search it; and whether APICv is active, which says
 * who else changes the page.
 *
 * <p>Source: {@code apicv_active}, {@code irr_pending}, {@code isr_count}, {@code highest_isr_cache} of {@code struct kvm_lapic},
 * arch/x86/kvm/lapic.h; {@code kvm_apic_update_apicv}, {@code apic_clear_irr}, {@code apic_set_isr},
 * {@code apic_clear_isr}, arch/x86/kvm/lapic.c. While APICv is active the processor changes IRR and ISR and no hint follows:
 * each says then that the page must be searched.
 *
 * @param apicv whether APICv is active for this vCPU
 * @param irrPending false promises an empty IRR
 * @param isrCount how many vectors are in service; 0 promises none
 * @param highestIsrCache the highest vector in service, or -1 for unknown
 */
public record LapicHints(Machine.Apicv apicv, boolean irrPending, int isrCount, int highestIsrCache) {
    private static final int UNKNOWN = -1;

    /** What is known of {@code page} by looking at nothing but its ISR, and with APICv active not even at that. */
    static LapicHints of(Machine.Apicv apicv, LocalApic page) {
        int inService = apicv == Machine.Apicv.ACTIVE ? 1 : page.isr().cardinality();
        return new LapicHints(apicv, true, inService, UNKNOWN);
    }

    /**
     * After APICv came or went, with {@code page} as it is then. While it was active the processor changed the page, so that
     * nothing that was known before is kept.
     */
    LapicHints afterChange(Machine.Apicv next, LocalApic page, Rules rules) {
        LapicHints fresh = of(next, page);
        boolean recomputed = rules.has(Fault.IRR_HINT_RECOMPUTED) && next == Machine.Apicv.INACTIVE;
        boolean pending = !recomputed || !page.irr().isEmpty();
        int cache = rules.has(Fault.ISR_CACHE_SURVIVES_APICV) ? highestIsrCache : UNKNOWN;
        return new LapicHints(next, pending, fresh.isrCount, cache);
    }

    /** After user space replaced the registers by {@code page}. */
    LapicHints afterRestore(LocalApic page, Rules rules) {
        LapicHints fresh = of(apicv, page);
        boolean untouched = rules.has(Fault.IRR_HINT_UNTOUCHED) && apicv == Machine.Apicv.INACTIVE;
        return untouched ? new LapicHints(apicv, irrPending, fresh.isrCount, UNKNOWN) : fresh;
    }

    /** Whether they are those of a local APIC that nothing is in service at. */
    boolean fitsEmptyIsr() {
        return highestIsrCache == UNKNOWN && (apicv == Machine.Apicv.ACTIVE || isrCount == 0);
    }

    /** The highest vector requested, or -1; {@code apic_find_highest_irr}. */
    int highestIrr(LocalApic page) {
        return irrPending ? page.irr().highest() : UNKNOWN;
    }

    /** The highest vector in service, or -1; {@code apic_find_highest_isr}. */
    int highestIsr(LocalApic page) {
        if (isrCount == 0) {
            return UNKNOWN;
        }
        return highestIsrCache == UNKNOWN ? page.isr().highest() : highestIsrCache;
    }

    /** After a bit of IRR was set: the bit first, then the hint. */
    LapicHints irrSet() {
        return irrPending ? this : new LapicHints(apicv, true, isrCount, highestIsrCache);
    }

    /**
     * Before a bit of IRR is cleared. KVM drops the hint, clears the bit and raises the hint again if it finds another: a vector
     * requested meanwhile raises it too.
     */
    LapicHints irrDropped() {
        return apicv == Machine.Apicv.ACTIVE ? this : new LapicHints(apicv, false, isrCount, highestIsrCache);
    }

    /** After {@code vector}, which was not in service, was put there. */
    LapicHints isrSet(int vector) {
        return apicv == Machine.Apicv.ACTIVE ? this : new LapicHints(apicv, irrPending, isrCount + 1, vector);
    }

    /** After a vector in service has ended. */
    LapicHints isrCleared() {
        return apicv == Machine.Apicv.ACTIVE ? this : new LapicHints(apicv, irrPending, isrCount - 1, UNKNOWN);
    }
}
