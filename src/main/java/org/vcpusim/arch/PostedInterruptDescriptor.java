package org.vcpusim.arch;

/**
 * The 64 bytes through which others post interrupts to a virtual processor without stopping it.
 *
 * <p>Models SDM vol. 3C, "Posted-Interrupt Processing" (30.6), table "Format of Posted-Interrupt Descriptor", and the
 * kernel's {@code struct pi_desc} in {@code arch/x86/include/asm/posted_intr.h}. Bits 255:0 are the requests (PIR), 256
 * is outstanding notification (ON), 257 suppress notification (SN), 279:272 the notification vector (NV), 319:288 the
 * notification destination (NDST). Several agents share a descriptor, so each method that changes it is one locked
 * operation; what takes two locked operations takes two methods.
 *
 * @param pir vectors posted and not yet moved to a virtual IRR
 * @param control the 64-bit word with ON, SN, NV and NDST, which is compared and exchanged whole
 */
public record PostedInterruptDescriptor(VectorBitmap pir, Control control) {

    /** Size and alignment in bytes. */
    public static final int BYTES = 64;

    /** Number of 64-bit words. */
    public static final int WORDS = 8;

    /** Nothing posted, nothing outstanding, nothing suppressed. */
    public static final PostedInterruptDescriptor ZERO =
            new PostedInterruptDescriptor(VectorBitmap.EMPTY, new Control(0));

    private static final int CONTROL_WORD = 4;

    /**
     * Bits 319:256 of the descriptor.
     *
     * @param word bit 0 ON, bit 1 SN, bits 23:16 NV, bits 63:32 NDST; the others belong to software and are kept
     */
    public record Control(long word) {
        private static final long ON = 1;
        private static final long SN = 1 << 1;
        private static final int NV_SHIFT = 16;
        private static final long NV_MASK = 0xffL << NV_SHIFT;
        private static final int NDST_SHIFT = 32;
        private static final long LOW_HALF = 0xffff_ffffL;

        /** Whether a notification was asked for and not yet served. */
        public boolean on() {
            return (word & ON) != 0;
        }

        /** Whether those who post shall not notify. */
        public boolean sn() {
            return (word & SN) != 0;
        }

        /** Physical vector of the notification, 0 to 255. */
        public int nv() {
            return (int) ((word & NV_MASK) >>> NV_SHIFT);
        }

        /** Physical APIC the notification goes to: its x2APIC ID, or in xAPIC mode its ID in bits 15:8. */
        public int ndst() {
            return (int) (word >>> NDST_SHIFT);
        }

        /** This word with ON set. */
        public Control withOn() {
            return new Control(word | ON);
        }

        /** This word with ON clear. */
        public Control withoutOn() {
            return new Control(word & ~ON);
        }

        /** This word with SN set. */
        public Control withSn() {
            return new Control(word | SN);
        }

        /** This word with SN clear. */
        public Control withoutSn() {
            return new Control(word & ~SN);
        }

        /**
         * This word with another notification vector.
         *
         * @param vector 0 to 255
         * @throws IllegalArgumentException if there is no such vector
         */
        public Control withNv(int vector) {
            if ((vector & ~0xff) != 0) {
                throw new IllegalArgumentException("vector = " + vector + ": must be 0 to 255");
            }
            return new Control(word & ~NV_MASK | (long) vector << NV_SHIFT);
        }

        /** This word with another notification destination. */
        public Control withNdst(int destination) {
            return new Control(word & LOW_HALF | (long) destination << NDST_SHIFT);
        }
    }

    /**
     * What a test-and-set or test-and-clear found and left.
     *
     * @param wasSet the bit before
     */
    public record Tested(boolean wasSet, PostedInterruptDescriptor next) {}

    /**
     * What an exchange of requests with 0 found and left.
     *
     * @param taken the requests before
     */
    public record Taken(VectorBitmap taken, PostedInterruptDescriptor next) {}

    /**
     * What a compare-exchange of the control word found and left.
     *
     * @param found the word before; the exchange was done if it is the one expected
     */
    public record Compared(Control found, PostedInterruptDescriptor next) {}

    /** Sets the request of a vector, 0 to 255; the kernel's {@code pi_test_and_set_pir}. */
    public Tested testAndSetPir(int vector) {
        return new Tested(pir.get(vector), new PostedInterruptDescriptor(pir.with(vector), control));
    }

    /** Sets ON; the kernel's {@code pi_test_and_set_on}. */
    public Tested testAndSetOn() {
        return new Tested(control.on(), with(control.withOn()));
    }

    /** Clears ON; the kernel's {@code pi_test_and_clear_on}. */
    public Tested testAndClearOn() {
        return new Tested(control.on(), with(control.withoutOn()));
    }

    /** Sets ON without looking; the kernel's {@code pi_set_on}. */
    public PostedInterruptDescriptor setOn() {
        return with(control.withOn());
    }

    /** Clears ON without looking; the kernel's {@code pi_clear_on}, and step 3 of posted-interrupt processing. */
    public PostedInterruptDescriptor clearOn() {
        return with(control.withoutOn());
    }

    /** Sets SN; the kernel's {@code pi_set_sn}. */
    public PostedInterruptDescriptor setSn() {
        return with(control.withSn());
    }

    /** Clears SN; the kernel's {@code pi_clear_sn}. */
    public PostedInterruptDescriptor clearSn() {
        return with(control.withoutSn());
    }

    /**
     * Exchanges the 64 requests of one word with 0; one of the steps by which the kernel's {@code pi_harvest_pir} empties
     * PIR.
     *
     * @param index 0 to 3
     * @return in {@code taken} the requests of that word and no others
     */
    public Taken exchangePirWord(int index) {
        VectorBitmap taken = VectorBitmap.EMPTY.withWord(index, pir.word(index));
        return new Taken(taken, new PostedInterruptDescriptor(pir.withWord(index, 0), control));
    }

    /** Exchanges all 256 requests with 0: step 5 of posted-interrupt processing, which no other agent can divide. */
    public Taken exchangePir() {
        return new Taken(pir, new PostedInterruptDescriptor(VectorBitmap.EMPTY, control));
    }

    /** Replaces the control word if it is {@code expected}, and says in any case what it was. */
    public Compared compareExchange(Control expected, Control replacement) {
        return new Compared(control, control.equals(expected) ? with(replacement) : this);
    }

    /** Returns the eight 64-bit words, least significant first; the last three are 0. */
    public long[] encode() {
        long[] words = new long[WORDS];
        for (int index = 0; index < VectorBitmap.WORDS; index++) {
            words[index] = pir.word(index);
        }
        words[CONTROL_WORD] = control.word();
        return words;
    }

    /**
     * Decodes eight 64-bit words; the last three belong to software and are dropped.
     *
     * @throws IllegalArgumentException if there are not eight
     */
    public static PostedInterruptDescriptor decode(long[] words) {
        if (words.length != WORDS) {
            throw new IllegalArgumentException("words = " + words.length + ": must be " + WORDS);
        }
        return new PostedInterruptDescriptor(
                new VectorBitmap(words[0], words[1], words[2], words[3]), new Control(words[CONTROL_WORD]));
    }

    private PostedInterruptDescriptor with(Control next) {
        return new PostedInterruptDescriptor(pir, next);
    }
}
