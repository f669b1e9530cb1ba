package org.vcpusim.sim;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.vcpusim.check.Invariants;
import org.vcpusim.scenario.Scenario;
import org.vcpusim.schedule.Chooser;
import org.vcpusim.schedule.Schedule;
import org.vcpusim.trace.Sinks;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.TraceSink;

/**
 * Runs many schedules of a machine, one after the other, with every invariant watching.
 *
 * <p>It belongs to the thread that made it. There is one actor system for all schedules, and as long as the machine stays the
 * same one set of actors, which go back to their initial state: the parts of an {@link Assembly} are immutable.
 */
public final class Explorer implements AutoCloseable {
    private final ControlledSimulation simulation = new ControlledSimulation();
    private final PickLog picks = new PickLog();
    private final Watching watching;
    private @Nullable Scenario scenario;
    private @Nullable Assembly assembly;
    private @Nullable ControlledRun run;

    /** Who looks at what a schedule does. */
    enum Watching {
        /** Every invariant. */
        INVARIANTS,
        /** None of them: to measure what they cost. */
        NOBODY
    }

    /** An explorer with every invariant watching. */
    public Explorer() {
        this(Watching.INVARIANTS);
    }

    /** An explorer with those of {@code watching} watching. */
    Explorer(Watching watching) {
        this.watching = watching;
    }

    /**
     * When a schedule is left although messages are left.
     *
     * @param bounds on its messages
     * @param violation what a violation does
     */
    public record Ending(Bounds bounds, OnViolation violation) {
        /** Every schedule to its end, at most {@code steps} messages of each. */
        public static Ending atRest(long steps) {
            return new Ending(Bounds.steps(steps), OnViolation.GO_ON);
        }
    }

    /** What a violation that no known hazard explains does to a schedule. */
    public enum OnViolation {
        /** The schedule goes on to its end. */
        GO_ON,
        /** The schedule is left behind the step that shows the violation. */
        STOP
    }

    /** One schedule of {@code wanted} to its end; the same object as last time is fastest. */
    @SuppressWarnings("ReferenceEquality") // another object may be another machine
    public Exploration explore(Scenario wanted, Chooser chooser, TraceSink... sinks) {
        Assembly known = assembly;
        if (known == null || wanted != scenario) {
            known = ScenarioAssembly.of(wanted);
            staged(known);
            scenario = wanted;
        }
        return explore(known, Ending.atRest(wanted.limits().steps()), chooser, sinks);
    }

    /**
     * One schedule of {@code machine}, audited where it comes to rest.
     *
     * @param machine the same object as last time is fastest
     * @param sinks are given every record, and are not closed
     * @throws org.vcpusim.actor.StepFailedException if a step failed
     */
    public Exploration explore(Assembly machine, Ending ending, Chooser chooser, TraceSink... sinks) {
        Invariants invariants = Invariants.all(machine.machine().rules());
        FinalState last = new FinalState(machine.machine().vcpuCount());
        List<TraceSink> all = new ArrayList<>(sinks.length + 3);
        if (watching == Watching.INVARIANTS) {
            all.add(invariants);
        }
        all.add(last);
        all.addAll(Arrays.asList(sinks));
        Watch watch = new Watch(invariants);
        if (ending.violation == OnViolation.STOP) {
            all.add(watch);
        }
        ControlledRun on = staged(machine);
        picks.begin(chooser);
        on.beginAgain(picks, Sinks.of(all));
        Bounds bounds = ending.bounds;
        RunOutcome outcome = on.perform(
                new Bounds(bounds.steps(), () -> watch.seen || bounds.stopped().getAsBoolean()));
        return new Exploration(outcome, invariants.violations(), picks.schedule(), picks.traceHash(), last.hash());
    }

    /** The picks of the last schedule, up to the step that failed where one did. */
    Schedule picks() {
        return picks.schedule();
    }

    /** How many actors {@code machine} has, for a strategy that wants to know. */
    public int actorCount(Assembly machine) {
        return staged(machine).actors().inOrder().size();
    }

    @SuppressWarnings("ReferenceEquality") // another object may be another machine
    private ControlledRun staged(Assembly machine) {
        ControlledRun before = run;
        if (before != null && machine == assembly) {
            return before;
        }
        if (before != null) {
            run = null;
            before.close();
        }
        ControlledRun now = simulation.open(machine, picks, Sinks.of(List.of()));
        scenario = null;
        assembly = machine;
        run = now;
        return now;
    }

    /** Ends the actor system. */
    @Override
    public void close() {
        if (run != null) {
            run.close();
        }
        simulation.close();
    }

    /** Sees after every record whether there is a finding. */
    private static final class Watch implements TraceSink {
        private final Invariants invariants;
        private boolean seen;

        Watch(Invariants invariants) {
            this.invariants = invariants;
        }

        @Override
        public void accept(TraceRecord record) {
            seen |= invariants.hasFinding();
        }

        @Override
        public void close() {}
    }
}
