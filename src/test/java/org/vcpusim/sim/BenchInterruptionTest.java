package org.vcpusim.sim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A benchmark that the user ends has what it had measured till then. */
class BenchInterruptionTest {
    private static final long MILLISECOND = 1_000_000;

    @Test
    void ofLiveVcpusTheRoundsThatWereWhole() {
        List<String> said = new ArrayList<>();
        LiveBench.Result result =
                new LiveBench(2, MILLISECOND, 5).measure(said::add, () -> said.contains("round 3 of 5"));
        assertEquals(2, result.rounds().size());
        assertTrue(result.median(LiveBench.Round::bare) > 0);
        assertEquals(OptionalDouble.empty(), result.bytesPerVcpu());
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void ofSchedulesTheSizesThatWereWhole(int jobs) {
        List<String> said = new ArrayList<>();
        ScheduleBench.Result result =
                new ScheduleBench(List.of(1, 4, 2), MILLISECOND, 2, jobs).measure(said::add, () -> said.size() > 1);
        assertEquals(List.of("1 vCPUs", "4 vCPUs"), said);
        assertEquals(1, result.sizes().size());
        assertEquals(2, result.sizes().get(0).rounds().size());
    }

    @Test
    void nothingWhereNothingWasWhole() {
        assertEquals(
                List.of(),
                new ScheduleBench(List.of(1), MILLISECOND, 1, 1)
                        .measure(what -> {}, () -> true)
                        .sizes());
        assertEquals(
                List.of(),
                new LiveBench(2, MILLISECOND, 1).measure(what -> {}, () -> true).rounds());
    }
}
