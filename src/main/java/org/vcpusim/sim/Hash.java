package org.vcpusim.sim;

/** Hashes of 64 bits that are the same in every JVM; the finisher is that of SplitMix64. */
final class Hash {
    private static final long GAMMA = 0x9e3779b97f4a7c15L;

    private Hash() {}

    static long mixed(long value) {
        long z = value + GAMMA;
        z = (z ^ z >>> 30) * 0xbf58476d1ce4e5b9L;
        z = (z ^ z >>> 27) * 0x94d049bb133111ebL;
        return z ^ z >>> 31;
    }

    /** Of {@code value} behind what {@code before} stands for. */
    static long mixed(long before, long value) {
        return mixed(before * 31 + value);
    }
}
