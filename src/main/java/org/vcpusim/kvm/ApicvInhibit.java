package org.vcpusim.kvm;

/**
 * A reason for which APICv is off for the whole VM, whatever the processor could do.
 *
 * <p>Source: {@code enum kvm_apicv_inhibit}, arch/x86/include/asm/kvm_host.h; {@code VMX_REQUIRED_APICV_INHIBITS},
 * arch/x86/kvm/vmx/vmx.c. A reason that VMX does not require is ignored: it leaves no trace. They are here for their numbers.
 */
public enum ApicvInhibit {
    /** The module was told not to use APICv. */
    DISABLED(Vendors.ALL),
    /** Some vCPU has a SynIC interrupt source with AutoEOI, which ends interrupts without telling the processor. */
    HYPERV(Vendors.ALL),
    /** There is no local APIC in the kernel yet. */
    ABSENT(Vendors.ALL),
    /** A debugger holds interrupts back from some vCPU: KVM_GUESTDBG_BLOCKIRQ. */
    BLOCKIRQ(Vendors.ALL),
    /** Two local APICs share a physical ID, so that there is no optimised map. */
    PHYSICAL_ID_ALIASED(Vendors.ALL),
    /** Some xAPIC's ID is not the vCPU's. */
    APIC_ID_MODIFIED(Vendors.ALL),
    /** Some register page was moved; never ends. */
    APIC_BASE_MODIFIED(Vendors.ALL),
    NESTED(Vendors.AVIC),
    IRQWIN(Vendors.AVIC),
    PIT_REINJ(Vendors.AVIC),
    SEV(Vendors.AVIC),
    LOGICAL_ID_ALIASED(Vendors.AVIC),
    PHYSICAL_ID_TOO_BIG(Vendors.AVIC);

    private enum Vendors {
        ALL,
        AVIC
    }

    private final Vendors vendors;

    ApicvInhibit(Vendors vendors) {
        this.vendors = vendors;
    }

    /** Its bit in {@code apicv_inhibit_reasons}; the bit's number is the reason's. */
    public long mask() {
        return 1L << ordinal();
    }

    /** Whether VMX minds. */
    public boolean isRequiredByVmx() {
        return vendors == Vendors.ALL;
    }

    /** What becomes of a reason. */
    public enum Change {
        SET,
        CLEAR
    }
}
