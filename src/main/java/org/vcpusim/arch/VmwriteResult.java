package org.vcpusim.arch;

/**
 * How a VMWRITE ended.
 *
 * <p>Models SDM vol. 3C, "VMWRITE—Write Field to Virtual-Machine Control Structure" (31.3). Exceptions, VM exits and
 * VMfailInvalid are left out: the model executes VMWRITE in VMX root operation with a current VMCS only.
 */
public sealed interface VmwriteResult permits VmwriteResult.Written, VmFail {

    /**
     * VMsucceed.
     *
     * @param vmcs the VMCS with the field written
     */
    record Written(Vmcs vmcs) implements VmwriteResult {}
}
