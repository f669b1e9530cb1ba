package org.vcpusim.arch;

/**
 * Operating mode in which VMREAD or VMWRITE is executed; it decides the size of the operand.
 *
 * <p>Models SDM vol. 3C, "VMREAD, VMWRITE, and Encodings of VMCS Fields" (25.11.2). Compatibility mode is left out:
 * both instructions raise #UD there.
 */
public enum ProcessorMode {
    /** 64-bit mode: operands of 64 bits. A 64-bit KVM host runs in it. */
    LONG_64_BIT,
    /** Protected mode outside IA-32e mode: operands of 32 bits. A 32-bit KVM host runs in it. */
    PROTECTED_32_BIT
}
