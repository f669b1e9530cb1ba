package org.vcpusim.sim;

import java.util.ArrayList;
import java.util.List;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.vcpusim.actor.Run;
import org.vcpusim.schedule.Chooser;
import org.vcpusim.schedule.ControlledExecutor;
import org.vcpusim.schedule.Ready;
import org.vcpusim.schedule.RoundRobinChooser;
import org.vcpusim.trace.SequentialRecorder;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.TraceSink;
import org.vcpusim.trace.VirtualClock;

/** One machine as actors on the controlled executor, from its first actor to its last. */
final class ControlledRun implements AutoCloseable {
    private final ControlledExecutor executor;
    private final ActorSystem<MachineActors.Command> system;
    private final VirtualClock clock = new VirtualClock();
    private final SequentialRecorder recorder;
    private final Run run;
    private final MachineActors.Stage stage = new MachineActors.Stage();
    private final List<TraceRecord> announced = new ArrayList<>();
    private Chooser chooser;

    ControlledRun(
            ControlledExecutor executor,
            ActorSystem<MachineActors.Command> system,
            Assembly assembly,
            Chooser chooser,
            TraceSink sink) {
        this.executor = executor;
        this.system = system;
        this.chooser = new Timed(clock, chooser);
        recorder = new SequentialRecorder(clock, new Announcements(sink, announced));
        run = chooser.wantsSends() ? new Run(recorder, executor::sent) : new Run(recorder);
        try {
            spawn(assembly);
            recorder.goOn(sink);
        } catch (RuntimeException e) {
            close();
            throw e;
        }
    }

    /** Keeps what the machine tells of itself before its first step. */
    private record Announcements(TraceSink sink, List<TraceRecord> announced) implements TraceSink {
        @Override
        public void accept(TraceRecord record) {
            announced.add(record);
            sink.accept(record);
        }

        @Override
        public void close() {}
    }

    /** Lets virtual time pass with every message. */
    private record Timed(VirtualClock clock, Chooser chooser) implements Chooser {
        @Override
        public int choose(Ready ready) {
            int position = chooser.choose(ready);
            if (position != STOP) {
                clock.deliver(ready.size());
            }
            return position;
        }

        @Override
        public boolean wantsSends() {
            return chooser.wantsSends();
        }

        @Override
        public void sent(int from, int to) {
            chooser.sent(from, to);
        }
    }

    private void spawn(Assembly assembly) {
        system.tell(new MachineActors.Spawn(
                assembly, run, DispatcherSelector.defaultDispatcher(), MachineActors.Flight.THROUGH_WIRES, stage));
        executor.runSystemUntil(() -> stage.spawned.getCount() == 0);
        executor.runSystem();
        rethrowFailure();
        executor.enroll(
                stage.actors().inOrder().stream().map(Adapter::toClassic).toList());
    }

    MachineActors actors() {
        return stage.actors();
    }

    /**
     * Puts the machine back to its start, without spawning it anew: what is under way is dropped. Once before the first run
     * too. {@code other} is told of messages only if the first chooser wanted that.
     */
    void beginAgain(Chooser other, TraceSink sink) {
        stage.actors().drop();
        executor.run(RoundRobinChooser.ROUND_ROBIN, Long.MAX_VALUE, () -> false);
        stage.actors().beginAgain();
        recorder.beginAgain(sink);
        for (TraceRecord record : announced) {
            recorder.record(record.source(), record.event());
        }
        chooser = new Timed(clock, other);
    }

    /** Starts the machine, handles messages until none is left, then audits. */
    RunOutcome perform(Bounds bounds) {
        actors().start();
        ControlledExecutor.Result result = advance(bounds);
        long steps = result.steps();
        if (result.end() == ControlledExecutor.End.QUIESCENT) {
            actors().audit();
            result = advance(new Bounds(Long.MAX_VALUE, bounds.stopped()));
            steps += result.steps();
        }
        RunOutcome.End end = switch (result.end()) {
            case QUIESCENT -> RunOutcome.End.QUIESCENT;
            case STEP_BOUND -> RunOutcome.End.STEP_BOUND;
            case STOPPED -> RunOutcome.End.STOPPED;
        };
        return new RunOutcome(end, steps, recorder.records(), clock.now());
    }

    /** Handles messages until none is left or a bound is reached. */
    ControlledExecutor.Result advance(Bounds bounds) {
        ControlledExecutor.Result result = executor.run(
                chooser,
                bounds.steps(),
                () -> run.failure().isPresent() || bounds.stopped().getAsBoolean());
        rethrowFailure();
        return result;
    }

    private void rethrowFailure() {
        run.failure().ifPresent(failure -> {
            throw failure instanceof RuntimeException e ? e : new IllegalStateException(failure);
        });
    }

    /** Ends the actors; what they have not handled is dropped. */
    @Override
    public void close() {
        if (run.failure().isEmpty()) {
            stage.actors().drop(); // a run that was cut short ends with the step that it was cut behind
        }
        executor.dismiss();
        system.tell(new MachineActors.Stop(stage));
        executor.runSystemUntil(() -> stage.stopped.getCount() == 0);
        executor.runSystem();
    }
}
