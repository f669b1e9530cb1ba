package org.vcpusim.arch;

/**
 * One access to the APIC-access page.
 *
 * @param type what the access is part of
 * @param offset byte offset into the page, 0 to 0xfff
 * @param size in bytes: 1, 2, 4 or 8, or as many as the instruction moves
 */
public record ApicPageAccess(ApicAccessType type, int offset, int size) {

    private static final int LAST_OFFSET = 0xfff;

    /**
     * Takes an access.
     *
     * @throws IllegalArgumentException if it lies outside the page or moves nothing
     */
    public ApicPageAccess {
        if (offset < 0 || offset > LAST_OFFSET) {
            throw new IllegalArgumentException("offset = 0x%x: must be 0 to 0xfff".formatted(offset));
        }
        if (size < 1) {
            throw new IllegalArgumentException("size = " + size + ": must be at least 1");
        }
    }

    /** The offset of the register the access begins in: a multiple of 16. */
    int register() {
        return offset & ~0xf;
    }

    /** How many bits the access begins above the register's bit 0. */
    int shift() {
        return (offset & 3) * Byte.SIZE;
    }

    /** The bits of a register that the access covers. */
    int mask() {
        return (int) ((1L << size * Byte.SIZE) - 1) << shift();
    }

    /** Whether the access has at most 32 bits, all in the low 4 bytes of an aligned 16-byte region. */
    boolean isWithinRegister() {
        return (offset & 0xf) + size <= Integer.BYTES;
    }
}
