package org.vcpusim.sim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.vcpusim.check.Violation;
import org.vcpusim.kvm.Fix;
import org.vcpusim.kvm.Hazard;
import org.vcpusim.scenario.Scenario;
import org.vcpusim.scenario.ScenarioFile;
import org.vcpusim.schedule.Strategies;
import org.vcpusim.schedule.Strategy;
import org.vcpusim.schedule.StrategyKind;

/** What a hunt finds, and what it says where it finds nothing. */
class HuntTest {
    private static final long MINUTE = 60_000_000_000L;

    private static final Scenario B02 = bundled("b02-level-eoi-after-move");

    private static Scenario bundled(String name) {
        return ScenarioFile.read(Path.of("conf", "scenarios", "bugs", name + ".conf"));
    }

    private static Hunt.Catch hunted(Hunt.Prey prey, long nanos, SelfCheck selfCheck) {
        try (Hunt hunt = new Hunt(StrategyKind.RANDOM, 1, selfCheck)) {
            return hunt.hunt(prey, nanos, () -> false);
        }
    }

    @Test
    void whatATableTellsIsOfTheScheduleThatIsTold() {
        Hunt.Catch caught = hunted(Hunt.Prey.of(Fix.B02, List.of(B02)).get(0), MINUTE, SelfCheck.planted());
        assertTrue(caught.told() >= caught.schedules(), caught::toString);
        try (Explorer explorer = new Explorer()) {
            Assembly assembly = ScenarioAssembly.of(caught.prey().scenarios().get(0));
            Strategy strategy = Strategies.of(StrategyKind.RANDOM, explorer.actorCount(assembly));
            for (long number = 1; number <= caught.told(); number++) {
                strategy.begin(1, number - 1 - strategy.trials());
                Exploration exploration = explorer.explore(assembly, Explorer.Ending.atRest(200_000), strategy);
                strategy.end(exploration.outcome().steps());
                assertTrue(number >= caught.schedules() || !exploration.isFinding(), "schedule " + number);
                assertTrue(number != caught.schedules() || exploration.isFinding(), "schedule " + number);
                assertTrue(
                        number != caught.told() || exploration.picks().size() == caught.picks(), "schedule " + number);
            }
        }
    }

    /** B35 shows in nearly every order, so in trials too, which are random walks. */
    @Test
    void whatBreaksInATrialIsNobodysCatch() {
        Scenario shows = bundled("b35-posted-while-preempted");
        try (Hunt hunt = new Hunt(StrategyKind.PCT, 1, SelfCheck.planted())) {
            Hunt.Catch caught = hunt.hunt(Hunt.Prey.of(Fix.B35, List.of(shows)).get(0), MINUTE, () -> false);
            assertEquals(StrategyKind.PCT.label(), caught.strategy());
        }
    }

    @Test
    void whereNothingIsFoundAPlantedBugIs() {
        Hunt.Prey rightMachine = new Hunt.Prey("B02", "", "", List.of(B02), List.of("I7"), Optional.empty());

        Hunt.Catch caught = hunted(rightMachine, 300_000_000L, SelfCheck.planted());
        assertEquals(Optional.empty(), caught.found());
        assertEquals(0, caught.told());

        assertThrows(SelfCheckFailedException.class, () -> hunted(rightMachine, 300_000_000L, SelfCheck.lookingFor()));
    }

    /** Its vCPU loads garbage before it first enters the guest, and then goes round for ever: 300 messages are far behind that. */
    @Test
    void aViolationOfAScheduleThatIsLeftBeforeItsEndIsFound() {
        Scenario endless = ScenarioFile.parse("""
                vcpus = 1
                guests { goes-round { vcpus = 0, do = [{ repeat = 1000000000, do = [nop] }] } }
                """, "endless.conf");
        AtomicLong asked = new AtomicLong();
        try (Hunt hunt = new Hunt(StrategyKind.RANDOM, 1, SelfCheck.planted())) {
            Hunt.Catch caught = hunt.hunt(
                    Hunt.Prey.of(Fix.B06, List.of(endless)).get(0), MINUTE, () -> asked.incrementAndGet() > 300);
            assertTrue(caught.interrupted());
            assertEquals(
                    Optional.of("I1"),
                    caught.found().map(shrunk -> shrunk.violation().invariant()));
        }
    }

    /** A bundled scenario shows each, and only by what is labelled as it. */
    @ParameterizedTest
    @EnumSource(
            value = Hazard.class,
            names = {"O6", "O7"},
            mode = EnumSource.Mode.EXCLUDE)
    void everyHazardThatSomeRunShowsIsFound(Hazard hazard) {
        String name = hazard.name().toLowerCase(Locale.ROOT);
        List<Scenario> scenarios = List.of(bundled(
                switch (hazard) {
                    case O1 -> name + "-stale-after-inhibit";
                    case O2 -> name + "-synic-not-told";
                    case O3 -> name + "-vector-rewritten-in-service";
                    case O4 -> name + "-nobody-there";
                    case O5 -> name + "-edge-behind-level";
                    default -> name + "-served-before-the-scan";
                }));

        Violation found = hunted(Hunt.Prey.of(hazard, scenarios), MINUTE, SelfCheck.planted())
                .found()
                .orElseThrow()
                .violation();

        assertTrue(hazard.isVisible());
        assertEquals(Optional.of(hazard), found.hazard());
    }
}
