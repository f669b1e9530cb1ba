package org.vcpusim.arch;

/**
 * The low half of an interrupt command, as far as APIC virtualization looks at it.
 *
 * <p>Models SDM vol. 3A, "Interrupt Command Register (ICR)" (11.6.1), and the conditions of SDM vol. 3C, "APIC-Write
 * Emulation" (30.4.3.2) and "Virtualizing MSR-Based APIC Accesses" (30.5).
 *
 * @param word bits 31:0 of the register
 */
record InterruptCommand(int word) {

    /** Vectors below are illegal in an interrupt command. */
    static final int FIRST_LEGAL_VECTOR = 16;

    /** Where the xAPIC's destination is in the high half. */
    static final int XAPIC_ID_SHIFT = 24;

    /** The destination in the xAPIC's high half, the only bits that exist there. */
    static final int XAPIC_ID = 0xff << XAPIC_ID_SHIFT;

    private static final int VECTOR_MASK = 0xff;
    private static final int DELIVERY_MODE_MASK = 7 << 8;
    private static final int LOGICAL = 1 << 11;
    private static final int DELIVERY_STATUS = 1 << 12;
    private static final int LEVEL_TRIGGERED = 1 << 15;
    private static final int SHORTHAND_SHIFT = 18;
    private static final int RESERVED = 0xfff0_0000 | 3 << 16 | 1 << 13;

    int vector() {
        return word & VECTOR_MASK;
    }

    boolean hasReservedBits() {
        return (word & RESERVED) != 0;
    }

    /** Whether self-IPI virtualization takes it over. */
    boolean isVirtualizedSelfIpi() {
        return !hasReservedBits()
                && shorthand() == DestinationShorthand.SELF
                && isFixedEdge()
                && vector() >= FIRST_LEGAL_VECTOR;
    }

    /** Whether IPI virtualization takes it over; the vector and the reserved bits are not looked at here. */
    boolean isVirtualizedIpi() {
        return shorthand() == DestinationShorthand.NONE && isFixedEdge() && (word & LOGICAL) == 0;
    }

    private DestinationShorthand shorthand() {
        return DestinationShorthand.ofCode(word >>> SHORTHAND_SHIFT & 3);
    }

    private boolean isFixedEdge() {
        return (word & (DELIVERY_MODE_MASK | DELIVERY_STATUS | LEVEL_TRIGGERED)) == 0;
    }
}
