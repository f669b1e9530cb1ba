package org.vcpusim.sim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.vcpusim.kvm.Fault;
import org.vcpusim.kvm.Fix;
import org.vcpusim.kvm.Rules;
import org.vcpusim.scenario.Scenario;
import org.vcpusim.scenario.ScenarioFile;
import org.vcpusim.schedule.ReplayChooser;
import org.vcpusim.schedule.StrategyKind;
import org.vcpusim.sim.StressReport.Expectation;
import org.vcpusim.sim.StressReport.Figures;
import org.vcpusim.sim.StressReport.Group;
import org.vcpusim.sim.StressReport.Meetings;

/** Many schedules: what they add up to, and when they end. */
class StressTest {
    private static final long SCHEDULES = 300;

    private final Scenario right = ScenarioFile.read(Path.of("conf/scenarios/bugs/b02-level-eoi-after-move.conf"));
    private final Scenario broken = right.withRules(Rules.UPSTREAM.without(Fix.B02));

    private static StressPlan plan(Scenario scenario, int jobs, StressPlan.Budget budget) {
        return new StressPlan(scenario, StrategyKind.RANDOM, 1, budget, jobs);
    }

    private static StressReport report(Scenario scenario, int jobs, StressPlan.Budget budget) {
        return Stress.run(plan(scenario, jobs, budget), () -> false, count -> {});
    }

    /** All of a report that does not depend on time or threads. */
    private static List<Object> whatItShows(StressReport report) {
        Figures f = report.figures();
        return List.of(
                report.end(),
                List.of(f.schedules(), f.cut(), f.steps(), f.traces(), f.singletons(), f.finalStates()),
                report.requests(),
                report.orders(),
                report.outcomes(),
                report.groups());
    }

    @Test
    void twoThreadsFindTheUnionOfTheirHalves() {
        StressPlan.Budget budget = StressPlan.Budget.schedules(SCHEDULES);
        StressReport one = report(broken, 1, budget);
        assertEquals(whatItShows(one), whatItShows(report(broken, 2, budget)));
        assertEquals(whatItShows(one), whatItShows(report(broken, 3, budget)));
        assertEquals(SCHEDULES, one.figures().schedules());
        assertTrue(one.figures().traces() > SCHEDULES / 2, one::toString);
        assertEquals(StressReport.End.SCHEDULES, one.end());
    }

    @Test
    void aFindingEndsItWithItsBlockHoweverManyThreads() {
        Scenario clean = right;
        StressPlan.Budget budget = StressPlan.Budget.untilFound(10 * Stress.BLOCK);
        StressReport one = report(broken, 1, budget);
        assertEquals(StressReport.End.FOUND, one.end());
        assertEquals(0, one.figures().schedules() % Stress.BLOCK);
        assertTrue(one.findings().get(0).firstSchedule() >= one.figures().schedules() - Stress.BLOCK);
        assertEquals(whatItShows(one), whatItShows(report(broken, 2, budget)));
        assertEquals(whatItShows(one), whatItShows(report(broken, 3, budget)));
        assertEquals(
                StressReport.End.SCHEDULES,
                report(clean, 2, StressPlan.Budget.untilFound(150)).end());
    }

    @Test
    void theFirstScheduleOfAFindingIsThereToBeRunAgain() {
        StressReport report = report(broken, 2, StressPlan.Budget.schedules(SCHEDULES));
        Group group = report.findings().get(0);
        assertEquals("I3", group.invariant());
        try (Explorer explorer = new Explorer()) {
            Exploration again = explorer.explore(broken, new ReplayChooser(group.picks()));
            assertEquals(group.picks(), again.picks());
            assertTrue(again.violations().contains(group.first()), again::toString);
        }
    }

    @Test
    void aScheduleThatTheBoundCutsIsToldApart() {
        StressPlan.Budget budget = new StressPlan.Budget(20, Long.MAX_VALUE, 30, Explorer.OnViolation.GO_ON);
        StressReport report = report(right, 1, budget);
        assertEquals(20, report.figures().cut());
        assertEquals(20 * 30, report.figures().steps());
        assertEquals(1, report.outcomes().size());
        assertEquals(Expectation.INTERESTING, report.outcomes().get(0).expectation());
        assertTrue(report.verdict().contains("20 of them cut short"), report::verdict);
    }

