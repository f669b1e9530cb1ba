package org.vcpusim.sim;

import java.util.stream.DoubleStream;

/** What half of some numbers are not above, and half not below. */
public final class Median {
    private Median() {}

    /** Of {@code numbers}, at least one; of an even count the middle between the two in the middle. */
    public static double of(DoubleStream numbers) {
        double[] sorted = numbers.sorted().toArray();
        if (sorted.length == 0) {
            throw new IllegalArgumentException("the median of nothing");
        }
        int half = sorted.length / 2;
        return sorted.length % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
    }
}
