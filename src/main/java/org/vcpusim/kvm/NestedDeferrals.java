package org.vcpusim.kvm;

/**
 * What was to be done to vmcs01 while L2 ran, and has to wait until L2 is left: vmcs02 is current, and KVM writes only the
 * current VMCS.
 *
 * <p>Source: {@code load_eoi_exitmap_pending}, {@code struct kvm_vcpu_arch}; {@code update_vmcs01_apicv_status},
 * {@code update_vmcs01_hwapic_isr}, {@code change_vmcs01_virtual_apic_mode}, {@code reload_vmcs01_apic_access_page} and
 * {@code l1_tpr_threshold}, {@code struct nested_vmx}, arch/x86/kvm/vmx/vmx.h.
 *
 * @param bits bit n for the constant n of {@link Kind}
 * @param tprThreshold for vmcs01, or {@link #KEPT}
 */
record NestedDeferrals(int bits, int tprThreshold) {
    /** vmcs01's TPR threshold stays as it is. */
    static final int KEPT = -1;

    static final NestedDeferrals NONE = new NestedDeferrals(0, KEPT);

    /** What can wait. */
    enum Kind {
        /** The handled vectors go to EOI_EXIT_BITMAP0 to 3. */
        LOAD_EOI_EXITMAP,
        /** The controls follow APICv's state. */
        APICV_CONTROLS,
        /** SVI becomes the highest vector in service. */
        SVI,
        /** "Virtualize APIC accesses" and "virtualize x2APIC mode" follow the local APIC's mode. */
        VIRTUAL_APIC_MODE,
        /** The APIC-access page is looked up again. */
        APIC_ACCESS_PAGE
    }

    boolean has(Kind kind) {
        return (bits & 1 << kind.ordinal()) != 0;
    }

    NestedDeferrals with(Kind kind) {
        return new NestedDeferrals(bits | 1 << kind.ordinal(), tprThreshold);
    }

    NestedDeferrals withTprThreshold(int threshold) {
        return new NestedDeferrals(bits, threshold);
    }
}
