package org.vcpusim.schedule;

/**
 * The streams of random numbers that a schedule may draw from. They are apart, so that a value drawn more or less changes no
 * order, and each starts anew with every schedule.
 */
public enum RandomStream {
    /** Which actor is next. */
    SCHEDULE(0x5c8ed01eL),
    /** Values that the hardware leaves open, such as a word never written. */
    DATA(0xda7aL);

    private static final long GAMMA = 0x9e3779b97f4a7c15L;

    private final long salt;

    RandomStream(long salt) {
        this.salt = salt;
    }

    /** Where this stream of schedule {@code index} starts; all indices of one root seed start elsewhere. */
    public long seed(long rootSeed, long index) {
        return SeededRandom.mix(SeededRandom.mix(rootSeed + salt) + index * GAMMA);
    }
}
