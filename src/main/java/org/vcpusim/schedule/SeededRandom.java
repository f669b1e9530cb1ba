package org.vcpusim.schedule;

/**
 * Random numbers from a seed, the same on every JDK: the generator SplitMix64.
 *
 * <p>Source: G. Steele, D. Lea, C. Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014, with the constants
 * of S. Vigna's {@code splitmix64.c}.
 */
public final class SeededRandom {
    private static final long GOLDEN_GAMMA = 0x9e3779b97f4a7c15L;

    private long state;

    /** The generator that starts at {@code seed}; all 64 bits count. */
    public SeededRandom(long seed) {
        state = seed;
    }

    /** Starts again, at {@code seed}. */
    public void restart(long seed) {
        state = seed;
    }

    /** The next 64 bits. */
    public long nextLong() {
        state += GOLDEN_GAMMA;
        return mix(state);
    }

    /** The generator's output function: a bijection in which every bit of the input changes half of the output's. */
    static long mix(long bits) {
        long z = bits;
        z = (z ^ z >>> 30) * 0xbf58476d1ce4e5b9L;
        z = (z ^ z >>> 27) * 0x94d049bb133111ebL;
        return z ^ z >>> 31;
    }

    /** A number from 0 to {@code bound} - 1, {@code bound} at least 1; biased by less than bound / 2^32. */
    public int nextInt(int bound) {
        if (bound < 1) {
            throw new IllegalArgumentException("bound = " + bound + ": must be at least 1");
        }
        return (int) ((nextLong() >>> 32) * bound >>> 32);
    }
}
