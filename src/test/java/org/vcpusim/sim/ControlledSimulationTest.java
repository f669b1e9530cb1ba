package org.vcpusim.sim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.vcpusim.actor.StepFailedException;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.Protocol;
import org.vcpusim.schedule.RandomChooser;
import org.vcpusim.schedule.RecordingChooser;
import org.vcpusim.schedule.ReplayChooser;
import org.vcpusim.schedule.RoundRobinChooser;
import org.vcpusim.trace.TraceRecord;

/** Controlled runs: what a seed decides, how a run ends, and what is closed then. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ControlledSimulationTest {
    private static final int SEEDS = 1_000;
    private static final Bounds BOUNDS = Bounds.steps(200_000);

    private ControlledSimulation simulation;

    @BeforeAll
    void start() {
        simulation = new ControlledSimulation();
    }

    @AfterAll
    void stop() {
        simulation.close();
    }

    private static List<Assembly> assemblies() {
        return List.of(
                Assemblies.affinityMoved(3, Protocol.LOAD_EOI_EXITMAP, 2),
                Assemblies.levelDevice(2, Protocol.SCAN_THEN_LOAD, 2));
    }

    private List<TraceRecord> records(Assembly assembly, long seed) {
        Trace trace = new Trace();
        RunOutcome outcome = simulation.run(assembly, new RandomChooser(seed), List.of(trace), BOUNDS);
        assertEquals(RunOutcome.End.QUIESCENT, outcome.end());
        return trace.records;
    }

    @Test
    void theSameSeedGivesTheSameTraceAndDifferentSeedsGiveDifferentOnes() {
        for (Assembly assembly : assemblies()) {
            Set<List<TraceRecord>> distinct = new HashSet<>();
            for (long seed = 0; seed < SEEDS; seed++) {
                List<TraceRecord> first = records(assembly, seed);
                assertEquals(first, records(assembly, seed), "seed " + seed);
                distinct.add(first);
            }
            assertTrue(distinct.size() > SEEDS * 9 / 10, distinct.size() + " distinct traces");
        }
    }

    @Test
    void aRecordedScheduleReplaysTheTrace() {
        for (Assembly assembly : assemblies()) {
            Trace trace = new Trace();
            RecordingChooser chooser = new RecordingChooser(new RandomChooser(7));
            simulation.run(assembly, chooser, List.of(trace), BOUNDS);
            Trace replayed = new Trace();
            RecordingChooser again = new RecordingChooser(new ReplayChooser(chooser.schedule()));
            simulation.run(assembly, again, List.of(replayed), BOUNDS);
            assertEquals(trace.records, replayed.records);
            assertEquals(chooser.schedule(), again.schedule());
        }
    }

    @Test
    void numbersHaveNoGapsAndTimeAlwaysGrows() {
        List<TraceRecord> records = records(assemblies().get(1), 1);
        for (int i = 1; i < records.size(); i++) {
            assertEquals(i, records.get(i).order());
            assertTrue(records.get(i).nanos() > records.get(i - 1).nanos());
        }
    }

    @Test
    void theAuditComesLastAndEveryVcpuIsAudited() {
        Trace trace = new Trace();
        simulation.run(assemblies().get(0), RoundRobinChooser.ROUND_ROBIN, List.of(trace), BOUNDS);
        List<Event> last = trace.records.subList(trace.records.size() - 6, trace.records.size()).stream()
                .map(TraceRecord::event)
                .toList();
        List<Event> audits = new ArrayList<>();
        for (int vcpu = 0; vcpu < 3; vcpu++) {
            audits.add(trace.events(Event.EoiExitBitmapAudited.class).get(vcpu));
            audits.add(trace.events(Event.VcpuAudited.class).get(vcpu));
        }
        assertEquals(audits, last);
        assertTrue(trace.closed);
    }

    @Test
    void aRunEndsAtItsStepBound() {
        RunOutcome outcome =
                simulation.run(assemblies().get(0), new RandomChooser(1), List.of(new Trace()), Bounds.steps(50));
        assertEquals(RunOutcome.End.STEP_BOUND, outcome.end());
        assertEquals(50, outcome.steps());
        assertEquals(records(assemblies().get(0), 3), records(assemblies().get(0), 3));
    }

    @Test
    void aRunEndsWhenItIsStopped() {
        Trace trace = new Trace();
        Bounds stopped = new Bounds(1_000, () -> trace.records.size() >= 10);
        RunOutcome outcome = simulation.run(assemblies().get(0), new RandomChooser(1), List.of(trace), stopped);
        assertEquals(RunOutcome.End.STOPPED, outcome.end());
        assertTrue(trace.closed);
    }

    @Test
    void anExceptionInAStepFailsTheRunAndLeavesTheSystemUsable() {
        Assembly good = assemblies().get(0);
        Assembly bad = good.withListener(message -> {
            throw new IllegalArgumentException("listener");
        });
        Trace trace = new Trace();
        assertThrows(
                StepFailedException.class, () -> simulation.run(bad, new RandomChooser(1), List.of(trace), BOUNDS));
        assertTrue(trace.closed);
        assertEquals(records(good, 3), records(good, 3));
    }

    @Test
    void aPartThatCannotBeMadeFailsTheRun() {
        Assembly good = assemblies().get(0);
        Assembly bad = Assembly.of(
                good.machine(),
                good.vm(),
                i -> {
                    throw new IllegalArgumentException("no vCPU");
                },
                good.guest());
        assertThrows(
                IllegalArgumentException.class,
                () -> simulation.run(bad, new RandomChooser(1), List.of(new Trace()), BOUNDS));
    }

    @Test
    void allSeedsEndWithRightBitmaps() {
        List<Event.BitmapVerdict> verdicts = LongStream.range(0, 50)
                .boxed()
                .flatMap(seed -> records(assemblies().get(1), seed).stream())
                .map(TraceRecord::event)
                .filter(Event.EoiExitBitmapAudited.class::isInstance)
                .map(event -> ((Event.EoiExitBitmapAudited) event).verdict())
                .distinct()
                .toList();
        assertTrue(!verdicts.contains(Event.BitmapVerdict.WRONG), verdicts::toString);
    }
}
