package org.vcpusim.kvm;

/** What a vCPU is waiting for. Source: {@code KVM_MP_STATE_*}, include/uapi/linux/kvm.h. */
public enum MpState {
    RUNNABLE,
    UNINITIALIZED,
    INIT_RECEIVED,
    HALTED,
    SIPI_RECEIVED;

    /** The number in the kernel's interface, 0 to 4. */
    public int number() {
        return ordinal();
    }
}
