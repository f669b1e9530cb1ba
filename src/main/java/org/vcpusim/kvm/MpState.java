package org.vcpusim.kvm;

import java.util.Arrays;
import java.util.Optional;

/** What a vCPU is waiting for. Source: {@code KVM_MP_STATE_*}, include/uapi/linux/kvm.h. */
public enum MpState {
    RUNNABLE,
    UNINITIALIZED,
    INIT_RECEIVED,
    HALTED,
    SIPI_RECEIVED,
    /** Halted by SEV-ES firmware until it is reset; sleeps and wakes like {@link #HALTED}. */
    AP_RESET_HOLD;

    private static final int AP_RESET_HOLD_NUMBER = 9;

    /** The number in the kernel's interface: 0 to 4, or 9. */
    public int number() {
        return this == AP_RESET_HOLD ? AP_RESET_HOLD_NUMBER : ordinal();
    }

    /** The state that x86 KVM has under {@code number}; KVM_SET_MP_STATE refuses all others. */
    public static Optional<MpState> ofNumber(long number) {
        return Arrays.stream(values()).filter(state -> state.number() == number).findFirst();
    }

    /** Whether the vCPU waits for an event as HLT does. */
    boolean isHalted() {
        return this == HALTED || this == AP_RESET_HOLD;
    }
}
