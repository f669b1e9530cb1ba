package org.vcpusim.sim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.vcpusim.actor.StepFailedException;
import org.vcpusim.check.Violation;
import org.vcpusim.kvm.Fault;
import org.vcpusim.kvm.Hazard;
import org.vcpusim.kvm.Protocol;
import org.vcpusim.kvm.Rules;
import org.vcpusim.scenario.Scenario;
import org.vcpusim.scenario.ScenarioFile;
import org.vcpusim.schedule.RandomChooser;
import org.vcpusim.schedule.ReplayChooser;
import org.vcpusim.schedule.RoundRobinChooser;

/** Many schedules on one set of actors are what each would be on actors of its own. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ExplorerTest {
    private static final int SEEDS = 200;
    private static final Explorer.Ending AT_REST = Explorer.Ending.atRest(100_000);

    private final Assembly right = Assemblies.levelDevice(2, Protocol.SCAN_THEN_LOAD, 2);
    private final Assembly broken = Assemblies.pinsMovedAtOnce(4, Protocol.SCAN_THEN_LOAD, Fault.NO_RECHECK);
    private Explorer explorer;
    private ControlledSimulation fresh;

    @BeforeAll
    void start() {
        explorer = new Explorer();
        fresh = new ControlledSimulation();
    }

    @AfterAll
    void stop() {
        fresh.close();
        explorer.close();
    }

    private List<?> expected(Assembly assembly, long seed) {
        Trace trace = new Trace();
        fresh.run(assembly, new RandomChooser(seed), List.of(trace), Bounds.steps(100_000));
        return trace.records;
    }

    private Exploration explored(Assembly assembly, long seed, Trace trace) {
        return explorer.explore(assembly, AT_REST, new RandomChooser(seed), trace);
    }

    @Test
    void aScheduleIsTheSameOnUsedActorsAsOnNewOnes() {
        for (Assembly assembly : List.of(right, broken, right)) {
            for (long seed = 0; seed < SEEDS; seed++) {
                Trace trace = new Trace();
                Exploration exploration = explored(assembly, seed, trace);
                assertEquals(expected(assembly, seed), trace.records, "seed " + seed);
                assertEquals(RunOutcome.End.QUIESCENT, exploration.outcome().end());
            }
        }
    }

    @Test
    void aScheduleThatWasCutShortLeavesNothingToTheNext() {
        for (int steps = 1; steps < SEEDS; steps++) {
            Exploration cut = explorer.explore(right, Explorer.Ending.atRest(steps), new RandomChooser(steps));
            assertEquals(RunOutcome.End.STEP_BOUND, cut.outcome().end());
            assertEquals(steps, cut.outcome().steps());
            Trace trace = new Trace();
            explored(right, 1, trace);
            assertEquals(expected(right, 1), trace.records, "after " + steps + " steps");
        }
    }

    @Test
    void thePicksReplayTheSchedule() {
        Trace trace = new Trace();
        Exploration first = explored(broken, 5, trace);
        Trace again = new Trace();
        Exploration second = explorer.explore(broken, AT_REST, new ReplayChooser(first.picks()), again);
        assertEquals(trace.records, again.records);
        assertEquals(first, second);
    }

    @Test
    void allInvariantsWatchEverySchedule() {
        Set<String> found = new HashSet<>();
        for (long seed = 0; seed < SEEDS; seed++) {
            explored(broken, seed, new Trace()).violations().forEach(violation -> found.add(violation.invariant()));
        }
        assertTrue(found.contains("R2"), found::toString);
    }

    /** The load that cures O1 is requested behind the check for it, and without the second look at requests comes too late. */
    @Test
    void whatIsLikeAHazardThatTheMachineIsCuredOfIsAFindingAndStaysOneWhileItIsShortened() {
        Scenario cured = ScenarioFile.read(Path.of("conf", "scenarios", "bugs", "o1-stale-after-inhibit.conf"))
                .withRules(Rules.with(List.of(Fault.NO_RECHECK)).with(Hazard.O1));
        Exploration exploration = LongStream.range(0, SEEDS)
                .mapToObj(seed -> explorer.explore(cured, new RandomChooser(seed)))
                .filter(each -> each.violations().stream().anyMatch(ExplorerTest::isI1))
                .findFirst()
                .orElseThrow();
        assertTrue(exploration.violations().stream().allMatch(Violation::isFinding), exploration::toString);

        Violation violation = exploration.violations().stream()
                .filter(ExplorerTest::isI1)
                .findFirst()
                .orElseThrow();
        Shrinker.Shrunk shrunk = Shrinker.shrink(cured, exploration.picks(), violation, () -> false);
        assertEquals("I1", shrunk.violation().invariant());
        assertTrue(shrunk.violation().isFinding());
    }

    private static boolean isI1(Violation violation) {
        return violation.invariant().equals("I1");
    }

    @Test
    void aScheduleCanBeLeftAtItsFirstViolation() {
        long seed = LongStream.range(0, SEEDS)
                .filter(s -> explored(broken, s, new Trace()).isFinding())
                .findFirst()
                .orElseThrow();
        Exploration whole = explored(broken, seed, new Trace());
        Trace trace = new Trace();
        Exploration left = explorer.explore(
                broken,
                new Explorer.Ending(Bounds.steps(100_000), Explorer.OnViolation.STOP),
                new RandomChooser(seed),
                trace);
        assertEquals(RunOutcome.End.STOPPED, left.outcome().end());
        long last = left.violations().get(0).at().order();
        assertTrue(
                left.violations().stream().allMatch(violation -> violation.at().order() == last));
        assertTrue(whole.violations().containsAll(left.violations()));
        assertTrue(left.outcome().steps() < whole.outcome().steps());
        assertEquals(expected(broken, seed).subList(0, trace.records.size()), trace.records);
    }

    @Test
    void finalStatesDifferWhereTheBitmapsOrTheInterruptsTakenDo() {
        Exploration one = explored(right, 1, new Trace());
        Assembly other = Assemblies.levelDevice(2, Protocol.SCAN_THEN_LOAD, 3);
        assertNotEquals(one.finalStateHash(), explored(other, 1, new Trace()).finalStateHash());
    }

    @Test
    void aStepThatFailsLeavesTheExplorerUsable() {
        Assembly bad = right.withListener(message -> {
            throw new IllegalArgumentException("listener");
        });
        assertThrows(StepFailedException.class, () -> explored(bad, 1, new Trace()));
        assertThrows(StepFailedException.class, () -> explored(bad, 1, new Trace()));
        Trace trace = new Trace();
        explored(right, 1, trace);
        assertEquals(expected(right, 1), trace.records);
    }

    @Test
    void aScenarioAndAnAssemblyInTurnAreNotTakenForEachOther() {
        Scenario scenario = ScenarioFile.read(Path.of("conf", "scenarios", "apic-disabled.conf"));
        Exploration first = explorer.explore(scenario, RoundRobinChooser.ROUND_ROBIN);
        Exploration other = explorer.explore(right, AT_REST, RoundRobinChooser.ROUND_ROBIN);
        assertNotEquals(first, other);
        assertEquals(first, explorer.explore(scenario, RoundRobinChooser.ROUND_ROBIN));
        assertEquals(first, explorer.explore(scenario, RoundRobinChooser.ROUND_ROBIN));
    }

    @Test
    void theSameOrderIsTheSameTraceClass() {
        Exploration one = explorer.explore(right, AT_REST, RoundRobinChooser.ROUND_ROBIN);
        Exploration same = explorer.explore(right, AT_REST, RoundRobinChooser.ROUND_ROBIN);
        assertEquals(one.traceHash(), same.traceHash());
        assertNotEquals(one.traceHash(), explored(right, 1, new Trace()).traceHash());
    }
}
