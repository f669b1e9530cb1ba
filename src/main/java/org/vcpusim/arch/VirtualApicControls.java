package org.vcpusim.arch;

import java.util.function.Predicate;

/**
 * What a VMCS says about APIC virtualization, decoded once.
 *
 * <p>Models SDM vol. 3C, "Controls for APIC Virtualization" (25.6.8) and "Posted-Interrupt Processing" (30.6).
 *
 * @param bits the controls that are in effect: bit {@code n} for the constant {@code n} of {@link Control}
 * @param tprThreshold the TPR threshold; bits 3:0 are compared with VTPR[7:4]
 * @param notificationVector the posted-interrupt notification vector
 * @param lastPidPointerIndex the highest APIC ID that IPI virtualization can reach
 * @param eoiExitBitmap vectors whose EOI causes a VM exit
 */
public record VirtualApicControls(
        int bits, int tprThreshold, int notificationVector, int lastPidPointerIndex, VectorBitmap eoiExitBitmap) {

    private static final Control[] CONTROLS = Control.values();

    /** The controls that the rules of APIC virtualization look at. */
    public enum Control {
        /** {@link PrimaryProcessorControl#USE_TPR_SHADOW}. */
        USE_TPR_SHADOW(PrimaryProcessorControl.USE_TPR_SHADOW::isSetIn),
        /** {@link PrimaryProcessorControl#INTERRUPT_WINDOW_EXITING}. */
        INTERRUPT_WINDOW_EXITING(PrimaryProcessorControl.INTERRUPT_WINDOW_EXITING::isSetIn),
        /** {@link PrimaryProcessorControl#CR8_LOAD_EXITING}. */
        CR8_LOAD_EXITING(PrimaryProcessorControl.CR8_LOAD_EXITING::isSetIn),
        /** {@link PrimaryProcessorControl#CR8_STORE_EXITING}. */
        CR8_STORE_EXITING(PrimaryProcessorControl.CR8_STORE_EXITING::isSetIn),
        /** {@link SecondaryProcessorControl#VIRTUALIZE_APIC_ACCESSES}. */
        VIRTUALIZE_APIC_ACCESSES(SecondaryProcessorControl.VIRTUALIZE_APIC_ACCESSES::isSetIn),
        /** {@link SecondaryProcessorControl#VIRTUALIZE_X2APIC_MODE}. */
        VIRTUALIZE_X2APIC_MODE(SecondaryProcessorControl.VIRTUALIZE_X2APIC_MODE::isSetIn),
        /** {@link SecondaryProcessorControl#APIC_REGISTER_VIRTUALIZATION}. */
        APIC_REGISTER_VIRTUALIZATION(SecondaryProcessorControl.APIC_REGISTER_VIRTUALIZATION::isSetIn),
        /** {@link SecondaryProcessorControl#VIRTUAL_INTERRUPT_DELIVERY}. */
        VIRTUAL_INTERRUPT_DELIVERY(SecondaryProcessorControl.VIRTUAL_INTERRUPT_DELIVERY::isSetIn),
        /** {@link TertiaryProcessorControl#IPI_VIRTUALIZATION}. */
        IPI_VIRTUALIZATION(TertiaryProcessorControl.IPI_VIRTUALIZATION::isSetIn),
        /** {@link PinBasedControl#PROCESS_POSTED_INTERRUPTS}. */
        PROCESS_POSTED_INTERRUPTS(PinBasedControl.PROCESS_POSTED_INTERRUPTS::isSetIn);

        @SuppressWarnings("ImmutableEnumChecker") // the predicates hold nothing
        private final Predicate<Vmcs> decoder;

        Control(Predicate<Vmcs> decoder) {
            this.decoder = decoder;
        }

        private int mask() {
            return 1 << ordinal();
        }
    }

    /** Decodes the controls of a VMCS. */
    public static VirtualApicControls of(Vmcs vmcs) {
        int bits = 0;
        for (Control control : CONTROLS) {
            bits |= control.decoder.test(vmcs) ? control.mask() : 0;
        }
        return new VirtualApicControls(
                bits,
                (int) vmcs.read(VmcsField.TPR_THRESHOLD),
                (int) vmcs.read(VmcsField.POSTED_INTR_NV),
                (int) vmcs.read(VmcsField.LAST_PID_POINTER_INDEX),
                vmcs.eoiExitBitmap());
    }

    /** Whether a control is in effect. */
    public boolean has(Control control) {
        return (bits & control.mask()) != 0;
    }

    /** Whether a physical interrupt with this vector starts posted-interrupt processing instead of a VM exit. */
    public boolean notifies(int vector) {
        return has(Control.PROCESS_POSTED_INTERRUPTS) && vector == notificationVector;
    }
}
