package org.vcpusim.arch;

/**
 * The 32-bit number by which VMREAD and VMWRITE name a VMCS field, taken apart.
 *
 * <p>Models the structure of a VMCS component encoding: SDM vol. 3C, "VMREAD, VMWRITE, and Encodings of VMCS Fields"
 * (25.11.2). Any int can be wrapped, because a guest or a test may present any; {@link #isWellFormed()} says whether it
 * could name a field at all. Bits 63:32 of the register operand are not modelled: they must be 0 on a processor.
 *
 * @param value the encoding, any int
 */
public record VmcsEncoding(int value) {

    private static final int ACCESS_HIGH = 1;
    private static final int RESERVED = ~0x6fff;

    /** Which part of the field bit 0 of the encoding selects. */
    public enum AccessType {
        /** The whole field; bit 0 is 0. */
        FULL,
        /** Bits 63:32 of a 64-bit field, as a 32-bit value; bit 0 is 1. */
        HIGH
    }

    /** What bits 11:10 of the encoding say the field is for, in the order of their values 0 to 3. */
    public enum Type {
        /** A VM-execution, VM-exit or VM-entry control. */
        CONTROL,
        /** VM-exit information and the VM-instruction error: written by the processor only. */
        READ_ONLY_DATA,
        /** Guest state, loaded on VM entry and saved on VM exit. */
        GUEST_STATE,
        /** Host state, loaded on VM exit. */
        HOST_STATE
    }

    /** What bits 14:13 of the encoding say the width of the field is, in the order of their values 0 to 3. */
    public enum Width {
        /** 16 bits. */
        BITS_16(0xffffL),
        /** 64 bits, with a second encoding for the high half. */
        BITS_64(-1L),
        /** 32 bits. */
        BITS_32(0xffff_ffffL),
        /** As wide as the processor's registers: 64 bits, since the model's processor supports Intel 64. */
        NATURAL(-1L);

        private final long valueMask;

        Width(long valueMask) {
            this.valueMask = valueMask;
        }

        /** Returns the mask of the bits that a field of this width has. */
        public long valueMask() {
            return valueMask;
        }
    }

    private static final Type[] TYPES = Type.values();
    private static final Width[] WIDTHS = Width.values();

    /** Returns the access type, bit 0. */
    public AccessType accessType() {
        return (value & ACCESS_HIGH) == 0 ? AccessType.FULL : AccessType.HIGH;
    }

    /** Returns the index, bits 9:1, that tells fields of one width and type apart: 0 to 511. */
    public int index() {
        return value >>> 1 & 0x1ff;
    }

    /** Returns the field type, bits 11:10. */
    public Type type() {
        return TYPES[value >>> 10 & 3];
    }

    /** Returns the field width, bits 14:13. */
    public Width width() {
        return WIDTHS[value >>> 13 & 3];
    }

    /** Returns the encoding of the whole field: this one with bit 0 cleared. */
    public VmcsEncoding full() {
        return new VmcsEncoding(value & ~ACCESS_HIGH);
    }

    /** Tells whether the reserved bits 12 and 31:15 are 0 and, unless the field is 64 bits wide, the access is full. */
    public boolean isWellFormed() {
        return (value & RESERVED) == 0 && (accessType() == AccessType.FULL || width() == Width.BITS_64);
    }
}
