package org.vcpusim.sim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

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

/** A bounded sweep of seeds finds each way to treat a vCPU in L2 as one in L1, and nothing in the right protocol. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class NestedRaceTest {
    private static final int SEEDS = 500;
    private static final Bounds BOUNDS = Bounds.steps(100_000);

    /** vCPU 0 goes in and out of L2 while vCPU 1 points pin 17, which a level device drives, at it and away. */
    private static final String RETARGETED = """
            vcpus = 2
            protocol = %s
            handlers { 0x41 = [acknowledge disk, eoi] }
            guests {
              hypervisor {
                vcpus = 0
                do = [sti, { repeat = 4, do = [enter-l2, compute 1us] }]
                l2 {
                  controls = [external-interrupt-exiting, acknowledge-interrupt-on-exit, hlt-exiting]
                  eoi-exits = [0x99]
                  do = [{ repeat = 6, do = [compute 1us] }]
                }
              }
              mover { vcpus = 1, do = [sti, { repeat = 2, do = [set-entry 17 vector 0x41 level to 0, set-high 17 to 1] }
                set-high 17 to 0] }
            }
            devices { disk { line = 17, do = [{ repeat = 3, do = [assert, await-acknowledge] }] } }
            """;

    private ControlledSimulation simulation;

    @BeforeAll
    void start() {
        simulation = new ControlledSimulation();
    }

    @AfterAll
    void stop() {
        simulation.close();
    }

    private static Scenario scenario(Protocol protocol, EnumSet<Fault> faults) {
        return ScenarioFile.parse(RETARGETED.formatted(protocol.key()), "race.conf")
                .withFaults(faults);
    }

    private List<Violation> violations(Scenario scenario, long seed) {
        Invariants invariants = Invariants.all();
        RunOutcome outcome =
                simulation.run(ScenarioAssembly.of(scenario), new RandomChooser(seed), List.of(invariants), BOUNDS);
        assertEquals(RunOutcome.End.QUIESCENT, outcome.end(), "seed " + seed);
        return invariants.findings();
    }

    @ParameterizedTest
    @CsvSource(textBlock = """
            NESTED_LOAD_INTO_VMCS02, LOAD_EOI_EXITMAP, I11
            NESTED_LOAD_INTO_VMCS02, SCAN_THEN_LOAD,   I11
            NESTED_LOAD_INTO_VMCS02, LOAD_EOI_EXITMAP, I1
            NESTED_LOAD_INTO_VMCS02, SCAN_THEN_LOAD,   I1
            NESTED_LOAD_INTO_VMCS02, LOAD_EOI_EXITMAP, I7
            NESTED_LOAD_INTO_VMCS02, SCAN_THEN_LOAD,   I7
            """)
    void aSweepFindsTheFault(Fault fault, Protocol protocol, String invariant) {
        Scenario broken = scenario(protocol, EnumSet.of(fault));
        boolean found = LongStream.range(0, SEEDS)
                .anyMatch(seed -> violations(broken, seed).stream()
                        .anyMatch(violation -> violation.invariant().equals(invariant)));
        assertTrue(found, fault + " not found by " + SEEDS + " seeds");
    }

    @ParameterizedTest
    @EnumSource(Protocol.class)
    void theRightProtocolIsClean(Protocol protocol) {
        Scenario right = scenario(protocol, EnumSet.noneOf(Fault.class));
        for (long seed = 0; seed < SEEDS; seed++) {
            assertEquals(List.of(), violations(right, seed), "seed " + seed);
        }
    }
}
