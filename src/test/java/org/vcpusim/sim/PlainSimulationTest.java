package org.vcpusim.sim;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.vcpusim.scenario.Scenario;
import org.vcpusim.scenario.ScenarioFile;
import org.vcpusim.schedule.RandomChooser;
import org.vcpusim.schedule.RecordingChooser;
import org.vcpusim.schedule.ReplayChooser;

/** A schedule means the same to actors and to plain values. */
class PlainSimulationTest {
    private static final int SEEDS = 20;

    /** All bundled scenarios but the large one, which the others' few components stand for. */
    static List<Path> files() throws IOException {
        try (Stream<Path> files = Files.list(Path.of("conf", "scenarios"))) {
            return files.filter(Files::isRegularFile)
                    .filter(file -> !file.endsWith("thousand.conf"))
                    .sorted()
                    .toList();
        }
    }

    @ParameterizedTest
    @MethodSource("files")
    void aSeedGivesTheSameTraceEventForEvent(Path file) {
        Scenario scenario = ScenarioFile.read(file);
        Bounds bounds = Bounds.steps(scenario.limits().steps());
        try (ControlledSimulation actors = new ControlledSimulation()) {
            for (long seed = 0; seed < SEEDS; seed++) {
                Trace ofActors = new Trace();
                RunOutcome outcome =
                        actors.run(ScenarioAssembly.of(scenario), new RandomChooser(seed), List.of(ofActors), bounds);
                Trace ofValues = new Trace();
                RunOutcome plain = PlainSimulation.run(
                        ScenarioAssembly.of(scenario), new RandomChooser(seed), List.of(ofValues), bounds);
                assertEquals(ofActors.records, ofValues.records, "seed " + seed);
                assertEquals(outcome, plain, "seed " + seed);
            }
        }
    }

    @Test
    void aScheduleThatValuesFoundReplaysOnActors() {
        Scenario scenario = ScenarioFile.read(Path.of("conf/scenarios/first.conf"));
        Bounds bounds = Bounds.steps(scenario.limits().steps());
        RecordingChooser recorded = new RecordingChooser(new RandomChooser(11));
        Trace found = new Trace();
        PlainSimulation.run(ScenarioAssembly.of(scenario), recorded, List.of(found), bounds);
        Trace replayed = new Trace();
        try (ControlledSimulation actors = new ControlledSimulation()) {
            actors.run(
                    ScenarioAssembly.of(scenario), new ReplayChooser(recorded.schedule()), List.of(replayed), bounds);
        }
        assertEquals(found.records, replayed.records);
    }
}
