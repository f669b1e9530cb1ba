package org.vcpusim.sim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.vcpusim.check.Invariants;
import org.vcpusim.check.Violation;
import org.vcpusim.kvm.Fault;
import org.vcpusim.kvm.Hazard;
import org.vcpusim.scenario.Scenario;
import org.vcpusim.scenario.ScenarioCuts;
import org.vcpusim.scenario.ScenarioFile;
import org.vcpusim.schedule.Schedule;
import org.vcpusim.trace.Source;
import org.vcpusim.trace.TraceRecord;

/** A failing schedule becomes short and still fails by the same rule. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ShrinkerTest {
    private Failure late;
    private Shrinker.Shrunk shrunk;
    private Shrinker.Shrunk cut;

    @BeforeAll
    void shrink() {
        late = Failure.of("first", Fault.NO_RECHECK);
        shrunk = Shrinker.shrink(late.scenario(), late.schedule(), late.violation(), () -> false);
        cut = Shrinker.cut(late.scenario(), late.schedule(), late.violation(), () -> false);
    }

    private static Attempt attempt(Shrinker.Shrunk of) {
        Attempt.Ending ending = of.finishes() ? Attempt.Ending.FINISH : Attempt.Ending.STOP;
        return new Attempt(
                ScenarioAssembly.of(of.scenario()), ending, Attempt.Symptom.of(of.violation()), of.steps() + 1);
    }

    @Test
    void aLongScheduleBecomesAFewDozenPicksThatBreakTheSameRule() {
        assertTrue(
                late.schedule().size() > 200,
                () -> "picks before: " + late.schedule().size());
        assertTrue(
                shrunk.picks().size() < 70,
                () -> "picks after: " + shrunk.picks().size());
        assertEquals(late.violation().invariant(), shrunk.violation().invariant());
        assertTrue(shrunk.complete());
        assertFalse(shrunk.finishes());
    }

    @Test
    void theSameFailureIsOneOfTheSameRuleAndOfAnActorOfTheSameKind() {
        Violation violation = late.violation();
        TraceRecord at = violation.at();
        Attempt.Symptom symptom = Attempt.Symptom.of(violation);
        assertTrue(symptom.matches(by(violation, Source.vcpu(7))));
        assertFalse(symptom.matches(by(violation, Source.VM)));
        assertEquals(Source.Kind.VCPU, at.source().kind());
        assertFalse(new Attempt.Symptom("I1", Optional.empty(), symptom.actor()).matches(violation));
        assertTrue(new Attempt.Symptom(violation.invariant(), Optional.empty(), Optional.empty()).matches(violation));
        assertFalse(new Attempt.Symptom(violation.invariant(), Optional.of(Hazard.O4), Optional.empty())
                .matches(violation));
    }

    private static Violation by(Violation violation, Source source) {
        TraceRecord at = violation.at();
        return new Violation(
                violation.invariant(),
                violation.sentence(),
                new TraceRecord(at.order(), at.nanos(), source, at.event()),
                violation.since(),
                violation.detail(),
                violation.hazard());
    }

    @Test
    void noSinglePickCanGo() {
        int[] picks = shrunk.picks().toArray();
        for (int i = 0; i < picks.length; i++) {
            int dropped = i;
            int[] rest = IntStream.range(0, picks.length)
                    .filter(at -> at != dropped)
                    .map(at -> picks[at])
                    .toArray();
            assertTrue(attempt(shrunk).run(rest).violation().isEmpty(), "without pick " + i);
        }
    }

    @Test
    void actorsReplayItAndBreakTheSameRuleAtTheLastStep() {
        Invariants invariants = Invariants.all();
        Reproduction run = new Reproduction(shrunk.scenario(), shrunk.picks(), shrunk.finishes());
        run.run(Reproduction.Executor.CONTROLLED, List.of(invariants));
        assertEquals(
                List.of(shrunk.violation()),
                invariants.violations().stream()
                        .filter(violation ->
                                violation.invariant().equals(shrunk.violation().invariant()))
                        .toList());
    }

    @Test
    void exchangedTheCriticalTurnsBreakNothing() {
        Shrinker.CriticalPair pair = shrunk.critical().orElseThrow();
        int[] picks = shrunk.picks().toArray();
        IntStream order = IntStream.concat(
                IntStream.concat(IntStream.range(0, pair.first()), IntStream.range(pair.second(), pair.end())),
                IntStream.concat(
                        IntStream.range(pair.first(), pair.second()), IntStream.range(pair.end(), picks.length)));
        int[] other = order.map(at -> picks[at]).toArray();
        assertEquals(
                shrunk.violation().invariant(),
                attempt(shrunk).run(picks).violation().orElseThrow().invariant());
        assertTrue(attempt(shrunk).run(other).violation().isEmpty());
    }

    @Test
    void aFailureThatOnlyTheAuditShowsKeepsItsEnd() {
        Failure end = Failure.of("retarget-in-service", Fault.UNINITIALISED_BITMAP);
        Shrinker.Shrunk shorter = Shrinker.shrink(end.scenario(), end.schedule(), end.violation(), () -> false);
        assertEquals(end.violation().invariant(), shorter.violation().invariant());
        assertTrue(shorter.picks().size() < end.schedule().size());
    }

    @Test
    void theScenarioIsCutToWhatTheFailureNeeds() {
        assertEquals(shrunk.violation().invariant(), cut.violation().invariant());
        assertTrue(cut.scenario().hocon().length() < shrunk.scenario().hocon().length());
        assertTrue(cut.picks().size() <= shrunk.picks().size());
        assertTrue(cut.complete());
    }

    @Test
    void faultsThatTheFailureDoesNotNeedGoAlsoWhereAVcpuTakesMoreStepsWithoutThem() {
        Failure failure =
                Failure.of("first", Fault.NO_RECHECK, Fault.CREATE_WITHOUT_APICV_UPDATE, Fault.NO_STORM_DELAY);
        Shrinker.Shrunk one = Shrinker.cut(failure.scenario(), failure.schedule(), failure.violation(), () -> false);
        assertEquals(List.of(Fault.NO_RECHECK), one.scenario().machine().rules().faults());
        assertEquals(failure.violation().invariant(), one.violation().invariant());
    }

    @Test
    void noActorAndNoPartOfTheScenarioCanGoThen() {
        int[] picks = cut.picks().toArray();
        IntStream.of(picks).distinct().forEach(actor -> {
            int[] rest = IntStream.of(picks).filter(pick -> pick != actor).toArray();
            assertTrue(attempt(cut).run(rest).violation().isEmpty(), "without actor " + actor);
        });
        List<Scenario> smaller = ScenarioCuts.of(cut.scenario()).toList();
        assertFalse(smaller.isEmpty());
        for (Scenario each : smaller) {
            int[] renamed = Components.of(cut.scenario()).renamed(picks, Components.of(each));
            Attempt.Result result = new Attempt(
                            ScenarioAssembly.of(each),
                            Attempt.Ending.STOP,
                            Attempt.Symptom.of(cut.violation()),
                            cut.steps() + 1)
                    .run(renamed);
            assertTrue(result.violation().isEmpty() || result.steps() > cut.steps(), each::hocon);
        }
    }

    @Test
    void theCutScenarioComesBackFromItsToken() {
        Reproduction run = new Reproduction(cut.scenario(), cut.picks(), cut.finishes());
        String token = ReplayToken.of(run, "0.1.0").toString();
        Reproduction again = ReplayToken.parse(token).reproduction(late.scenario(), "0.1.0");
        assertEquals(cut.scenario().hocon(), again.scenario().hocon());
        assertEquals(cut.scenario().machine(), again.scenario().machine());
        assertEquals(run.traceDigest(), again.traceDigest());
    }

    @Test
    void aFileOfTheCutScenarioIsPlayedTheSameWhateverIsSetFromOutside() {
        Scenario file = ScenarioFile.parse(cut.scenario().standalone(), "cut.conf");
        Reproduction run = new Reproduction(cut.scenario(), cut.picks(), cut.finishes());
        assertEquals(run.traceDigest(), new Reproduction(file, cut.picks(), cut.finishes()).traceDigest());
    }

    @Test
    void aCutOfAnotherNumberOfVcpusComesBackToo() {
        Scenario more = late.scenario().withVcpus(late.scenario().machine().vcpuCount() + 1);
        Scenario smaller = ScenarioCuts.of(more).findFirst().orElseThrow();
        Reproduction run = new Reproduction(smaller, Schedule.of(), true);
        String token = ReplayToken.of(run, "0.1.0").toString();
        assertEquals(
                smaller.machine(),
                ReplayToken.parse(token)
                        .reproduction(late.scenario(), "0.1.0")
                        .scenario()
                        .machine());
    }

    @Test
    void stoppedAtOnceItGivesWhatItHasAndSaysSo() {
        Shrinker.Shrunk stopped = Shrinker.shrink(late.scenario(), late.schedule(), late.violation(), () -> true);
        assertFalse(stopped.complete());
        assertEquals(late.violation().invariant(), stopped.violation().invariant());
        assertEquals(0, stopped.replays());
    }

    @Test
    void aScheduleThatShowsNothingIsRefused() {
        assertThrows(
                IllegalArgumentException.class,
                () -> Shrinker.shrink(
                        late.scenario().withFaults(EnumSet.noneOf(Fault.class)),
                        Schedule.of(),
                        late.violation(),
                        () -> false));
    }
}
