package org.vcpusim.arch;

/**
 * The VM-exit controls that concern interrupts.
 *
 * <p>Models bits of {@link VmcsField#VM_EXIT_CONTROLS}: SDM vol. 3C, "VM-Exit Controls" (25.7.1).
 */
public enum VmExitControl {
    /** An external-interrupt exit acknowledges the interrupt and stores its vector. */
    ACKNOWLEDGE_INTERRUPT_ON_EXIT(15);

    private final int bit;

    VmExitControl(int bit) {
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
        return (vmcs.read(VmcsField.VM_EXIT_CONTROLS) & mask()) != 0;
    }
}
