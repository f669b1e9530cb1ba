package org.vcpusim.sim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import org.junit.jupiter.api.Test;

/** Counts of values, and counts of two halves put together. */
class LongCountsTest {
    private static LongCounts counts(int from, int to) {
        LongCounts counts = new LongCounts();
        for (int i = from; i < to; i++) {
            counts.add(i % 700L * 0x1_0000_0001L);
        }
        return counts;
    }

    @Test
    void valuesAndThoseSeenOnceAreCounted() {
        LongCounts counts = counts(0, 1_000);
        assertEquals(700, counts.distinct());
        assertEquals(400, counts.singletons());
        assertFalse(counts.isFull());
    }

    @Test
    void zeroIsAValueLikeAnyOther() {
        LongCounts counts = new LongCounts();
        counts.add(0);
        counts.add(0);
        assertEquals(1, counts.distinct());
        assertEquals(0, counts.singletons());
    }

    @Test
    void twoHalvesAddUpToTheWhole() {
        LongCounts sum = counts(0, 450);
        sum.addAll(counts(450, 1_000));
        assertEquals(counts(0, 1_000), sum);
        assertEquals(700, sum.distinct());
        assertEquals(400, sum.singletons());
        assertNotEquals(counts(0, 999), sum);
    }
}
