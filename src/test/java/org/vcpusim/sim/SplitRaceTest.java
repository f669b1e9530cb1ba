package org.vcpusim.sim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.vcpusim.check.Invariants;
import org.vcpusim.check.Violation;
import org.vcpusim.kvm.Fault;
import org.vcpusim.kvm.Protocol;
import org.vcpusim.scenario.Scenario;
import org.vcpusim.scenario.ScenarioFile;
import org.vcpusim.schedule.RandomChooser;

/** A bounded sweep of seeds over a split irqchip whose level pin is moved around. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class SplitRaceTest {
    private static final int SEEDS = 300;
    private static final Bounds BOUNDS = Bounds.steps(100_000);
    private static final Scenario SCENARIO = ScenarioFile.read(Path.of("conf", "scenarios", "split-irqchip.conf"));

    private ControlledSimulation simulation;

    @BeforeAll
    void start() {
        simulation = new ControlledSimulation();
    }

    @AfterAll
    void stop() {
        simulation.close();
    }

    private List<Violation> violations(Scenario scenario, long seed) {
        Invariants invariants = Invariants.all();
        RunOutcome outcome =
                simulation.run(ScenarioAssembly.of(scenario), new RandomChooser(seed), List.of(invariants), BOUNDS);
        assertEquals(RunOutcome.End.QUIESCENT, outcome.end(), "seed " + seed);
        return invariants.findings();
    }

    @ParameterizedTest
    @EnumSource(Protocol.class)
    void theRightOrderIsClean(Protocol protocol) {
        for (long seed = 0; seed < SEEDS; seed++) {
            assertEquals(List.of(), violations(SCENARIO.withProtocol(protocol), seed), "seed " + seed);
        }
    }

    /** The EOI is dropped by a scan of the same pass, and its pin never interrupts again. */
    @ParameterizedTest
    @CsvSource({"E3", "I7"})
    void anEoiExitThatComesAfterTheScanLosesEois(String invariant) {
        Scenario faulty = SCENARIO.withFaults(EnumSet.of(Fault.EOI_EXIT_AFTER_SCAN));
        boolean found = LongStream.range(0, SEEDS)
                .anyMatch(seed -> violations(faulty, seed).stream()
                        .anyMatch(violation -> violation.invariant().equals(invariant)));
        assertTrue(found, invariant + " not found by " + SEEDS + " seeds");
    }
}
