package org.vcpusim.arch;

/**
 * Why a VMX instruction failed: the number that VMfailValid leaves in {@link VmcsField#VM_INSTRUCTION_ERROR}.
 *
 * <p>Models SDM vol. 3C, "VM Instruction Error Numbers" (31.4); the names are those of the kernel's
 * {@code enum vm_instruction_error_number} without the prefix. Only the errors the model can produce are here.
 */
public enum VmInstructionError {
    /** VM entry with invalid control fields, see {@link VmEntryCheck}. */
    ENTRY_INVALID_CONTROL_FIELD(7),
    /** VM entry with invalid host-state fields. */
    ENTRY_INVALID_HOST_STATE_FIELD(8),
    /** VMREAD or VMWRITE of a component that does not exist. */
    UNSUPPORTED_VMCS_COMPONENT(12),
    /** VMWRITE to a read-only component. */
    VMWRITE_READ_ONLY_VMCS_COMPONENT(13);

    private final int number;

    VmInstructionError(int number) {
        this.number = number;
    }

    /** Returns the SDM's error number. */
    public int number() {
        return number;
    }
}
