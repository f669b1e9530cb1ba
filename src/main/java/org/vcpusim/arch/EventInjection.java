package org.vcpusim.arch;

/**
 * An event as the VMCS describes it: to be injected on entry, causing an exit, or interrupted by one.
 *
 * <p>Models the common layout of {@link VmcsField#VM_ENTRY_INTR_INFO_FIELD}, {@link VmcsField#VM_EXIT_INTR_INFO} and
 * {@link VmcsField#IDT_VECTORING_INFO_FIELD}: SDM vol. 3C, "VM-Entry Controls for Event Injection" (25.8.3). It keeps
 * bit 12, which is NMI unblocking in the exit information, and refuses bits 30:13. The error code itself is a field of
 * its own.
 *
 * @param word the field's 32 bits
 */
public record EventInjection(int word) {

    /** No event: the word 0, whose valid bit is 0. */
    public static final EventInjection NONE = new EventInjection(0);

    private static final int VECTOR_MASK = 0xff;
    private static final int TYPE_SHIFT = 8;
    private static final int ERROR_CODE_VALID = 1 << 11;
    private static final int RESERVED = 0x7fff_e000;
    private static final int VALID = 1 << 31;
    private static final int NMI_VECTOR = 2;
    private static final int LAST_EXCEPTION_VECTOR = 31;

    /** What bits 10:8 say the event is, in the order of their values 0 to 7. */
    public enum Type {
        /** External interrupt. */
        EXTERNAL_INTERRUPT,
        /** Reserved value 1. */
        RESERVED,
        /** Non-maskable interrupt. */
        NMI,
        /** Exception that the processor raised. */
        HARDWARE_EXCEPTION,
        /** INT n. */
        SOFTWARE_INTERRUPT,
        /** INT1. */
        PRIVILEGED_SOFTWARE_EXCEPTION,
        /** INT3 or INTO. */
        SOFTWARE_EXCEPTION,
        /** An event without a place in the IDT. */
        OTHER_EVENT
    }

    private static final Type[] TYPES = Type.values();

    /**
     * Takes the word as it stands.
     *
     * @throws IllegalArgumentException if one of the reserved bits 30:13 is 1
     */
    public EventInjection {
        if ((word & RESERVED) != 0) {
            throw new IllegalArgumentException("word = 0x%x: bits 30:13 must be 0".formatted(word));
        }
    }

    /**
     * Decodes the value of a field.
     *
     * @param value zero-extended 32-bit value with bits 30:13 equal to 0
     * @throws IllegalArgumentException for any other value
     */
    public static EventInjection decode(long value) {
        if (value >>> 32 != 0) {
            throw new IllegalArgumentException("value = 0x%x: must be 0 to 0xffffffff".formatted(value));
        }
        return new EventInjection((int) value);
    }

    /**
     * Returns the injection of an external interrupt.
     *
     * @param vector 0 to 255
     * @throws IllegalArgumentException if there is no such vector
     */
    public static EventInjection externalInterrupt(int vector) {
        return valid(Type.EXTERNAL_INTERRUPT, requireWithin(vector, VECTOR_MASK));
    }

    /** Returns the injection of an NMI, whose vector is 2. */
    public static EventInjection nmi() {
        return valid(Type.NMI, NMI_VECTOR);
    }

    /**
     * Returns the injection of an exception that delivers no error code.
     *
     * @param vector 0 to 31
     * @throws IllegalArgumentException if there is no such exception
     */
    public static EventInjection hardwareException(int vector) {
        return valid(Type.HARDWARE_EXCEPTION, requireWithin(vector, LAST_EXCEPTION_VECTOR));
    }

    /**
     * Returns the injection of an exception that delivers the error code of the field beside this one.
     *
     * @param vector 0 to 31
     * @throws IllegalArgumentException if there is no such exception
     */
    public static EventInjection hardwareExceptionWithErrorCode(int vector) {
        return new EventInjection(hardwareException(vector).word | ERROR_CODE_VALID);
    }

    /** Returns the field's value, zero-extended. */
    public long encode() {
        return Integer.toUnsignedLong(word);
    }

    /** Returns the vector, bits 7:0; meaningless unless {@link #isValid()}. */
    public int vector() {
        return word & VECTOR_MASK;
    }

    /** Returns the type, bits 10:8; meaningless unless {@link #isValid()}. */
    public Type type() {
        return TYPES[word >>> TYPE_SHIFT & 7];
    }

    /** Tells whether the error-code field counts: bit 11. */
    public boolean hasErrorCode() {
        return (word & ERROR_CODE_VALID) != 0;
    }

    /** Tells whether there is an event: bit 31. */
    public boolean isValid() {
        return (word & VALID) != 0;
    }

    private static EventInjection valid(Type type, int vector) {
        return new EventInjection(VALID | type.ordinal() << TYPE_SHIFT | vector);
    }

    private static int requireWithin(int vector, int max) {
        if (vector < 0 || vector > max) {
            throw new IllegalArgumentException("vector = " + vector + ": must be 0 to " + max);
        }
        return vector;
    }
}
