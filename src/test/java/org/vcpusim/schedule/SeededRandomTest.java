package org.vcpusim.schedule;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SeededRandomTest {
    @ParameterizedTest
    @CsvSource(textBlock = """
            # seed,                first,                second,               third,                source
            0,                     e220a8397b1dcdaf,     6e789e6aa1b965f4,     6c45d188009454f,      splitmix64.c
            1234567,               599ed017fb08fc85,     2c73f08458540fa5,     883ebce5a3f27c77,     Rosetta Code
            """)
    void givesThePublishedNumbersOfSplitMix64(long seed, String first, String second, String third) {
        SeededRandom random = new SeededRandom(seed);
        assertEquals(first, Long.toHexString(random.nextLong()));
        assertEquals(second, Long.toHexString(random.nextLong()));
        assertEquals(third, Long.toHexString(random.nextLong()));
    }

    /** Each number's share of 100,000 draws is within six standard deviations of what it should be. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 5, 7, 16, 100, 1000})
    void drawsEveryNumberBelowTheBoundAboutAsOften(int bound) {
        int draws = 100_000;
        int[] counts = new int[bound];
        SeededRandom random = new SeededRandom(42);
        for (int i = 0; i < draws; i++) {
            counts[random.nextInt(bound)]++;
        }
        double share = 1.0 / bound;
        double deviation = Math.sqrt(draws * share * (1 - share));
        for (int number = 0; number < bound; number++) {
            double off = Math.abs(counts[number] - draws * share);
            assertTrue(off <= 6 * deviation, number + " of " + bound + " drawn " + counts[number] + " times");
        }
    }

    @Test
    void aDrawBelowTheLargestBoundUsesTheUpperHalfOfTheNumber() {
        assertEquals(0xe220a839L * Integer.MAX_VALUE >>> 32, new SeededRandom(0).nextInt(Integer.MAX_VALUE));
    }

    @Test
    void refusesABoundBelowOne() {
        IllegalArgumentException thrown =
                assertThrows(IllegalArgumentException.class, () -> new SeededRandom(0).nextInt(0));
        assertEquals("bound = 0: must be at least 1", thrown.getMessage());
    }
}