    @Test
    void everyScheduleHasOneOutcome() {
        StressReport report = report(broken, 2, StressPlan.Budget.schedules(SCHEDULES));
        long sum = report.outcomes().stream()
                .mapToLong(StressReport.Outcome::count)
                .sum();
        assertEquals(SCHEDULES, sum);
        assertEquals(Expectation.FORBIDDEN, report.outcomes().get(0).expectation());
        assertEquals("I3 I7", report.outcomes().get(0).label());
    }

    @Test
    void aRequestIsCountedInThePhaseOfTheVcpuThatItIsMadeOf() {
        StressReport report = report(right, 1, StressPlan.Budget.schedules(SCHEDULES));
        Meetings met = report.requests();
        assertEquals(
                List.of("EVENT", "SCAN_IOAPIC", "APIC_PAGE_RELOAD", "LOAD_EOI_EXITMAP", "APICV_UPDATE"), met.firsts());
        assertEquals(5L * met.seconds().size(), met.possible());
        Set<String> loads = seconds(met, "LOAD_EOI_EXITMAP");
        assertEquals(Set.of("AWAITING"), loads, "a vCPU asks itself for it, where it has the table");
        Set<String> scans = seconds(met, "SCAN_IOAPIC");
        assertTrue(scans.containsAll(Set.of("IN_GUEST", "RECHECK", "BARRIER", "CHECK_REQUESTS")), scans::toString);
    }

    private static Set<String> seconds(Meetings met, String first) {
        return met.pairs().stream()
                .filter(pair -> pair.first().equals(first))
                .map(StressReport.Pair::second)
                .collect(Collectors.toSet());
    }

    /** Whatever the machine, no request is made in a phase that it is said not to have, and no order comes up unforeseen. */
    @ParameterizedTest
    @CsvSource({"first,", "posted-interrupts,", "halt-poll,", "bugs/b27b-cleared-last, B27B", "bugs/b33-hint-lost, B33"
    })
    void noMoreCanMeetThanIsPossible(String name, @Nullable Fix without) {
        Scenario file = ScenarioFile.read(Path.of("conf/scenarios/" + name + ".conf"));
        Scenario scenario = without == null ? file : file.withRules(Rules.UPSTREAM.without(without));
        StressReport report = report(scenario, 1, StressPlan.Budget.schedules(50));
        Meetings requests = report.requests();
        requests.pairs().forEach(pair -> assertTrue(requests.seconds().contains(pair.second()), pair::toString));
        Meetings orders = report.orders();
        assertTrue(orders.pairs().size() > 0 && orders.pairs().size() <= orders.possible(), name);
        long all = (long) orders.firsts().size() * orders.firsts().size();
        assertTrue(orders.possible() < all, "no event of the VM comes behind another of another VM");
    }

    @Test
    void theUserEndsItAndGetsWhatThereIs() {
        AtomicLong done = new AtomicLong();
        StressPlan plan = plan(right, 2, StressPlan.Budget.schedules(Long.MAX_VALUE));
        StressReport report = Stress.run(plan, () -> done.get() > 0, done::set);
        assertEquals(StressReport.End.INTERRUPTED, report.end());
        assertTrue(report.figures().schedules() >= done.get());
        assertTrue(report.verdict().contains("until it was interrupted"), report::verdict);
    }

    /** Its vCPU loads garbage before it first enters the guest, and after a visit to user space goes round for ever. */
    @Test
    void aScheduleThatIsLeftBeforeItsEndKeepsWhatItHasShown() {
        Scenario endless = ScenarioFile.parse("""
                        vcpus = 1
                        guests { goes-round { vcpus = 0, do = [exit, { repeat = 1000000000, do = [nop] }] } }
                        """, "endless.conf").withRules(Rules.UPSTREAM.without(Fix.B06));
        AtomicBoolean visited = new AtomicBoolean();
        Assembly heard = ScenarioAssembly.of(endless).withListener(message -> visited.set(true));
        StressPlan plan = new StressPlan(endless, StrategyKind.ROUND_ROBIN, 1, StressPlan.Budget.schedules(1), 1);
        StressReport report = Stress.run(plan, heard, visited::get);
        assertEquals(StressReport.End.INTERRUPTED, report.end());
        assertEquals("I1", report.findings().get(0).invariant());
        assertEquals(0, report.findings().get(0).firstSchedule());
        assertEquals(1, report.findings().get(0).schedules());
        assertEquals(1, report.figures().schedules());
        assertEquals(0, report.figures().cut(), "the bound on steps has cut nothing");
        assertTrue(report.figures().steps() >= report.findings().get(0).picks().size());
    }

