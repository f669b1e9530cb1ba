package org.vcpusim.arch;

import java.util.Optional;

/**
 * The layouts of {@link VmcsField#EXIT_QUALIFICATION} for the three exits of APIC virtualization and for CR8.
 *
 * <p>Models SDM vol. 3C, "Basic VM-Exit Information" (28.2.1), and the kernel's {@code handle_apic_eoi_induced},
 * {@code handle_apic_access} and {@code handle_apic_write} in {@code arch/x86/kvm/vmx/vmx.c}. Like those, the decoders
 * read their own bits and ignore all others, so every long decodes.
 */
public final class ExitQualification {

    private static final int VECTOR_MASK = 0xff;
    private static final int OFFSET_MASK = 0xfff;
    private static final int ACCESS_TYPE_SHIFT = 12;
    private static final int ACCESS_TYPE_MASK = 0xf;

    private static final int CR8 = 8;
    private static final int CR_ACCESS_SHIFT = 4;

    private ExitQualification() {}

    /** What bits 5:4 of the qualification of {@link ExitReason#CR_ACCESS} say, in the order of their values 0 and 1. */
    public enum CrAccess {
        /** MOV to a control register. */
        MOV_TO,
        /** MOV from a control register. */
        MOV_FROM
    }

    /**
     * Encodes the qualification of {@link ExitReason#CR_ACCESS} for CR8 and RAX: the control register in bits 3:0, the
     * access in bits 5:4, the general-purpose register in bits 11:8. SDM vol. 3C, 28.2.1, table "Exit Qualification for
     * Control-Register Accesses".
     */
    public static long ofCr8(CrAccess access) {
        return CR8 | (long) access.ordinal() << CR_ACCESS_SHIFT;
    }

    /**
     * Encodes the qualification of {@link ExitReason#EOI_INDUCED}: the vector in bits 7:0, the rest 0.
     *
     * @param vector 0 to 255
     * @throws IllegalArgumentException if there is no such vector
     */
    public static long ofEoiInduced(int vector) {
        return requireWithin("vector", vector, VECTOR_MASK);
    }

    /** Returns the vector, 0 to 255, of the qualification of an EOI-induced exit. */
    public static int eoiInducedVector(long qualification) {
        return (int) qualification & VECTOR_MASK;
    }

    /**
     * Encodes the qualification of {@link ExitReason#APIC_ACCESS}: the offset in bits 11:0, the type in bits 15:12.
     *
     * @param offset byte offset into the APIC-access page, 0 to 0xfff; a processor leaves it undefined for
     *     guest-physical accesses
     * @throws IllegalArgumentException if the offset lies outside the page
     */
    public static long ofApicAccess(ApicAccessType type, int offset) {
        return (long) type.number() << ACCESS_TYPE_SHIFT | requireWithin("offset", offset, OFFSET_MASK);
    }

    /** Returns the byte offset, 0 to 0xfff, of the qualification of an APIC-access exit. */
    public static int apicAccessOffset(long qualification) {
        return (int) qualification & OFFSET_MASK;
    }

    /** Returns the type of the qualification of an APIC-access exit, or empty if its value is reserved. */
    public static Optional<ApicAccessType> apicAccessType(long qualification) {
        return ApicAccessType.ofNumber((int) (qualification >>> ACCESS_TYPE_SHIFT) & ACCESS_TYPE_MASK);
    }

    /**
     * Encodes the qualification of {@link ExitReason#APIC_WRITE}: the offset in bits 11:0, the rest 0.
     *
     * @param offset byte offset into the virtual-APIC page, 0 to 0xfff
     * @throws IllegalArgumentException if the offset lies outside the page
     */
    public static long ofApicWrite(int offset) {
        return requireWithin("offset", offset, OFFSET_MASK);
    }

    /** Returns the byte offset, 0 to 0xfff, of the qualification of an APIC-write exit. */
    public static int apicWriteOffset(long qualification) {
        return (int) qualification & OFFSET_MASK;
    }

    private static long requireWithin(String name, int value, int max) {
        if (value < 0 || value > max) {
            throw new IllegalArgumentException("%s = 0x%x: must be 0 to 0x%x".formatted(name, value, max));
        }
        return value;
    }
}
