package org.vcpusim.sim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.vcpusim.check.Invariants;
import org.vcpusim.check.Violation;
import org.vcpusim.kvm.Fault;
import org.vcpusim.kvm.Machine;
import org.vcpusim.kvm.Protocol;
import org.vcpusim.schedule.Chooser;
import org.vcpusim.schedule.RandomChooser;

/** A bounded sweep of seeds finds each of three ways to break the request protocol, and nothing in the right one. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class RaceTest {
    private static final int SEEDS = 1_000;
    private static final int VCPUS = 4;
    /** vCPU 0, behind the VM, user space and the timer. */
    private static final int TARGET = 3;

    private static final Bounds BOUNDS = Bounds.steps(100_000);

    private ControlledSimulation simulation;

    @BeforeAll
    void start() {
        simulation = new ControlledSimulation();
    }

    @AfterAll
    void stop() {
        simulation.close();
    }

    private List<Violation> violations(Assembly assembly, long seed) {
        return violations(assembly, new RandomChooser(seed));
    }

    private List<Violation> violations(Assembly assembly, Chooser chooser) {
        Invariants invariants = Invariants.allAnd(new TargetsAreTold(assembly.machine()));
        RunOutcome outcome = simulation.run(assembly, chooser, List.of(invariants), BOUNDS);
        assertEquals(RunOutcome.End.QUIESCENT, outcome.end());
        return invariants.findings();
    }

    @ParameterizedTest
    @CsvSource(textBlock = """
            NO_RECHECK,           LOAD_EOI_EXITMAP, R2
            NO_RECHECK,           SCAN_THEN_LOAD,   R2
            # The load is not waited for: that nobody told the vCPU is all there is to see.
            KICK_BEFORE_REQUEST,  LOAD_EOI_EXITMAP, targets-are-told
            KICK_BEFORE_REQUEST,  SCAN_THEN_LOAD,   R3
            CLEAR_AFTER_HANDLING, LOAD_EOI_EXITMAP, R1
            CLEAR_AFTER_HANDLING, SCAN_THEN_LOAD,   R1
            """)
    void aSweepFindsTheFault(Fault fault, Protocol protocol, String invariant) {
        Assembly assembly = Assemblies.pinsMovedAtOnce(VCPUS, protocol, fault);
        boolean found = LongStream.range(0, SEEDS)
                .anyMatch(seed -> violations(assembly, seed).stream()
                        .anyMatch(violation -> violation.invariant().equals(invariant)));
        assertTrue(found, fault + " not found by " + SEEDS + " seeds");
    }

    /** The last make of all is lost, and no later one repairs it: that takes a target which is slow to clear the bit. */
    @Test
    void aSweepWithASlowTargetFindsABitmapThatStaysWrong() {
        Assembly assembly = Assemblies.pinsMovedAtOnce(VCPUS, Protocol.LOAD_EOI_EXITMAP, Fault.CLEAR_AFTER_HANDLING);
        boolean found = LongStream.range(0, SEEDS)
                .anyMatch(seed -> violations(assembly, slowTarget(seed)).stream()
                        .anyMatch(violation -> violation.invariant().equals("I3")));
        assertTrue(found, "not found by " + SEEDS + " seeds");
    }

    /** Random choices that pass vCPU 0 over, eight times of nine. */
    private static Chooser slowTarget(long seed) {
        RandomChooser random = new RandomChooser(seed);
        return ready -> {
            int chosen = random.choose(ready);
            for (int again = 0; again < 8 && ready.actor(chosen) == TARGET; again++) {
                chosen = random.choose(ready);
            }
            return chosen;
        };
    }

    /** How interrupts reach vCPU 0. */
    enum Way {
        /** The other vCPUs send IPIs. */
        IPI {
            @Override
            Assembly assembly(Machine.Apicv apicv, Fault... faults) {
                return Assemblies.ipisToOne(VCPUS, faults);
            }
        },
        /** A device posts them. */
        POST {
            @Override
            Assembly assembly(Machine.Apicv apicv, Fault... faults) {
                return Assemblies.posts(apicv, faults);
            }
        },
        /** A device interrupts the processor that vCPU 0's thread is on. */
        INTERRUPT_HOST {
            @Override
            Assembly assembly(Machine.Apicv apicv, Fault... faults) {
                return Assemblies.hostInterrupts(apicv, faults);
            }
        };

        abstract Assembly assembly(Machine.Apicv apicv, Fault... faults);
    }

    @ParameterizedTest
    @CsvSource(textBlock = """
            PI_SYNC_BEFORE_MODE,   IPI,            ACTIVE,   P3
            # What was posted in silence is not outstanding when the vCPU runs again.
            NO_ON_RECOMPUTE,       POST,           ACTIVE,   P3
            NO_ON_RECOMPUTE,       POST,           ACTIVE,   L3
            # Its last look for something to do was before the interrupt, its sleep is after.
            NO_WAKE_OF_SELF,       INTERRUPT_HOST, ACTIVE,   L3
            # The notification makes the guest leave, and KVM does not look at PIR.
            NO_SYNC_WHEN_INACTIVE, POST,           INACTIVE, P3
            """)
    void aSweepFindsTheFaultOfPosting(Fault fault, Way way, Machine.Apicv apicv, String invariant) {
        long found = LongStream.range(0, SEEDS)
                .filter(seed -> violations(way.assembly(apicv, fault), seed).stream()
                        .anyMatch(violation -> violation.invariant().equals(invariant)))
                .count();
        System.out.printf("%s: %s by %d of %d seeds%n", fault, invariant, found, SEEDS);
        assertTrue(found > 0, fault + " not found by " + SEEDS + " seeds");
    }

    @ParameterizedTest
    @CsvSource({"IPI, ACTIVE", "POST, ACTIVE", "POST, INACTIVE", "INTERRUPT_HOST, ACTIVE", "INTERRUPT_HOST, INACTIVE"})
    void theRightProtocolOfPostingIsClean(Way way, Machine.Apicv apicv) {
        for (long seed = 0; seed < SEEDS; seed++) {
            assertEquals(List.of(), violations(way.assembly(apicv), seed), "seed " + seed);
        }
    }

    @ParameterizedTest
    @EnumSource(Protocol.class)
    void theRightProtocolIsClean(Protocol protocol) {
        for (long seed = 0; seed < SEEDS; seed++) {
            String at = "seed " + seed;
            assertEquals(List.of(), violations(Assemblies.pinsMovedAtOnce(VCPUS, protocol), seed), at);
            assertEquals(List.of(), violations(Assemblies.affinityMoved(3, protocol, 4), seed), at);
        }
    }
}
