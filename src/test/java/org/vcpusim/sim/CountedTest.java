package org.vcpusim.sim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.stream.DoubleStream;
import org.junit.jupiter.api.Test;

/** What is counted, and the middle of it. */
class CountedTest {
    @Test
    void oneThingIsOneAndNoneOrSeveralAreMany() {
        assertEquals("1 schedule", Counted.of(1, "schedule"));
        assertEquals("0 schedules", Counted.of(0, "schedule"));
        assertEquals("12,345 vCPUs", Counted.of(12_345, "vCPU"));
    }

    @Test
    void theMedianOfAnEvenCountIsBetweenTheTwoInTheMiddle() {
        assertEquals(5, Median.of(DoubleStream.of(9, 1, 5)));
        assertEquals(3.5, Median.of(DoubleStream.of(4, 100, 3, 1)));
        assertThrows(IllegalArgumentException.class, () -> Median.of(DoubleStream.of()));
    }
}