    @Test
    void timeEndsIt() {
        StressPlan.Budget budget =
                new StressPlan.Budget(Long.MAX_VALUE, 1, StressPlan.DEFAULT_STEPS, Explorer.OnViolation.GO_ON);
        StressReport report = report(right, 1, budget);
        assertEquals(StressReport.End.TIME, report.end());
        assertEquals(1, report.figures().schedules(), "whoever has little time gets one");
        assertTrue(report.verdict().contains("until time was up"), report::verdict);
    }

    @Test
    void aScheduleThatFailsIsNamedAndLeftInAFileThatReplaysIt(@TempDir Path folder) {
        AtomicLong messages = new AtomicLong();
        Assembly failing = ScenarioAssembly.of(right).withListener(message -> {
            if (messages.incrementAndGet() == 50) {
                throw new IllegalStateException("a broken assertion");
            }
        });
        ScheduleFailedException failure = assertThrows(
                ScheduleFailedException.class,
                () -> Stress.run(plan(right, 1, StressPlan.Budget.schedules(SCHEDULES)), failing, () -> false));
        assertTrue(failure.schedule() > 0, failure::toString);
        String named = "schedule " + failure.schedule() + " of b02-level-eoi-after-move, seed 1, strategy random,"
                + " failed at its step " + failure.picks().size() + ": ";
        assertTrue(failure.toString().contains(named), failure::toString);

        Path file = FindingFile.write(folder, failure, text(), "1.2.3");
        assertEquals(
                new Reproduction(right, failure.picks(), false).picks(),
                FindingFile.read(file, "1.2.3").run().picks());
    }

    private static String text() {
        try {
            return Files.readString(Path.of("conf/scenarios/bugs/b02-level-eoi-after-move.conf"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void theVerdictSaysSampledAndWhatWasSampled() {
        StressReport report = report(right, 1, StressPlan.Budget.schedules(10));
        assertEquals(
                "sampled: 10 schedules of b02-level-eoi-after-move, strategy random, seed 1; no violation in them",
                report.verdict());
    }

    @ParameterizedTest
    @EnumSource(StrategyKind.class)
    void everyStrategyFindsThePlantedBug(StrategyKind kind) {
        try (Explorer explorer = new Explorer()) {
            SelfCheck.Result result = SelfCheck.planted().on(explorer, kind);
            assertEquals("R2", result.invariant());
            assertTrue(result.schedules() <= 2_000, result::toString);
        }
    }

    @Test
    void theRoundRobinFindsItInOneOfItsMachinesAndNothingWhereThereIsNone() {
        try (Explorer explorer = new Explorer()) {
            SelfCheck.Result result = SelfCheck.planted().on(explorer, StrategyKind.ROUND_ROBIN);
            assertTrue(result.schedules() > 1, "the machine that the others look into does not show it: " + result);
            assertThrows(
                    SelfCheckFailedException.class,
                    () -> SelfCheck.lookingFor().on(explorer, StrategyKind.ROUND_ROBIN));
        }
    }

    @ParameterizedTest
    @EnumSource(StrategyKind.class)
    void anEngineThatFindsAnotherBugInsteadIsNotBroken(StrategyKind kind) {
        try (Explorer explorer = new Explorer()) {
            SelfCheck.Result result =
                    SelfCheck.lookingFor(Fault.UNINITIALISED_BITMAP).on(explorer, kind);
            assertEquals("I1", result.invariant());
            assertTrue(result.toString().startsWith("another bug than the planted one was found"), result::toString);
        }
    }

    @Test
    void anEngineThatDoesNotFindThePlantedBugSaysNothingElse() {
        StressPlan plan = plan(right, 2, StressPlan.Budget.schedules(10));
        assertThrows(
                SelfCheckFailedException.class,
                () -> Stress.run(plan, SelfCheck.lookingFor(), () -> false, count -> {}));
    }
}
