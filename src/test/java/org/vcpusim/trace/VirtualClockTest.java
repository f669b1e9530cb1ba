package org.vcpusim.trace;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class VirtualClockTest {
    @ParameterizedTest
    @CsvSource(textBlock = """
            # ready, elapsed, now,  reason
            1,       0,       101,  a message alone costs 100 ns; no time is one nanosecond too
            1,       250,     350,  what a step lets pass comes on top
            4,       200,     75,   what is done at the same time is shared out
            3,       100,     66,   rounded down
            1000,    10,      2,    neither costs less than one nanosecond
            """)
    void aStepIsSharedByAllWhoAreReady(int ready, long elapsed, long now, String reason) {
        VirtualClock clock = new VirtualClock();
        clock.deliver(ready);
        clock.elapse(elapsed);
        assertEquals(now, clock.now(), reason);
    }

    @Test
    void timeStartsAtZeroAndAddsUp() {
        VirtualClock clock = new VirtualClock();
        assertEquals(0, clock.now());
        clock.deliver(2);
        clock.deliver(1);
        clock.elapse(7);
        assertEquals(157, clock.now());
    }
}
