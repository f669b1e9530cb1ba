package org.vcpusim.schedule;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** What holds for every strategy: a schedule is a function of root seed and index. */
class StrategySweepTest {
    private static final long BOUND = 300;
    private static final int SCHEDULES = 60;

    private static List<Integer> picks(Steps program, Strategy strategy, long rootSeed, long index) {
        RecordingChooser recording = new RecordingChooser(strategy);
        strategy.begin(rootSeed, index);
        strategy.end(Steps.run(program, recording, BOUND));
        return Arrays.stream(recording.schedule().toArray()).boxed().toList();
    }

    private static List<List<Integer>> sweep(StrategyKind kind, long rootSeed) {
        Handshake program = new Handshake(3, 2, false);
        Strategy strategy = Strategies.of(kind, program.actorCount());
        Steps.trials(program, strategy, rootSeed, BOUND);
        List<List<Integer>> all = new ArrayList<>();
        for (long index = 0; index < SCHEDULES; index++) {
            all.add(picks(program, strategy, rootSeed, index));
        }
        return all;
    }

    @ParameterizedTest
    @EnumSource(StrategyKind.class)
    void aScheduleAloneIsTheScheduleOfTheSweep(StrategyKind kind) {
        List<List<Integer>> sweep = sweep(kind, 11);
        Handshake program = new Handshake(3, 2, false);
        for (int index = SCHEDULES - 1; index >= 0; index -= 7) {
            Strategy alone = Strategies.of(kind, program.actorCount());
            Steps.trials(program, alone, 11, BOUND);
            assertEquals(sweep.get(index), picks(program, alone, 11, index), kind + " " + index);
        }
    }

    /** One thread that runs another root seed in between, and the indices from the last to the first. */
    @ParameterizedTest
    @EnumSource(StrategyKind.class)
    void whatRanBeforeDoesNotMatter(StrategyKind kind) {
        List<List<Integer>> sweep = sweep(kind, 11);
        Handshake program = new Handshake(3, 2, false);
        Strategy strategy = Strategies.of(kind, program.actorCount());
        Steps.trials(program, strategy, 12, 3 * BOUND); // with more choices than the trials of root seed 11
        picks(program, strategy, 12, 5);
        Steps.trials(program, strategy, 11, BOUND);
        for (int index = SCHEDULES - 1; index >= 0; index--) {
            assertEquals(sweep.get(index), picks(program, strategy, 11, index), kind + " " + index);
        }
    }

    /** Three actors that the strategies were told of, and two that they were not. */
    @ParameterizedTest
    @EnumSource(StrategyKind.class)
    void actorsNobodyKnewOfLeaveNoTraceInLaterSchedules(StrategyKind kind) {
        Handshake program = new Handshake(3, 2, false);
        Strategy inOrder = Strategies.of(kind, 3);
        Steps.trials(program, inOrder, 11, BOUND);
        List<List<Integer>> sweep = new ArrayList<>();
        for (long index = 0; index < SCHEDULES; index++) {
            sweep.add(picks(program, inOrder, 11, index));
        }
        Strategy alone = Strategies.of(kind, 3);
        Steps.trials(program, alone, 11, BOUND);
        for (int index = SCHEDULES - 1; index >= 0; index--) {
            assertEquals(sweep.get(index), picks(program, alone, 11, index), kind + " " + index);
        }
    }

    @ParameterizedTest
    @EnumSource(value = StrategyKind.class, mode = EnumSource.Mode.EXCLUDE, names = "ROUND_ROBIN")
    void schedulesAndRootSeedsDiffer(StrategyKind kind) {
        List<List<Integer>> one = sweep(kind, 11);
        Set<List<Integer>> distinct = new HashSet<>(one);
        assertTrue(distinct.size() > SCHEDULES * 3 / 4, kind + ": " + distinct.size() + " distinct");
        distinct.addAll(sweep(kind, 12));
        assertTrue(distinct.size() > SCHEDULES * 3 / 2, kind + ": " + distinct.size() + " distinct");
    }

    /** Recorded once: the picks of a seed stay what they are, on every JDK. */
    @ParameterizedTest
    @CsvSource({
        "random, a74acc44b5e0d625",
        "pct, f822d20a71dbdec6",
        "pos, 11b98d3efc59ba0f",
        "urw, a7b57c6d0e1d6052",
        "surw, ecee12f11341e275",
        "delay, b815453d4664b18",
        "round-robin, fdbe163722d292aa",
        "portfolio, 8e56ff7068f5ae41"
    })
    void picksStayWhatTheyAre(String label, String hash) {
        long digest = 0;
        for (List<Integer> picks : sweep(StrategyKind.of(label), 2026)) {
            for (int actor : picks) {
                digest = SeededRandom.mix(digest + actor + 1);
            }
        }
        assertEquals(hash, Long.toHexString(digest));
    }

    @Test
    void thePortfolioGivesEveryMemberTheSameShareAfterOneRoundRobin() {
        Strategy portfolio = Strategies.of(Strategies.DEFAULT, 5);
        assertEquals("portfolio", portfolio.name());
        List<String> names = new ArrayList<>();
        for (long index = -1; index < 13; index++) {
            names.add(portfolio.nameAt(index));
        }
        assertEquals(
                List.of(
                        "random",
                        "round-robin",
                        "pos",
                        "pct",
                        "random",
                        "surw",
                        "delay",
                        "urw",
                        "pos",
                        "pct",
                        "random",
                        "surw",
                        "delay",
                        "urw"),
                names);
    }

    /** A member's schedules are its own first ones, so that its depths and turns are those of a sweep of its own. */
    @Test
    void theSchedulesOfAMemberAreThoseOfASweepOfItsOwn() {
        List<List<Integer>> portfolio = sweep(StrategyKind.PORTFOLIO, 11);
        for (int member = 0; member < Portfolio.MEMBERS.size(); member++) {
            List<List<Integer>> own = sweep(Portfolio.MEMBERS.get(member), 11);
            for (int i = 0; i < 8; i++) {
                int index = 1 + i * Portfolio.MEMBERS.size() + member;
                assertEquals(own.get(i), portfolio.get(index), Portfolio.MEMBERS.get(member) + " " + i);
            }
        }
        assertEquals(sweep(StrategyKind.ROUND_ROBIN, 11).get(0), portfolio.get(0));
    }
}
