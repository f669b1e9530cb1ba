package org.vcpusim.arch;

/**
 * The primary processor-based VM-execution controls around interrupt windows, HLT, the TPR and the further controls.
 *
 * <p>Models bits of {@link VmcsField#CPU_BASED_VM_EXEC_CONTROL}: SDM vol. 3C, "Processor-Based VM-Execution Controls"
 * (25.6.2).
 */
public enum PrimaryProcessorControl {
    /** The guest exits as soon as it could take an interrupt. */
    INTERRUPT_WINDOW_EXITING(2),
    /** HLT causes VM exits. */
    HLT_EXITING(7),
    /** {@link TertiaryProcessorControl} counts; otherwise all of it is 0. */
    ACTIVATE_TERTIARY_CONTROLS(17),
    /** MOV to CR8 causes VM exits. */
    CR8_LOAD_EXITING(19),
    /** MOV from CR8 causes VM exits. */
    CR8_STORE_EXITING(20),
    /** TPR accesses go to the virtual-APIC page. */
    USE_TPR_SHADOW(21),
    /** {@link SecondaryProcessorControl} counts; otherwise all of it is 0. */
    ACTIVATE_SECONDARY_CONTROLS(31);

    private final int bit;

    PrimaryProcessorControl(int bit) {
        this.bit = bit;
    }

    /** Returns the number of the control's bit: 0 to 31. */
    public int bit() {
        return bit;
    }

    /** Returns the control's bit as a mask over the field. */
    public long mask() {
        return 1L << bit;
    }

    /** Tells whether the control is 1 in the VMCS. */
    public boolean isSetIn(Vmcs vmcs) {
        return (vmcs.read(VmcsField.CPU_BASED_VM_EXEC_CONTROL) & mask()) != 0;
    }
}
