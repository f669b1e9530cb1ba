package org.vcpusim.arch;

import static org.vcpusim.arch.VirtualApicControls.Control.INTERRUPT_WINDOW_EXITING;
import static org.vcpusim.arch.VirtualApicControls.Control.USE_TPR_SHADOW;
import static org.vcpusim.arch.VirtualApicControls.Control.VIRTUALIZE_APIC_ACCESSES;
import static org.vcpusim.arch.VirtualApicControls.Control.VIRTUAL_INTERRUPT_DELIVERY;

import java.util.Optional;

/**
 * The local APIC as a processor in VMX non-root operation virtualizes it.
 *
 * <p>Models SDM vol. 3C, "Virtual APIC State" (30.1), "Evaluation and Delivery of Virtual Interrupts" (30.2) and
 * "Posted-Interrupt Processing" (30.6). The virtual-APIC page holds VTPR, VPPR, VISR, VIRR and the other registers; RVI
 * and SVI are the guest interrupt status. The operations that guest instructions lead to are in
 * {@link ApicPageVirtualization}, {@link ApicMsrVirtualization} and {@link Cr8Virtualization}.
 *
 * <p>Every rule reads RVI and SVI, never the highest bit of VIRR or VISR, unless the SDM says so: a status that does not
 * agree with the page is virtualized as it stands. VTMR is never touched; the processor does not use it.
 *
 * @param page the virtual-APIC page
 * @param rvi requesting virtual interrupt, 0 to 255
 * @param svi servicing virtual interrupt, 0 to 255
 * @param recognized whether a pending virtual interrupt is recognized: not part of the VMCS, gone at a VM exit
 */
public record VirtualApic(LocalApic page, int rvi, int svi, boolean recognized) {

    private static final int VECTOR_MASK = 0xff;
    private static final int CLASS_MASK = 0xf0;
    private static final int CLASS_SHIFT = 4;

    /**
     * A virtual interrupt that the processor delivers through the guest's IDT.
     *
     * @param vector 0 to 255
     */
    public record Delivery(int vector, VirtualApic next) {}

    /** The state that a VM entry with this page and VMCS loads, before {@link #entered}. */
    public static VirtualApic of(LocalApic page, Vmcs vmcs) {
        int status = (int) vmcs.read(VmcsField.GUEST_INTR_STATUS);
        return new VirtualApic(page, status & VECTOR_MASK, status >>> Byte.SIZE, false);
    }

    /** The value of {@link VmcsField#GUEST_INTR_STATUS}: RVI in bits 7:0, SVI in bits 15:8. */
    public int guestIntrStatus() {
        return svi << Byte.SIZE | rvi;
    }

    /** What a VM exit leaves: recognition does not outlast non-root operation. */
    public VirtualApic exited() {
        return withRecognized(false);
    }

    /**
     * What VM entry does after loading the guest state.
     *
     * <p>With virtual-interrupt delivery it virtualizes PPR and evaluates. Without, a VTPR below the threshold causes a VM
     * exit at once if APIC accesses are virtualized; if they are not, {@link VmEntryCheck} has refused the entry. SDM vol.
     * 3C, "VM Exits Induced by the TPR Threshold" (27.7.7), which spares processors in shutdown or wait-for-SIPI.
     */
    public VirtualApicStep entered(VirtualApicControls controls, ActivityState activity) {
        VirtualApic clean = controls.has(USE_TPR_SHADOW) ? withVtpr(page.tpr()) : this;
        if (controls.has(VIRTUAL_INTERRUPT_DELIVERY)) {
            return clean.pprVirtualized().evaluated(controls).done();
        }
        boolean below = controls.has(USE_TPR_SHADOW)
                && controls.has(VIRTUALIZE_APIC_ACCESSES)
                && clean.isBelowThreshold(controls)
                && (activity == ActivityState.ACTIVE || activity == ActivityState.HLT);
        return below ? clean.exit(ExitReason.TPR_BELOW_THRESHOLD, 0) : clean.done();
    }

    /** PPR virtualization: VPPR becomes VTPR, or SVI's class where that is higher. SDM vol. 3C, 30.1.3. */
    VirtualApic pprVirtualized() {
        int vtpr = page.tpr() & VECTOR_MASK;
        int vppr = (vtpr & CLASS_MASK) >= (svi & CLASS_MASK) ? vtpr : svi & CLASS_MASK;
        return withPage(page.write(ApicRegister.PROCPRI, vppr));
    }

    /** Evaluation of pending virtual interrupts. SDM vol. 3C, 30.2.1. */
    VirtualApic evaluated(VirtualApicControls controls) {
        return withRecognized(
                !controls.has(INTERRUPT_WINDOW_EXITING) && (rvi & CLASS_MASK) > (page.ppr() & CLASS_MASK));
    }

