package org.vcpusim.kvm;

import org.vcpusim.arch.ApicRegister;
import org.vcpusim.arch.SecondaryProcessorControl;
import org.vcpusim.arch.Vmcs;

/**
 * Which accesses to x2APIC MSRs leave the guest, as the VMCS's MSR bitmap says it.
 *
 * <p>Source: {@code x2apic_msr_bitmap_mode}, {@code vmx_update_msr_bitmap_x2apic}, arch/x86/kvm/vmx/vmx.c. The bitmap itself is
 * not kept: it is a function of this mode.
 */
public enum X2apicMsrBitmap {
    /** "Virtualize x2APIC mode" is off: all of them. */
    NONE,
    /** It is on: the task priority is the processor's. */
    X2APIC,
    /** APICv is active too: so are reads of most registers, EOIs and self-IPIs. */
    X2APIC_APICV;

    /** What belongs to these controls. */
    static X2apicMsrBitmap of(Vmcs vmcs, Machine.Apicv apicv) {
        if (!SecondaryProcessorControl.VIRTUALIZE_X2APIC_MODE.isSetIn(vmcs)) {
            return NONE;
        }
        return apicv == Machine.Apicv.ACTIVE ? X2APIC_APICV : X2APIC;
    }

    /** Whether RDMSR of the register leaves the guest; the current count is a timer that software emulates. */
    public boolean interceptsRead(ApicRegister register) {
        return switch (this) {
            case NONE -> true;
            case X2APIC -> register != ApicRegister.TASKPRI;
            case X2APIC_APICV ->
                switch (register) {
                    case TMCCT, ARBPRI, EOI, RRR, DFR, ICR2, SELF_IPI, LVTCMCI -> true;
                    default -> false;
                };
        };
    }

    /** Whether WRMSR of the register leaves the guest. */
    public boolean interceptsWrite(ApicRegister register) {
        return switch (register) {
            case TASKPRI -> this == NONE;
            case EOI, SELF_IPI -> this != X2APIC_APICV;
            default -> true;
        };
    }
}
