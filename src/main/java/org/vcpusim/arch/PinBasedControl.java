package org.vcpusim.arch;

/**
 * The pin-based VM-execution controls that decide what an asynchronous event does to a running guest.
 *
 * <p>Models bits of {@link VmcsField#PIN_BASED_VM_EXEC_CONTROL}: SDM vol. 3C, "Pin-Based VM-Execution Controls"
 * (25.6.1).
 */
public enum PinBasedControl {
    /** External interrupts cause VM exits. */
    EXTERNAL_INTERRUPT_EXITING(0),
    /** NMIs cause VM exits. */
    NMI_EXITING(3),
    /** NMI blocking is tracked for the guest. */
    VIRTUAL_NMIS(5),
    /** The VMX-preemption timer counts down in the guest. */
    PREEMPTION_TIMER(6),
    /** The notification vector merges posted interrupts instead of causing a VM exit. */
    PROCESS_POSTED_INTERRUPTS(7);

    private final int bit;

    PinBasedControl(int bit) {
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
        return (vmcs.read(VmcsField.PIN_BASED_VM_EXEC_CONTROL) & mask()) != 0;
    }
}
