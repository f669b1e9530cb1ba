package org.vcpusim.sim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.vcpusim.actor.StepFailedException;
import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.check.Invariants;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.Protocol;
import org.vcpusim.schedule.RoundRobinChooser;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.TraceSink;

/** Live runs: in parallel, and yet to an end that the rules decide. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class LiveSimulationTest {
    private static final Bounds BOUNDS = Bounds.steps(10_000_000);

    private LiveSimulation simulation;

    @BeforeAll
    void start() {
        simulation = new LiveSimulation();
    }

    @AfterAll
    void stop() {
        simulation.close();
    }

    @ParameterizedTest
    @EnumSource(Protocol.class)
    void aLiveRunReachesTheSameAuditedEndAsAControlledOne(Protocol protocol) {
        Assembly assembly = Assemblies.affinityMoved(8, protocol, 20);
        Trace live = new Trace();
        Invariants invariants = Invariants.allAnd(new TargetsAreTold(assembly.machine()));
        RunOutcome outcome = simulation.run(assembly, List.of(invariants, live), BOUNDS);
        Trace controlled = new Trace();
        try (ControlledSimulation other = new ControlledSimulation()) {
            other.run(assembly, RoundRobinChooser.ROUND_ROBIN, List.of(controlled), BOUNDS);
        }
        assertEquals(RunOutcome.End.QUIESCENT, outcome.end());
        assertEquals(List.of(), invariants.findings());
        assertEquals(expected(controlled), expected(live));
        assertTrue(live.closed);
    }

    /** What the bitmaps should be; what a halted vCPU's bitmap still is depends on when it halted. */
    private static List<VectorBitmap> expected(Trace trace) {
        return trace.events(Event.EoiExitBitmapAudited.class).stream()
                .map(Event.EoiExitBitmapAudited::expected)
                .toList();
    }

    @Test
    void recordsAreNumberedWithoutGapsAndTimeAlwaysGrows() {
        Trace trace = new Trace();
        RunOutcome outcome =
                simulation.run(Assemblies.affinityMoved(16, Protocol.SCAN_THEN_LOAD, 20), List.of(trace), BOUNDS);
        assertEquals(outcome.records(), trace.records.size());
        for (int i = 1; i < trace.records.size(); i++) {
            assertEquals(i, trace.records.get(i).order());
            assertTrue(trace.records.get(i).nanos() > trace.records.get(i - 1).nanos());
        }
    }

    @Test
    void aRunWithoutSinksHandlesAsManyMessagesAndRecordsNothing() {
        RunOutcome outcome = simulation.run(Assemblies.affinityMoved(4, Protocol.SCAN_THEN_LOAD, 5), List.of(), BOUNDS);
        assertEquals(RunOutcome.End.QUIESCENT, outcome.end());
        assertEquals(0, outcome.records());
        assertTrue(outcome.steps() > 100);
    }

    @Test
    void anEndlessRunEndsAtItsStepBoundAndWhenItIsStopped() {
        Assembly endless = Assemblies.affinityMoved(2, Protocol.SCAN_THEN_LOAD, 1_000);
        Assembly looping = Assembly.of(
                endless.machine(),
                endless.vm(),
                endless.vcpu(),
                i -> Assemblies.guest(
                        Assemblies.repeated(Integer.MAX_VALUE, org.vcpusim.kvm.GuestAction.Plain.NOP), List.of()));
        assertEquals(
                RunOutcome.End.STEP_BOUND,
                simulation.run(looping, List.of(), Bounds.steps(1_000)).end());
        Trace trace = new Trace();
        Bounds stopped = new Bounds(Long.MAX_VALUE, () -> true);
        assertEquals(
                RunOutcome.End.STOPPED,
                simulation.run(looping, List.of(trace), stopped).end());
        assertTrue(trace.closed);
    }

    @Test
    void anExceptionInAStepFailsTheRun() {
        Assembly bad = Assemblies.affinityMoved(2, Protocol.SCAN_THEN_LOAD, 1).withListener(message -> {
            throw new IllegalArgumentException("listener");
        });
        Trace trace = new Trace();
        assertThrows(StepFailedException.class, () -> simulation.run(bad, List.of(trace), BOUNDS));
        assertTrue(trace.closed);
    }

    @Test
    void aSinkThatFailsFailsTheRunWithItsOwnException() {
        TraceSink full = new TraceSink() {
            @Override
            public void accept(TraceRecord record) {
                throw new IllegalStateException("disk full");
            }

            @Override
            public void close() {
                // Nothing is held.
            }
        };
        Assembly assembly = Assemblies.affinityMoved(2, Protocol.SCAN_THEN_LOAD, 5);
        IllegalStateException thrown =
                assertThrows(IllegalStateException.class, () -> simulation.run(assembly, List.of(full), BOUNDS));
        assertEquals("disk full", thrown.getMessage());
    }

    @Test
    void moreRecordsThanTheRingHoldsAreAllWritten() {
        Trace trace = new Trace();
        LiveRecorder recorder = new LiveRecorder(List.of(trace), 4, e -> {});
        for (int i = 0; i < 1_000; i++) {
            recorder.record(org.vcpusim.trace.Source.VM, new Event.VcpuBlocked(i));
        }
        recorder.close();
        assertEquals(1_000, trace.records.size());
        assertFalse(trace.closed);
    }
}
