package org.vcpusim.arch;

/**
 * How a VMREAD ended.
 *
 * <p>Models SDM vol. 3C, "VMREAD—Read Field from Virtual-Machine Control Structure" (31.3). Exceptions, VM exits and
 * VMfailInvalid are left out: the model executes VMREAD in VMX root operation with a current VMCS only.
 */
public sealed interface VmreadResult permits VmreadResult.Read, VmFail {

    /**
     * VMsucceed.
     *
     * @param value the destination operand, bits above the part read being 0
     */
    record Read(long value) implements VmreadResult {}
}
