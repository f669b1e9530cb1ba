package org.vcpusim.arch;

/**
 * Whether the MSR bitmap makes an access to an MSR leave the guest.
 *
 * <p>Models one bit of SDM vol. 3C, "MSR-Bitmap Address" (25.6.9); it counts before APIC virtualization does.
 */
public enum MsrIntercept {
    /** RDMSR or WRMSR causes a VM exit. */
    INTERCEPTED,
    /** RDMSR or WRMSR is executed. */
    PASSED_THROUGH
}
