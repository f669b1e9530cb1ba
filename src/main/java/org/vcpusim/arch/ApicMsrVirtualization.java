package org.vcpusim.arch;

import static org.vcpusim.arch.VirtualApicControls.Control.APIC_REGISTER_VIRTUALIZATION;
import static org.vcpusim.arch.VirtualApicControls.Control.IPI_VIRTUALIZATION;
import static org.vcpusim.arch.VirtualApicControls.Control.VIRTUALIZE_X2APIC_MODE;
import static org.vcpusim.arch.VirtualApicControls.Control.VIRTUAL_INTERRUPT_DELIVERY;

/**
 * What becomes of a guest's RDMSR and WRMSR of the x2APIC registers.
 *
 * <p>Models SDM vol. 3C, "Virtualizing MSR-Based APIC Accesses" (30.5). The mode of the local APIC does not count.
 * APIC-register virtualization covers reads only. It differs from the SDM in one place: the page has no bytes 304H to
 * 307H, so that the upper half of the interrupt command is kept at 310H.
 */
public final class ApicMsrVirtualization {

    private static final int FIRST = 0x800;
    private static final int LAST = 0x8ff;

    private ApicMsrVirtualization() {}

    /**
     * RDMSR.
     *
     * @param msr any; those outside 0x800 to 0x8ff are not virtualized
     */
    public static VirtualApicStep rdmsr(
            VirtualApic apic, int msr, MsrIntercept intercept, VirtualApicControls controls) {
        if (intercept == MsrIntercept.INTERCEPTED) {
            return apic.exit(ExitReason.MSR_READ, 0);
        }
        boolean virtualized = isX2apic(msr)
                && controls.has(VIRTUALIZE_X2APIC_MODE)
                && (controls.has(APIC_REGISTER_VIRTUALIZATION) || msr == ApicRegister.TASKPRI.msr());
        return apic.step(
                virtualized
                        ? new VirtualApicOutcome.Completed(read(apic.page(), msr))
                        : new VirtualApicOutcome.NotVirtualized());
    }

    /**
     * WRMSR.
     *
     * @param write MSR and value; MSRs outside 0x800 to 0x8ff are not virtualized
     */
    public static VirtualApicStep wrmsr(
            VirtualApic apic, MsrWrite write, MsrIntercept intercept, VirtualApicControls controls) {
        if (intercept == MsrIntercept.INTERCEPTED) {
            return apic.exit(ExitReason.MSR_WRITE, 0);
        }
        if (!isX2apic(write.msr()) || !controls.has(VIRTUALIZE_X2APIC_MODE)) {
            return apic.step(new VirtualApicOutcome.NotVirtualized());
        }
        boolean delivery = controls.has(VIRTUAL_INTERRUPT_DELIVERY);
        ApicRegister register = ApicRegister.at(offset(write.msr())).orElse(null);
        if (register == ApicRegister.TASKPRI) {
            return write.isByte() ? apic.withVtpr((int) write.value()).tprVirtualized(controls) : fault(apic);
        }
        if (register == ApicRegister.EOI && delivery) {
            return write.value() == 0
                    ? apic.withPage(apic.page().write(ApicRegister.EOI, 0)).eoiVirtualized(controls)
                    : fault(apic);
        }
        if (register == ApicRegister.SELF_IPI && delivery) {
            return write.isByte() ? selfIpi(apic, (int) write.value(), controls) : fault(apic);
        }
        if (register == ApicRegister.ICR && controls.has(IPI_VIRTUALIZATION)) {
            return icr(apic, write.value(), controls);
        }
        return apic.step(new VirtualApicOutcome.NotVirtualized());
    }

    private static VirtualApicStep selfIpi(VirtualApic apic, int vector, VirtualApicControls controls) {
        VirtualApic stored = apic.withPage(apic.page().write(ApicRegister.SELF_IPI, vector));
        return vector >= InterruptCommand.FIRST_LEGAL_VECTOR
                ? stored.selfIpiVirtualized(vector, controls).done()
                : ApicPageVirtualization.writeExit(stored, ApicRegister.SELF_IPI.offset());
    }

    private static VirtualApicStep icr(VirtualApic apic, long value, VirtualApicControls controls) {
        InterruptCommand command = new InterruptCommand((int) value);
        if (command.hasReservedBits()) {
            return fault(apic);
        }
        int destination = (int) (value >>> Integer.SIZE);
        VirtualApic stored = apic.withPage(
                apic.page().write(ApicRegister.ICR, command.word()).write(ApicRegister.ICR2, destination));
        return command.isVirtualizedIpi()
                ? ApicPageVirtualization.ipi(stored, command.vector(), destination, controls)
                : ApicPageVirtualization.writeExit(stored, ApicRegister.ICR.offset());
    }

    private static VirtualApicStep fault(VirtualApic apic) {
        return apic.step(new VirtualApicOutcome.GeneralProtection());
    }

    private static long read(LocalApic page, int msr) {
        int offset = offset(msr);
        long high = offset == ApicRegister.ICR.offset() ? page.read(ApicRegister.ICR2) : 0;
        return high << Integer.SIZE | Integer.toUnsignedLong(page.read(offset));
    }

    private static boolean isX2apic(int msr) {
        return msr >= FIRST && msr <= LAST;
    }

    private static int offset(int msr) {
        return msr - ApicRegister.X2APIC_MSR_BASE << 4;
    }
}
