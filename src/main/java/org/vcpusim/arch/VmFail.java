package org.vcpusim.arch;

/**
 * A VMREAD or VMWRITE that failed and changed no field it was asked to change.
 *
 * <p>Models VMfailValid: SDM vol. 3C, "Conventions" of the VMX instruction reference (31.2). On a processor the error
 * number is also stored in the VMCS; here {@link Vmcs#failValid(VmInstructionError)} is that second half.
 *
 * @param error why it failed
 */
public record VmFail(VmInstructionError error) implements VmreadResult, VmwriteResult {}
