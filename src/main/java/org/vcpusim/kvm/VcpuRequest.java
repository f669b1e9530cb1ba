package org.vcpusim.kvm;

/**
 * A vCPU request: the bit it takes in the {@code requests} word and its flags.
 *
 * <p>Generic requests have bits 0 to 7, those of x86 follow from 8. Source: {@code KVM_REQ_*} in
 * include/linux/kvm_host.h and arch/x86/include/asm/kvm_host.h, {@code KVM_ARCH_REQ_FLAGS}.
 */
public enum VcpuRequest {
    TLB_FLUSH(0, Flags.WAIT | Flags.NO_WAKEUP),
    VM_DEAD(1, Flags.WAIT | Flags.NO_WAKEUP),
    UNBLOCK(2, 0),
    DIRTY_RING_SOFT_FULL(3, 0),
    /** Recorded nowhere: only gets the vCPU out of guest mode. */
    OUTSIDE_GUEST_MODE(0, Flags.WAIT | Flags.NO_WAKEUP | Flags.NO_ACTION),
    MIGRATE_TIMER(8, 0),
    REPORT_TPR_ACCESS(9, 0),
    TRIPLE_FAULT(10, 0),
    MMU_SYNC(11, 0),
    CLOCK_UPDATE(12, 0),
    LOAD_MMU_PGD(13, 0),
    EVENT(14, 0),
    APF_HALT(15, 0),
    STEAL_UPDATE(16, 0),
    NMI(17, 0),
    PMU(18, 0),
    PMI(19, 0),
    SMI(20, 0),
    MASTERCLOCK_UPDATE(21, 0),
    MCLOCK_INPROGRESS(22, Flags.WAIT | Flags.NO_WAKEUP),
    SCAN_IOAPIC(23, Flags.WAIT | Flags.NO_WAKEUP),
    GLOBAL_CLOCK_UPDATE(24, 0),
    APIC_PAGE_RELOAD(25, Flags.WAIT | Flags.NO_WAKEUP),
    HV_CRASH(26, 0),
    IOAPIC_EOI_EXIT(27, 0),
    HV_RESET(28, 0),
    HV_EXIT(29, 0),
    HV_STIMER(30, 0),
    LOAD_EOI_EXITMAP(31, 0),
    GET_NESTED_STATE_PAGES(32, 0),
    APICV_UPDATE(33, Flags.WAIT | Flags.NO_WAKEUP),
    TLB_FLUSH_CURRENT(34, 0),
    TLB_FLUSH_GUEST(35, Flags.WAIT | Flags.NO_WAKEUP),
    APF_READY(36, 0),
    RECALC_INTERCEPTS(37, 0),
    UPDATE_CPU_DIRTY_LOGGING(38, Flags.WAIT | Flags.NO_WAKEUP),
    MMU_FREE_OBSOLETE_ROOTS(39, Flags.WAIT | Flags.NO_WAKEUP),
    HV_TLB_FLUSH(40, Flags.WAIT | Flags.NO_WAKEUP),
    UPDATE_PROTECTED_GUEST_STATE(42, Flags.WAIT);

    /** The flags above the bit index in a request number. */
    static final class Flags {
        static final int NO_WAKEUP = 0x100;
        static final int WAIT = 0x200;
        static final int NO_ACTION = 0x400;

        private Flags() {}
    }

    private final int bit;
    private final int flags;

    VcpuRequest(int bit, int flags) {
        this.bit = bit;
        this.flags = flags;
    }

    /** Bit index in the {@code requests} word, 0 to 63; meaningless where {@link #isRecorded} is false. */
    public int bit() {
        return bit;
    }

    /** The {@code requests} word with only this bit. */
    public long mask() {
        return isRecorded() ? 1L << bit : 0;
    }

    /** The request number: bit index in bits 7:0, flags above. */
    public int number() {
        return bit | flags;
    }

    /** Whether the requester waits until every target that was not OUTSIDE_GUEST_MODE has taken its IPI. */
    public boolean waits() {
        return (flags & Flags.WAIT) != 0;
    }

    /** Whether a vCPU that is blocked in HLT is woken for it. */
    public boolean wakes() {
        return (flags & Flags.NO_WAKEUP) == 0;
    }

    /** Whether the request takes a bit; OUTSIDE_GUEST_MODE does not. */
    public boolean isRecorded() {
        return (flags & Flags.NO_ACTION) == 0;
    }
}
