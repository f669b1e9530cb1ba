package org.vcpusim.arch;

import java.util.stream.IntStream;

/**
 * A set of interrupt vectors, 0 to 255, as four 64-bit words.
 *
 * <p>The layout is the one the four EOI_EXIT_BITMAP fields, the posted-interrupt requests and Linux bitmaps share: vector
 * {@code v} is bit {@code v & 63} of word {@code v >> 6}. Source: SDM volume 3, "Virtual-Interrupt Delivery"
 * (EOI-exit bitmap); {@code ioapic_handled_vectors} in arch/x86/include/asm/kvm_host.h.
 *
 * @param word0 vectors 0 to 63
 * @param word1 vectors 64 to 127
 * @param word2 vectors 128 to 191
 * @param word3 vectors 192 to 255
 */
public record VectorBitmap(long word0, long word1, long word2, long word3) {
    /** The set without any vector. */
    public static final VectorBitmap EMPTY = new VectorBitmap(0, 0, 0, 0);

    /** Number of vectors a bitmap can hold. */
    public static final int VECTORS = 256;

    /** Number of 64-bit words. */
    public static final int WORDS = 4;

    private static final int WORD_SHIFT = 6;

    /** The set of exactly these vectors, each 0 to 255. */
    public static VectorBitmap of(int... vectors) {
        VectorBitmap bitmap = EMPTY;
        for (int vector : vectors) {
            bitmap = bitmap.with(vector);
        }
        return bitmap;
    }

    /** Word {@code index}, 0 to 3. */
    public long word(int index) {
        return switch (index) {
            case 0 -> word0;
            case 1 -> word1;
            case 2 -> word2;
            case 3 -> word3;
            default -> throw new IllegalArgumentException("word index = " + index + ": must be 0 to 3");
        };
    }

    /** Whether {@code vector}, 0 to 255, is in the set. */
    public boolean get(int vector) {
        return (word(wordIndex(vector)) & 1L << vector) != 0;
    }

    /** This set and {@code vector}. */
    public VectorBitmap with(int vector) {
        int index = wordIndex(vector);
        return withWord(index, word(index) | 1L << vector);
    }

    /** This set without {@code vector}. */
    public VectorBitmap without(int vector) {
        int index = wordIndex(vector);
        return withWord(index, word(index) & ~(1L << vector));
    }

    /** The union of both sets. */
    public VectorBitmap or(VectorBitmap other) {
        if (other.isEmpty()) {
            return this;
        }
        return new VectorBitmap(word0 | other.word0, word1 | other.word1, word2 | other.word2, word3 | other.word3);
    }

    /** The vectors of this set that are not in {@code other}. */
    public VectorBitmap andNot(VectorBitmap other) {
        return new VectorBitmap(word0 & ~other.word0, word1 & ~other.word1, word2 & ~other.word2, word3 & ~other.word3);
    }

    /** This set with word {@code index}, 0 to 3, replaced. */
    public VectorBitmap withWord(int index, long word) {
        if (word(index) == word) {
            return this;
        }
        return switch (index) {
            case 0 -> new VectorBitmap(word, word1, word2, word3);
            case 1 -> new VectorBitmap(word0, word, word2, word3);
            case 2 -> new VectorBitmap(word0, word1, word, word3);
            default -> new VectorBitmap(word0, word1, word2, word);
        };
    }

    /**
     * This set with the 32 vectors from {@code 32 * index} replaced by the bits of {@code value}: one register of an IRR,
     * ISR or TMR bank.
     *
     * @param index 0 to 7
     */
    public VectorBitmap withRegister(int index, int value) {
        int shift = (index & 1) << 5;
        long kept = word(index >> 1) & ~(0xffffffffL << shift);
        return withWord(index >> 1, kept | (value & 0xffffffffL) << shift);
    }

    /** The 32 vectors from {@code 32 * index} as one register of a bank; {@code index} 0 to 7. */
    public int register(int index) {
        return (int) (word(index >> 1) >>> ((index & 1) << 5));
    }

    /** Whether no vector is in the set. */
    public boolean isEmpty() {
        return (word0 | word1 | word2 | word3) == 0;
    }

    /** The highest vector of the set, or -1 where it is empty. */
    public int highest() {
        for (int index = WORDS - 1; index >= 0; index--) {
            long word = word(index);
            if (word != 0) {
                return (index << WORD_SHIFT) + 63 - Long.numberOfLeadingZeros(word);
            }
        }
        return -1;
    }

    /** How many vectors are in the set. */
    public int cardinality() {
        return Long.bitCount(word0) + Long.bitCount(word1) + Long.bitCount(word2) + Long.bitCount(word3);
    }

    /** The vectors of the set, ascending. */
    public IntStream vectors() {
        return IntStream.range(0, VECTORS).filter(this::get);
    }

    private static int wordIndex(int vector) {
        if ((vector & ~0xff) != 0) {
            throw new IllegalArgumentException("vector = " + vector + ": must be 0 to 255");
        }
        return vector >> WORD_SHIFT;
    }
}