    /**
     * Virtual-interrupt delivery at an instruction boundary; also what wakes a processor that HLT halted. SDM vol. 3C,
     * 30.2.2.
     *
     * @return empty where nothing is recognized or something blocks it; recognition stays
     */
    public Optional<Delivery> delivered(InstructionBoundary boundary, VirtualApicControls controls) {
        if (!recognized || !boundary.isOpen() || controls.has(INTERRUPT_WINDOW_EXITING)) {
            return Optional.empty();
        }
        VectorBitmap requested = page.irr().without(rvi);
        LocalApic next =
                page.withIsr(page.isr().with(rvi)).withIrr(requested).write(ApicRegister.PROCPRI, rvi & CLASS_MASK);
        return Optional.of(new Delivery(rvi, new VirtualApic(next, highestOr0(requested), rvi, false)));
    }

    /** TPR virtualization, after VTPR was written. SDM vol. 3C, 30.1.2. */
    VirtualApicStep tprVirtualized(VirtualApicControls controls) {
        if (controls.has(VIRTUAL_INTERRUPT_DELIVERY)) {
            return pprVirtualized().evaluated(controls).done();
        }
        return isBelowThreshold(controls) ? exit(ExitReason.TPR_BELOW_THRESHOLD, 0) : done();
    }

    /**
     * EOI virtualization: the vector that ends is SVI, whatever VISR says. SDM vol. 3C, 30.1.4. Where the EOI-exit bitmap
     * has the vector, the exit finds everything updated, and nothing is evaluated.
     */
    VirtualApicStep eoiVirtualized(VirtualApicControls controls) {
        VectorBitmap inService = page.isr().without(svi);
        VirtualApic ended =
                new VirtualApic(page.withIsr(inService), rvi, highestOr0(inService), recognized).pprVirtualized();
        return controls.eoiExitBitmap().get(svi)
                ? ended.exit(ExitReason.EOI_INDUCED, ExitQualification.ofEoiInduced(svi))
                : ended.evaluated(controls).done();
    }

    /** Self-IPI virtualization. SDM vol. 3C, 30.1.5. */
    VirtualApic selfIpiVirtualized(int vector, VirtualApicControls controls) {
        return requested(VectorBitmap.of(vector), controls);
    }

    /**
     * Steps 5 to 7 of posted-interrupt processing: the requests taken from PIR are merged into VIRR, RVI rises to the
     * highest of them, and pending virtual interrupts are evaluated. SDM vol. 3C, 30.6. Steps 1 to 4 are
     * {@link VirtualApicControls#notifies}, the physical APIC's, and {@link PostedInterruptDescriptor#clearOn}.
     *
     * @param pir what {@link PostedInterruptDescriptor#exchangePir} took
     */
    public VirtualApic postedInterruptsProcessed(VectorBitmap pir, VirtualApicControls controls) {
        return requested(pir, controls);
    }

    private VirtualApic requested(VectorBitmap vectors, VirtualApicControls controls) {
        LocalApic next = page.withIrr(page.irr().or(vectors));
        return new VirtualApic(next, Math.max(rvi, highestOr0(vectors)), svi, recognized).evaluated(controls);
    }

    /** This state with VTPR written, bytes 3:1 cleared; {@link #tprVirtualized} is the caller's. */
    VirtualApic withVtpr(int vtpr) {
        return withPage(page.write(ApicRegister.TASKPRI, vtpr & VECTOR_MASK));
    }

    @SuppressWarnings("ReferenceEquality") // no change is no copy
    VirtualApic withPage(LocalApic next) {
        return next == page ? this : new VirtualApic(next, rvi, svi, recognized);
    }

    private VirtualApic withRecognized(boolean now) {
        return now == recognized ? this : new VirtualApic(page, rvi, svi, now);
    }

    VirtualApicStep done() {
        return step(VirtualApicOutcome.DONE);
    }

    VirtualApicStep exit(ExitReason reason, long qualification) {
        return step(new VirtualApicOutcome.VmExit(reason, qualification));
    }

    VirtualApicStep step(VirtualApicOutcome outcome) {
        return new VirtualApicStep(this, outcome);
    }

    private boolean isBelowThreshold(VirtualApicControls controls) {
        return (page.tpr() & CLASS_MASK) >>> CLASS_SHIFT < (controls.tprThreshold() & 0xf);
    }

    private static int highestOr0(VectorBitmap vectors) {
        return Math.max(vectors.highest(), 0);
    }
}
