package org.vcpusim.kvm;

/**
 * What memory holds that nobody has written: words that {@link Machine#garbageSeed} decides, one after the other.
 *
 * @param word 64 bits
 */
record Garbage(long word) {
    private static final long STRIDE = 0x9e3779b97f4a7c15L;

    /** The memory of one call; what was there before depends on {@code call}, a number that differs from call to call. */
    static Garbage of(Machine machine, long call) {
        return new Garbage(machine.garbageSeed() + call).next();
    }

    /** The word behind this one. */
    Garbage next() {
        long z = word + STRIDE;
        z = (z ^ z >>> 30) * 0xbf58476d1ce4e5b9L;
        z = (z ^ z >>> 27) * 0x94d049bb133111ebL;
        return new Garbage(z ^ z >>> 31);
    }
}
