package org.vcpusim.schedule;

/**
 * Where the random numbers of a schedule start. What is drawn is who is next, and nothing else; another kind of number would have a
 * stream of its own, with another salt, so that it changed no order.
 */
public final class RandomStream {
    private static final long SALT = 0x5c8ed01eL;
    private static final long GAMMA = 0x9e3779b97f4a7c15L;

    private RandomStream() {}

    /** Where schedule {@code index} starts; all indices of one root seed start elsewhere. */
    public static long seed(long rootSeed, long index) {
        return SeededRandom.mix(SeededRandom.mix(rootSeed + SALT) + index * GAMMA);
    }
}
