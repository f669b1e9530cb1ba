package org.vcpusim.sim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.vcpusim.check.Invariants;
import org.vcpusim.check.Violation;
import org.vcpusim.kvm.Fault;
import org.vcpusim.kvm.Fix;
import org.vcpusim.kvm.Rules;
import org.vcpusim.scenario.Scenario;
import org.vcpusim.scenario.ScenarioFile;
import org.vcpusim.schedule.Strategies;
import org.vcpusim.schedule.Strategy;
import org.vcpusim.schedule.StrategyKind;

/** The catalogue against the scenarios that are bundled for it. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class CatalogueTest {
    private static final Path SCENARIOS = Path.of("conf", "scenarios");
    private static final Path BUGS = SCENARIOS.resolve("bugs");
    private static final long MOST_STEPS = 200_000;
    private static final long SEED = 1;
    /** Schedules in which nothing may break. */
    private static final int CLEAN = Integer.getInteger("catalogue.clean", 16);
    /** vCPUs beyond which one schedule is enough. */
    private static final int MANY = 100;
    /** Schedules within which a fault must show. */
    private static final int MOST = 2_000;

    private final Explorer explorer = new Explorer();

    @AfterAll
    void close() {
        explorer.close();
    }

    static List<Path> bugs() throws IOException {
        try (Stream<Path> files = Files.list(BUGS)) {
            return files.sorted().toList();
        }
    }

    static List<Path> all() throws IOException {
        try (Stream<Path> files = Files.walk(SCENARIOS)) {
            return files.filter(Files::isRegularFile).sorted().toList();
        }
    }

    /** Those of the fixes that some run shows the absence of. */
    static List<Fault> faults() {
        return Arrays.stream(Fix.values())
                .filter(Fix::isVisible)
                .flatMap(fix -> fix.faults().stream())
                .toList();
    }

    @ParameterizedTest
    @MethodSource("all")
    void withEveryFixNothingBreaksButHazards(Path file) {
        Scenario scenario = ScenarioFile.read(file);
        Sweep sweep = new Sweep(scenario.withRules(Rules.UPSTREAM));
        int schedules = scenario.machine().vcpuCount() > MANY ? 1 : CLEAN;
        for (int i = 0; i < schedules; i++) {
            assertEquals(
                    List.of(),
                    sweep.next().violations().stream()
                            .filter(Violation::isFinding)
                            .toList(),
                    "schedule " + i + " of " + file);
        }
    }

    @ParameterizedTest
    @MethodSource("faults")
    void aFaultAloneBreaksAnInvariantThatItsFixNames(Fault fault) throws IOException {
        Fix fix = fixOf(fault);
        Set<String> named = Set.copyOf(fix.invariants());
        List<Sweep> sweeps = bugs().stream()
                .filter(file ->
                        file.getFileName().toString().startsWith(fix.id().toLowerCase(Locale.ROOT) + "-"))
                .map(file -> new Sweep(ScenarioFile.read(file).withRules(Rules.UPSTREAM.and(EnumSet.of(fault)))))
                .toList();
        assertTrue(
                Stream.iterate(0, i -> i < MOST, i -> i + 1)
                        .flatMap(i -> sweeps.stream().map(Sweep::next))
                        .flatMap(exploration -> exploration.violations().stream())
                        .anyMatch(violation -> violation.isFinding() && named.contains(violation.invariant())),
                () -> fault + " of " + fix.id() + " breaks none of " + named);
    }

    @ParameterizedTest
    @MethodSource("faults")
    void theInvariantsThatAFixNamesExist(Fault fault) {
        List<String> ids =
                Invariants.all().list().stream().map(each -> each.id()).toList();
        assertTrue(ids.containsAll(fixOf(fault).invariants()), fixOf(fault).invariants()::toString);
    }

    private static Fix fixOf(Fault fault) {
        return Arrays.stream(Fix.values())
                .filter(fix -> fix.faults().contains(fault))
                .findFirst()
                .orElseThrow();
    }

    /** The schedules of one scenario. */
    private final class Sweep {
        private final Assembly assembly;
        private final Explorer.Ending ending;
        private final Strategy strategy;
        private long index;

        Sweep(Scenario scenario) {
            assembly = ScenarioAssembly.of(scenario);
            ending = Explorer.Ending.atRest(
                    Math.min(MOST_STEPS, scenario.limits().steps()));
            strategy = Strategies.of(StrategyKind.PORTFOLIO, explorer.actorCount(assembly));
            index = -strategy.trials();
        }

        Exploration next() {
            strategy.begin(SEED, index++);
            Exploration exploration = explorer.explore(assembly, ending, strategy);
            strategy.end(exploration.outcome().steps());
            return exploration;
        }
    }
}
