package org.vcpusim.sim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.EnumSet;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.vcpusim.kvm.Fault;
import org.vcpusim.scenario.Scenario;
import org.vcpusim.scenario.ScenarioFile;
import org.vcpusim.schedule.RandomChooser;
import org.vcpusim.trace.JsonLinesTraceWriter;

/**
 * The scenarios in {@code conf/scenarios} as actors.
 *
 * <p>Golden file: {@code mvn test -Dtest=BundledRunTest -Dgolden.rewrite=true} writes it anew.
 */
class BundledRunTest {
    private static final Path FOLDER = Path.of("conf", "scenarios");
    private static final Path GOLDEN = Path.of("src/test/resources/org/vcpusim/sim/traces.sha256");
    private static final int SEEDS = 1_000;

    static List<Path> files() throws IOException {
        try (Stream<Path> files = Files.list(FOLDER)) {
            return files.filter(file -> file.toString().endsWith(".conf"))
                    .sorted()
                    .toList();
        }
    }

    private static Scenario scenario(String name) {
        return ScenarioFile.read(FOLDER.resolve(name + ".conf"));
    }

    private static RunSummary summary(
            Scenario scenario, ScenarioRun.Executor executor, RunOutcome outcome, RunStatistics statistics) {
        assertEquals(RunOutcome.End.QUIESCENT, outcome.end());
        int vcpus = scenario.machine().vcpuCount();
        assertEquals(vcpus, statistics.figures().bitmaps().audited());
        return new RunSummary(
                scenario.name(), executor, 1, vcpus, outcome.steps(), outcome.nanos(), statistics.figures());
    }

    private static RunSummary controlled(Scenario scenario) {
        RunStatistics statistics = new RunStatistics(scenario.machine().vcpuCount());
        try (ControlledSimulation simulation = new ControlledSimulation()) {
            Bounds bounds = Bounds.steps(scenario.limits().steps());
            RunOutcome outcome =
                    simulation.run(ScenarioAssembly.of(scenario), new RandomChooser(1), List.of(statistics), bounds);
            return summary(scenario, ScenarioRun.Executor.CONTROLLED, outcome, statistics);
        }
    }

    @ParameterizedTest
    @MethodSource("files")
    void onTheControlledExecutorTheyEndWithoutAFinding(Path file) {
        assertFalse(controlled(ScenarioFile.read(file)).isFinding());
    }

    @ParameterizedTest
    @MethodSource("files")
    void onTheLiveExecutorTheyEndWithoutAFinding(Path file) {
        Scenario scenario = ScenarioFile.read(file);
        RunStatistics statistics = new RunStatistics(scenario.machine().vcpuCount());
        try (LiveSimulation simulation = new LiveSimulation()) {
            Bounds bounds = Bounds.steps(scenario.limits().steps());
            RunOutcome outcome = simulation.run(ScenarioAssembly.of(scenario), List.of(statistics), bounds);
            assertFalse(summary(scenario, ScenarioRun.Executor.LIVE, outcome, statistics)
                    .isFinding());
        }
    }

    @Test
    void aFaultIsAFinding() {
        assertTrue(controlled(scenario("first").withFaults(EnumSet.of(Fault.UNINITIALISED_BITMAP)))
                .isFinding());
    }

    /** One line a scenario: the digest of the traces of all seeds, one behind the other, and its name. */
    @Test
    void theTracesOfAThousandSeedsAreTheSameBytesOnEveryJdk() throws IOException, NoSuchAlgorithmException {
        StringBuilder digests = new StringBuilder();
        try (ControlledSimulation simulation = new ControlledSimulation()) {
            for (String name : List.of("first", "ipi-ring", "edge-and-level")) {
                digests.append(digest(simulation, scenario(name)))
                        .append("  ")
                        .append(name)
                        .append('\n');
            }
        }
        if (Boolean.getBoolean("golden.rewrite")) {
            Files.writeString(GOLDEN, digests);
        }
        assertEquals(Files.readString(GOLDEN), digests.toString());
    }

    private static String digest(ControlledSimulation simulation, Scenario scenario)
            throws IOException, NoSuchAlgorithmException {
        MessageDigest sha256 = MessageDigest.getInstance("SHA-256");
        Bounds bounds = Bounds.steps(scenario.limits().steps());
        for (long seed = 0; seed < SEEDS; seed++) {
            OutputStream bytes = new DigestOutputStream(OutputStream.nullOutputStream(), sha256);
            JsonLinesTraceWriter writer = new JsonLinesTraceWriter(bytes);
            RunOutcome outcome =
                    simulation.run(ScenarioAssembly.of(scenario), new RandomChooser(seed), List.of(writer), bounds);
            assertEquals(RunOutcome.End.QUIESCENT, outcome.end(), scenario.name() + " seed " + seed);
        }
        return HexFormat.of().formatHex(sha256.digest());
    }
}
