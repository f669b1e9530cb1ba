package org.vcpusim.sim;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.vcpusim.actor.Run;
import org.vcpusim.kvm.Event;
import org.vcpusim.trace.Recorder;
import org.vcpusim.trace.Sinks;
import org.vcpusim.trace.Source;
import org.vcpusim.trace.TraceSink;

/**
 * Runs machines as actors in parallel, on Pekko's own dispatcher: every run may take another order.
 *
 * <p>What starts and stops machines has another dispatcher. Threads of a fork-join pool that always find work in their own
 * queues never look at what comes from outside, so that a machine of endless guests could not be stopped.
 */
public final class LiveSimulation implements AutoCloseable {
    private static final long POLL_NANOS = 500_000;
    private static final int POLLS_PER_STEP_COUNT = 20;
    private static final Logger LOG = LoggerFactory.getLogger("vcpusim.run");

    private final ActorSystem<MachineActors.Command> system;
    private final int recorderCapacity;

    /** Where events go that nobody reads. */
    static final Recorder NOWHERE = new Recorder() {
        @Override
        public void record(Source source, Event event) {
            // Nobody reads it.
        }

        @Override
        public void elapse(long nanos) {
            // Live time is real time.
        }
    };

    /** The settings of live actor systems. */
    static Config settings() {
        Config config = ConfigFactory.load();
        return config.getConfig("vcpusim.live").withFallback(config);
    }

    /** Starts the actor system. */
    public LiveSimulation() {
        Config own = settings();
        recorderCapacity = own.getInt("recorder-capacity");
        system = ActorSystem.create(
                MachineActors.guardian(),
                "vcpusim",
                own,
                DispatcherSelector.fromConfig("pekko.actor.internal-dispatcher"));
    }

    /**
     * Starts {@code assembly}, waits until no message is left, then audits.
     *
     * @param sinks are given every record by a thread of their own, and closed however the run ends; without any, events
     *     are not recorded
     * @throws org.vcpusim.actor.StepFailedException if a step failed
     */
    public RunOutcome run(Assembly assembly, List<? extends TraceSink> sinks, Bounds bounds) {
        if (sinks.isEmpty()) {
            return played(assembly, new Run(NOWHERE), bounds);
        }
        try (TraceSink all = Sinks.of(sinks)) {
            AtomicReference<Throwable> sinkFailure = new AtomicReference<>();
            LiveRecorder recorder = recorder(sinks, sinkFailure::set);
            RunOutcome outcome;
            try {
                Bounds both = new Bounds(
                        bounds.steps(),
                        () -> sinkFailure.get() != null || bounds.stopped().getAsBoolean());
                outcome = played(assembly, new Run(recorder), both);
            } finally {
                recorder.close();
            }
            if (sinkFailure.get() != null) {
                rethrow(sinkFailure.get());
            }
            return new RunOutcome(outcome.end(), outcome.steps(), recorder.records(), outcome.nanos());
        }
    }

    /** A recorder as the settings want it, to be closed by the caller. */
    LiveRecorder recorder(List<? extends TraceSink> sinks, Consumer<Throwable> onFailure) {
        return new LiveRecorder(sinks, recorderCapacity, onFailure);
    }

    /** The same with a recorder of the caller's. */
    RunOutcome run(Assembly assembly, Recorder recorder, Bounds bounds) {
        return played(assembly, new Run(recorder), bounds);
    }

    /** The same; {@code atRest} runs when no message is left and the actors are still there. */
    RunOutcome run(Assembly assembly, Recorder recorder, Bounds bounds, Runnable atRest) {
        return played(assembly, new Run(recorder), bounds, atRest);
    }

    private RunOutcome played(Assembly assembly, Run run, Bounds bounds) {
        return played(assembly, run, bounds, () -> {});
    }

    private RunOutcome played(Assembly assembly, Run run, Bounds bounds, Runnable atRest) {
        MachineActors.Stage stage = new MachineActors.Stage();
        try {
            system.tell(new MachineActors.Spawn(
                    assembly, run, DispatcherSelector.defaultDispatcher(), MachineActors.Flight.STRAIGHT, stage));
            await(stage.spawned);
            run.failure().ifPresent(LiveSimulation::rethrow);
            MachineActors actors = stage.actors();
            LOG.info(
                    "started: {} vCPUs, {} devices",
                    assembly.machine().vcpuCount(),
                    assembly.machine().devices());
            long start = System.nanoTime();
            actors.start();
            RunOutcome.End end = settled(run, actors, bounds);
            if (end == RunOutcome.End.QUIESCENT) {
                actors.audit();
                end = settled(run, actors, new Bounds(Long.MAX_VALUE, bounds.stopped()));
            }
            long nanos = System.nanoTime() - start;
            atRest.run();
            long steps = actors.steps();
            LOG.info("{} after {} messages and {} ms", end, steps, nanos / 1_000_000);
            return new RunOutcome(end, steps, 0, nanos);
        } finally {
            system.tell(new MachineActors.Stop(stage));
            await(stage.stopped);
        }
    }

    private static RunOutcome.End settled(Run run, MachineActors actors, Bounds bounds) {
        for (long poll = 1; ; poll++) {
            run.failure().ifPresent(LiveSimulation::rethrow);
            if (run.isQuiescent()) {
                run.failure().ifPresent(LiveSimulation::rethrow);
                return RunOutcome.End.QUIESCENT;
            }
            if (bounds.stopped().getAsBoolean()) {
                return RunOutcome.End.STOPPED;
            }
            if (poll % POLLS_PER_STEP_COUNT == 0 && actors.steps() >= bounds.steps()) {
                return RunOutcome.End.STEP_BOUND;
            }
            LockSupport.parkNanos(POLL_NANOS);
        }
    }

    private static void await(CountDownLatch latch) {
        boolean interrupted = false;
        while (latch.getCount() > 0) {
            try {
                latch.await();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private static void rethrow(Throwable failure) {
        if (failure instanceof RuntimeException e) {
            throw e;
        }
        throw new IllegalStateException(failure);
    }

    /** Ends the actor system, and waits for it. */
    @Override
    public void close() {
        CountDownLatch ended = new CountDownLatch(1);
        system.getWhenTerminated().thenRun(ended::countDown);
        system.terminate();
        await(ended);
    }
}
