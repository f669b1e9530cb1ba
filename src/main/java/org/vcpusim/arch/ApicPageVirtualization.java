package org.vcpusim.arch;

import static org.vcpusim.arch.VirtualApicControls.Control.APIC_REGISTER_VIRTUALIZATION;
import static org.vcpusim.arch.VirtualApicControls.Control.IPI_VIRTUALIZATION;
import static org.vcpusim.arch.VirtualApicControls.Control.USE_TPR_SHADOW;
import static org.vcpusim.arch.VirtualApicControls.Control.VIRTUALIZE_APIC_ACCESSES;
import static org.vcpusim.arch.VirtualApicControls.Control.VIRTUAL_INTERRUPT_DELIVERY;

/**
 * What becomes of a guest's accesses to the APIC-access page.
 *
 * <p>Models SDM vol. 3C, "Virtualizing Memory-Mapped APIC Accesses" (30.4). Left out: an operation that writes the page
 * twice, translations by large pages, and instructions with rules of their own (30.4.4). "IPI virtualization" does not
 * change which accesses are virtualized.
 */
public final class ApicPageVirtualization {

    private ApicPageVirtualization() {}

    /** A read, 30.4.2, or a fetch, which is never virtualized. */
    public static VirtualApicStep read(VirtualApic apic, ApicPageAccess access, VirtualApicControls controls) {
        if (!controls.has(VIRTUALIZE_APIC_ACCESSES)) {
            return apic.step(new VirtualApicOutcome.NotVirtualized());
        }
        boolean virtualized = mayBeVirtualized(access, controls)
                && (controls.has(APIC_REGISTER_VIRTUALIZATION)
                        ? isReadable(access.register())
                        : isVirtualizedAlone(access.offset(), controls));
        if (!virtualized) {
            return accessExit(apic, access);
        }
        int register = apic.page().read(access.register());
        return apic.step(new VirtualApicOutcome.Completed(
                Integer.toUnsignedLong((register & access.mask()) >>> access.shift())));
    }

    /**
     * A write, 30.4.3: where it is virtualized, the store first and APIC-write emulation next.
     *
     * @param value what is stored, in its low {@code 8 * access.size()} bits
     */
    public static VirtualApicStep write(
            VirtualApic apic, ApicPageAccess access, int value, VirtualApicControls controls) {
        if (!controls.has(VIRTUALIZE_APIC_ACCESSES)) {
            return apic.step(new VirtualApicOutcome.NotVirtualized());
        }
        boolean virtualized = mayBeVirtualized(access, controls)
                && (controls.has(APIC_REGISTER_VIRTUALIZATION)
                        ? isWritable(access.register())
                        : isVirtualizedAlone(access.offset(), controls));
        if (!virtualized) {
            return accessExit(apic, access);
        }
        int before = apic.page().read(access.register());
        int after = before & ~access.mask() | value << access.shift() & access.mask();
        return emulated(apic.withPage(apic.page().write(access.register(), after)), access, controls);
    }

    /** APIC-write emulation, 30.4.3.2. */
    private static VirtualApicStep emulated(VirtualApic apic, ApicPageAccess access, VirtualApicControls controls) {
        LocalApic page = apic.page();
        return switch (ApicRegister.at(access.register()).orElseThrow()) {
            case TASKPRI -> apic.withVtpr(page.tpr()).tprVirtualized(controls);
            case EOI ->
                controls.has(VIRTUAL_INTERRUPT_DELIVERY)
                        ? apic.withPage(page.write(ApicRegister.EOI, 0)).eoiVirtualized(controls)
                        : writeExit(apic, access.offset());
            case ICR -> emulatedIcr(apic, access, controls);
            case ICR2 ->
                apic.withPage(page.write(ApicRegister.ICR2, page.read(ApicRegister.ICR2) & InterruptCommand.XAPIC_ID))
                        .done();
            default -> writeExit(apic, access.offset());
        };
    }

    private static VirtualApicStep emulatedIcr(VirtualApic apic, ApicPageAccess access, VirtualApicControls controls) {
        InterruptCommand command = new InterruptCommand(apic.page().read(ApicRegister.ICR));
        if (controls.has(VIRTUAL_INTERRUPT_DELIVERY) && command.isVirtualizedSelfIpi()) {
            return apic.selfIpiVirtualized(command.vector(), controls).done();
        }
        if (controls.has(IPI_VIRTUALIZATION) && !command.hasReservedBits() && command.isVirtualizedIpi()) {
            int destination = apic.page().read(ApicRegister.ICR2) >>> InterruptCommand.XAPIC_ID_SHIFT;
            return ipi(apic, command.vector(), destination, controls);
        }
        return writeExit(apic, access.offset());
    }

    /** The part of IPI virtualization that the VMCS decides, 30.1.6. */
    static VirtualApicStep ipi(VirtualApic apic, int vector, int destination, VirtualApicControls controls) {
        boolean reachable = Integer.compareUnsigned(destination, controls.lastPidPointerIndex()) <= 0;
        return reachable && vector >= InterruptCommand.FIRST_LEGAL_VECTOR
                ? apic.step(new VirtualApicOutcome.IpiVirtualization(vector, destination))
                : writeExit(apic, ApicRegister.ICR.offset());
    }

    static VirtualApicStep writeExit(VirtualApic apic, int offset) {
        return apic.exit(ExitReason.APIC_WRITE, ExitQualification.ofApicWrite(offset));
    }

    private static VirtualApicStep accessExit(VirtualApic apic, ApicPageAccess access) {
        return apic.exit(ExitReason.APIC_ACCESS, ExitQualification.ofApicAccess(access.type(), access.offset()));
    }

    /** The conditions that reads and writes share; guest-physical accesses cause exits wherever they go, 30.4.6.1. */
    private static boolean mayBeVirtualized(ApicPageAccess access, VirtualApicControls controls) {
        boolean linearData = switch (access.type()) {
            case LINEAR_READ, LINEAR_WRITE, LINEAR_EVENT_DELIVERY -> true;
            case LINEAR_FETCH, GUEST_PHYSICAL_EVENT_DELIVERY, GUEST_PHYSICAL_INSTRUCTION -> false;
        };
        return linearData && controls.has(USE_TPR_SHADOW) && access.isWithinRegister();
    }

    /** What is virtualized without APIC-register virtualization: first bytes of registers, not ranges. */
    private static boolean isVirtualizedAlone(int offset, VirtualApicControls controls) {
        boolean delivery = controls.has(VIRTUAL_INTERRUPT_DELIVERY);
        return offset == ApicRegister.TASKPRI.offset()
                || delivery && offset == ApicRegister.EOI.offset()
                || delivery && offset == ApicRegister.ICR.offset();
    }

    /** The registers whose reads APIC-register virtualization covers. */
    private static boolean isReadable(int offset) {
        ApicRegister register = ApicRegister.at(offset).orElse(null);
        return register != null
                && switch (register) {
                    case ARBPRI, PROCPRI, RRR, LVTCMCI, TMCCT, SELF_IPI -> false;
                    default -> true;
                };
    }

    /** The registers whose writes APIC-register virtualization covers. */
    private static boolean isWritable(int offset) {
        ApicRegister register = ApicRegister.at(offset).orElse(null);
        return register != null
                && isReadable(offset)
                && switch (register) {
                    case LVR, ISR, TMR, IRR -> false;
                    default -> true;
                };
    }
}
