package org.vcpusim.kvm;

/**
 * What a local APIC's registers say about who it is: all that is needed to decide whether a message is for it.
 *
 * @param vcpu index of the vCPU, which is also its x2APIC ID
 * @param xapicId the 8-bit ID of xAPIC mode
 * @param ldr logical destination register
 * @param dfr destination format register
 * @param mode of IA32_APIC_BASE
 * @param softwareEnabled spurious-interrupt vector register, bit 8
 * @param acceptsPic whether the PIC's output reaches the processor through it
 */
public record ApicIdentity(
        int vcpu, int xapicId, int ldr, int dfr, ApicMode mode, boolean softwareEnabled, boolean acceptsPic) {
    /** DFR of the flat model. */
    public static final int DFR_FLAT = 0xffffffff;
    /** DFR of the cluster model. */
    public static final int DFR_CLUSTER = 0x0fffffff;

    private static final int LOGICAL_ID_SHIFT = 24;

    /** Of a vCPU that does not exist yet: nothing reaches it. */
    static ApicIdentity absent(int vcpu) {
        return new ApicIdentity(vcpu, vcpu & 0xff, 0, DFR_FLAT, ApicMode.DISABLED, false, false);
    }

    /** Mode of a local APIC, IA32_APIC_BASE bits 11 and 10. SDM volume 3, "Local APIC State After It Has Been Software Enabled..." and "x2APIC States". */
    public enum ApicMode {
        DISABLED,
        XAPIC,
        X2APIC
    }

    /** Whether the local APIC is enabled in IA32_APIC_BASE; {@code kvm_apic_present}. */
    public boolean present() {
        return mode != ApicMode.DISABLED;
    }

    /** Whether it is in x2APIC mode. */
    public boolean x2apic() {
        return mode == ApicMode.X2APIC;
    }

    /** The 8-bit logical ID of xAPIC mode. */
    public int logicalId() {
        return ldr >>> LOGICAL_ID_SHIFT;
    }

    /** The fixed LDR of x2APIC mode. */
    public static int x2apicLdr(int x2apicId) {
        return x2apicId >>> 4 << 16 | 1 << (x2apicId & 0xf);
    }
}
