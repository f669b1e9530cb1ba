package org.vcpusim.arch;

/**
 * The secondary processor-based VM-execution controls that virtualize the local APIC.
 *
 * <p>Models bits of {@link VmcsField#SECONDARY_VM_EXEC_CONTROL}: SDM vol. 3C, "Processor-Based VM-Execution Controls"
 * (25.6.2). KVM turns {@link #APIC_REGISTER_VIRTUALIZATION}, {@link #VIRTUAL_INTERRUPT_DELIVERY} and
 * {@link PinBasedControl#PROCESS_POSTED_INTERRUPTS} on and off together.
 */
public enum SecondaryProcessorControl {
    /** Accesses to the APIC-access page are virtualized or cause VM exits. */
    VIRTUALIZE_APIC_ACCESSES(0),
    /** Accesses to the x2APIC MSRs are virtualized. */
    VIRTUALIZE_X2APIC_MODE(4),
    /** APIC register accesses go to the virtual-APIC page. */
    APIC_REGISTER_VIRTUALIZATION(8),
    /** The processor evaluates, delivers and ends virtual interrupts; only then do the EOI-exit bits count. */
    VIRTUAL_INTERRUPT_DELIVERY(9);

    private final int bit;

    SecondaryProcessorControl(int bit) {
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

    /** Tells whether the control is in effect: 1, and the secondary controls are activated. */
    public boolean isSetIn(Vmcs vmcs) {
        return PrimaryProcessorControl.ACTIVATE_SECONDARY_CONTROLS.isSetIn(vmcs)
                && (vmcs.read(VmcsField.SECONDARY_VM_EXEC_CONTROL) & mask()) != 0;
    }
}
