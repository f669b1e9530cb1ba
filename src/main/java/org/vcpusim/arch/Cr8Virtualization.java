package org.vcpusim.arch;

import static org.vcpusim.arch.VirtualApicControls.Control.CR8_LOAD_EXITING;
import static org.vcpusim.arch.VirtualApicControls.Control.CR8_STORE_EXITING;
import static org.vcpusim.arch.VirtualApicControls.Control.USE_TPR_SHADOW;

/**
 * What becomes of a guest's MOV from and to CR8.
 *
 * <p>Models SDM vol. 3C, "Virtualizing CR8-Based TPR Accesses" (30.3). The register operand of an instruction that leaves
 * the guest is always RAX.
 */
public final class Cr8Virtualization {

    private static final long CLASS_MASK = 0xf;
    private static final int CLASS_SHIFT = 4;

    private Cr8Virtualization() {}

    /** MOV from CR8: bits 7:4 of VTPR. */
    public static VirtualApicStep read(VirtualApic apic, VirtualApicControls controls) {
        if (controls.has(CR8_STORE_EXITING)) {
            return apic.exit(ExitReason.CR_ACCESS, ExitQualification.ofCr8(ExitQualification.CrAccess.MOV_FROM));
        }
        return apic.step(
                controls.has(USE_TPR_SHADOW)
                        ? new VirtualApicOutcome.Completed(apic.page().tpr() >>> CLASS_SHIFT & CLASS_MASK)
                        : new VirtualApicOutcome.NotVirtualized());
    }

    /**
     * MOV to CR8: VTPR gets the value in bits 7:4 and 0 elsewhere, and TPR virtualization follows.
     *
     * @param value above 15 it raises #GP, unless a VM exit comes first
     */
    public static VirtualApicStep write(VirtualApic apic, long value, VirtualApicControls controls) {
        if (controls.has(CR8_LOAD_EXITING)) {
            return apic.exit(ExitReason.CR_ACCESS, ExitQualification.ofCr8(ExitQualification.CrAccess.MOV_TO));
        }
        if ((value & ~CLASS_MASK) != 0) {
            return apic.step(new VirtualApicOutcome.GeneralProtection());
        }
        return controls.has(USE_TPR_SHADOW)
                ? apic.withVtpr((int) value << CLASS_SHIFT).tprVirtualized(controls)
                : apic.step(new VirtualApicOutcome.NotVirtualized());
    }
}
