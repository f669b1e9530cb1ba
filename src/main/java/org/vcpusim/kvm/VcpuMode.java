package org.vcpusim.kvm;

/**
 * Where a vCPU is, as other CPUs see it.
 *
 * <p>Only the vCPU itself changes it, but for {@code IN_GUEST_MODE} to {@code EXITING_GUEST_MODE}, which others do with a
 * compare-and-exchange. Source: the {@code mode} field of {@code struct kvm_vcpu}, include/linux/kvm_host.h.
 */
public enum VcpuMode {
    /** In the host; looks at its requests before it enters the guest. */
    OUTSIDE_GUEST_MODE,
    /** Past the point where anything but an IPI can stop it. */
    IN_GUEST_MODE,
    /** Another CPU has decided to send it an IPI, or it will abandon the entry. */
    EXITING_GUEST_MODE,
    /** In the host with interrupts off, reading shadow page tables; only WAIT requests send it an IPI. */
    READING_SHADOW_PAGE_TABLES
}
