package org.vcpusim.sim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.vcpusim.search.Delivery;
import org.vcpusim.sim.DesignBench.Handshake;

/** Two of the designs cannot show what the third shows. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class DesignBenchTest {
    private static final long SCHEDULES = 500;

    private DesignBench.Result result;

    @BeforeAll
    void measure() {
        result = new DesignBench(SCHEDULES, 1).measure(what -> {}, () -> false);
    }

    private long found(Delivery design, Handshake handshake) {
        return result.cell(design, handshake).orElseThrow().found();
    }

    @Test
    void theRightProtocolIsCleanInEveryDesign() {
        for (Delivery design : Delivery.values()) {
            assertEquals(0, found(design, Handshake.RIGHT), design.label());
        }
    }

    @Test
    void onlyOneOperationAMessageShowsAKickBeforeTheRequest() {
        assertEquals(0, found(Delivery.STIMULI_AT_THE_START, Handshake.KICK_BEFORE_REQUEST));
        assertEquals(0, found(Delivery.BROADCAST_IN_ONE_HANDLER, Handshake.KICK_BEFORE_REQUEST));
        assertNotEquals(0, found(Delivery.ONE_OPERATION_A_MESSAGE, Handshake.KICK_BEFORE_REQUEST));
    }

    @Test
    void theMissingRecheckShowsWhereStimuliAreScheduled() {
        long atTheStart = found(Delivery.STIMULI_AT_THE_START, Handshake.NO_RECHECK);
        assertTrue(found(Delivery.BROADCAST_IN_ONE_HANDLER, Handshake.NO_RECHECK) > 10 * atTheStart);
        assertTrue(found(Delivery.ONE_OPERATION_A_MESSAGE, Handshake.NO_RECHECK) > 10 * atTheStart);
    }

    @Test
    void theFirstScheduleIsOneThatFindsIt() {
        OptionalLong first = result.cell(Delivery.ONE_OPERATION_A_MESSAGE, Handshake.KICK_BEFORE_REQUEST)
                .orElseThrow()
                .first();
        DesignBench.Result upTo = new DesignBench(first.orElseThrow() + 1, 1).measure(what -> {}, () -> false);
        assertEquals(
                1,
                upTo.cell(Delivery.ONE_OPERATION_A_MESSAGE, Handshake.KICK_BEFORE_REQUEST)
                        .orElseThrow()
                        .found());
        assertEquals(
                OptionalLong.empty(),
                result.cell(Delivery.ONE_OPERATION_A_MESSAGE, Handshake.RIGHT)
                        .orElseThrow()
                        .first());
    }

    @Test
    void whatIsInterruptedHasTheCellsThatWereRunToTheirEnd() {
        List<String> said = new ArrayList<>();
        DesignBench.Result some = new DesignBench(SCHEDULES, 1).measure(said::add, () -> said.size() > 1);
        assertEquals(1, some.cells().size());
        assertEquals(Optional.of(some.cells().get(0)), some.cell(Delivery.values()[0], Handshake.RIGHT));
        assertEquals(Optional.empty(), some.cell(Delivery.values()[0], Handshake.NO_RECHECK));
    }
}
