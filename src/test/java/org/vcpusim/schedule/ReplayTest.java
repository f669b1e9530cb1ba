package org.vcpusim.schedule;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Strict and lenient replay of schedules on programs that fit them, and that do not. */
class ReplayTest {
    private static List<Integer> run(Chains chains, Chooser chooser) {
        Steps.run(chains, chooser, Long.MAX_VALUE);
        return chains.order();
    }

    private static Schedule recorded(Chains chains, Chooser chooser) {
        RecordingChooser recording = new RecordingChooser(chooser);
        Steps.run(chains, recording, Long.MAX_VALUE);
        return recording.schedule();
    }

    @Test
    void aStrictReplayNamesThePickThatDoesNotApplyAndThoseBeforeIt() {
        Schedule schedule = Schedule.of(0, 1, 2, 0, 1, 2, 2, 0);
        MisfitException thrown =
                assertThrows(MisfitException.class, () -> run(Chains.ofLengths(3, 4, 2), new ReplayChooser(schedule)));
        assertEquals(
                "pick 6 of the schedule is actor 2, which has no message: must be one of 0 1; the picks before it were"
                        + " 1 2 0 1 2. Is it a schedule of this scenario and these options?",
                thrown.getMessage());
    }

    @Test
    void aStrictReplayGoesOnAsItIsTold() {
        Chains chains = Chains.ofLengths(2, 2, 2);
        Schedule start = Schedule.of(2, 2);
        assertEquals(List.of(2, 2, 0, 1, 0, 1), run(chains, new ReplayChooser(start)));
        assertEquals(
                List.of(2, 2, 0, 0, 1, 1), run(chains, new ReplayChooser(start, new ReplayChooser(Schedule.of(0, 0)))));
        assertEquals(List.of(2, 2), run(chains, new ReplayChooser(start, ready -> Chooser.STOP)));
    }

    @Test
    void aLenientReplaySkipsWhatDoesNotApplyAndStops() {
        LenientReplay replay = LenientReplay.thenStop(Schedule.of(0, 7, 0, 0, 1, 2, 1, 1, 2));
        assertEquals(
                List.of(0, 0, 1, 2, 1), run(Chains.ofLengths(2, 2, 3), replay).subList(0, 5));
        assertEquals(3, replay.skipped());
    }

    @Test
    void aLenientReplayStopsBehindItsLastPickThatApplies() {
        assertEquals(List.of(1, 0), run(Chains.ofLengths(2, 1), LenientReplay.thenStop(Schedule.of(1, 1, 0, 1, 1))));
        assertEquals(List.of(), run(Chains.ofLengths(2, 1), LenientReplay.thenStop(Schedule.of(4))));
    }

    @Test
    void aLenientReplayGoesOnAsItIsTold() {
        Chooser replay = LenientReplay.then(Schedule.of(1, 5, 1), RoundRobinChooser.ROUND_ROBIN);
        assertEquals(List.of(1, 1, 0, 2, 0, 2), run(Chains.ofLengths(2, 2, 2), replay));
    }

    /** Any sublist of any schedule replays leniently, and what it picked then replays strictly. */
    @Test
    void whatALenientReplayPickedReplaysStrictly() {
        SeededRandom random = new SeededRandom(8);
        Handshake program = new Handshake(3, 2, true);
        for (int round = 0; round < 500; round++) {
            RecordingChooser whole = new RecordingChooser(new RandomChooser(round));
            Steps.run(program, whole, 200);
            int[] left = Arrays.stream(whole.schedule().toArray())
                    .filter(actor -> actor != 4 && random.nextInt(3) > 0)
                    .toArray();
            RecordingChooser lenient = new RecordingChooser(LenientReplay.thenStop(Schedule.of(left)));
            Steps.run(program, lenient, 200);
            boolean broken = program.isBroken();
            RecordingChooser strict =
                    new RecordingChooser(new ReplayChooser(lenient.schedule(), ready -> Chooser.STOP));
            Steps.run(program, strict, 200);
            assertEquals(lenient.schedule(), strict.schedule());
            assertEquals(broken, program.isBroken());
        }
    }

    @Test
    void replaysPassOnWhatTheChooserBehindThemWantsToKnow() {
        assertTrue(new ReplayChooser(Schedule.of(), Strategies.of(StrategyKind.POS, 3)).wantsSends());
        assertTrue(LenientReplay.then(Schedule.of(), Strategies.of(StrategyKind.POS, 3))
                .wantsSends());
        assertFalse(LenientReplay.thenStop(Schedule.of()).wantsSends());
        assertEquals(Schedule.of(0), recorded(Chains.ofLengths(1), new ReplayChooser(Schedule.of(0))));
    }
}
