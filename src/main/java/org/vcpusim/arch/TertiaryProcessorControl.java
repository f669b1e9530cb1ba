package org.vcpusim.arch;

/**
 * The tertiary processor-based VM-execution controls.
 *
 * <p>Models bits of {@link VmcsField#TERTIARY_VM_EXEC_CONTROL}, the one 64-bit field of controls: SDM vol. 3C,
 * "Processor-Based VM-Execution Controls" (25.6.2).
 */
public enum TertiaryProcessorControl {
    /** IPIs of the guest are posted by the processor, through the table at {@link VmcsField#PID_POINTER_TABLE}. */
    IPI_VIRTUALIZATION(4);

    private final int bit;

    TertiaryProcessorControl(int bit) {
        this.bit = bit;
    }

    /** Returns the number of the control's bit: 0 to 63. */
    public int bit() {
        return bit;
    }

    /** Returns the control's bit as a mask over the field. */
    public long mask() {
        return 1L << bit;
    }

    /** Tells whether the control is in effect: 1, and the tertiary controls are activated. */
    public boolean isSetIn(Vmcs vmcs) {
        return PrimaryProcessorControl.ACTIVATE_TERTIARY_CONTROLS.isSetIn(vmcs)
                && (vmcs.read(VmcsField.TERTIARY_VM_EXEC_CONTROL) & mask()) != 0;
    }
}
