package org.vcpusim.sim;

import java.util.List;
import java.util.Optional;
import org.vcpusim.check.Invariant;
import org.vcpusim.check.Invariants;
import org.vcpusim.check.Violation;
import org.vcpusim.kvm.Hazard;
import org.vcpusim.kvm.Rules;
import org.vcpusim.schedule.Chooser;
import org.vcpusim.schedule.LatestFirstChooser;
import org.vcpusim.schedule.Schedule;
import org.vcpusim.search.PlainMachine;
import org.vcpusim.trace.Sinks;
import org.vcpusim.trace.Source;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.TraceSink;

/**
 * One run of a list of picks that need not fit: a pick of somebody who has no message is passed over.
 *
 * <p>It ends at the first violation that is looked for. Where the list ends before that, the run ends too, or goes on with few
 * changes of actors until nothing moves, with the audit behind it: a rule about what must happen eventually can only be judged
 * then.
 */
final class Attempt {
    private final Assembly assembly;
    private final Ending ending;
    private final Symptom symptom;
    private final long bound;

    /** What follows the last pick. */
    enum Ending {
        /** Nothing. */
        STOP,
        /** {@link LatestFirstChooser} until nobody has a message; then the audit. */
        FINISH
    }

    /**
     * The violation that is looked for: any of the same rule that an actor of the same kind shows, explained by the same hazard or by
     * none.
     *
     * @param invariant its id
     * @param actor who records what breaks the rule; empty where that is not known
     */
    record Symptom(String invariant, Optional<Hazard> hazard, Optional<Source.Kind> actor) {
        static Symptom of(Violation violation) {
            Source.Kind actor = violation.at().source().kind();
            return new Symptom(violation.invariant(), violation.hazard(), Optional.of(actor));
        }

        boolean matches(Violation violation) {
            return invariant.equals(violation.invariant())
                    && hazard.equals(violation.hazard())
                    && actor.map(violation.at().source().kind()::equals).orElse(true);
        }
    }

    /**
     * How it went.
     *
     * @param violation the one looked for
     * @param picks those of the list that were taken, up to the violation
     * @param steps messages handled, those behind the list included
     * @param cutShort whether something would still have moved when it was given up
     */
    record Result(Optional<Violation> violation, Schedule picks, long steps, boolean cutShort) {
        /** Whether it does not show the violation, and would not if it went on. */
        boolean isClean() {
            return violation.isEmpty() && !cutShort;
        }
    }

    /** A run of {@code assembly} of at most {@code bound} steps behind the list. */
    Attempt(Assembly assembly, Ending ending, Symptom symptom, long bound) {
        this.assembly = assembly;
        this.ending = ending;
        this.symptom = symptom;
        this.bound = bound;
    }

    /** Runs {@code wanted}. */
    Result run(int[] wanted) {
        return run(wanted, new Watcher() {}, PlainSimulation.NOWHERE);
    }

    /**
     * Runs {@code wanted}.
     *
     * @param watcher is shown the machine before each step
     * @param sink is given every record
     */
    Result run(int[] wanted, Watcher watcher, TraceSink sink) {
        Checks checks = new Checks(symptom, assembly.machine().rules());
        PlainMachine machine = PlainSimulation.machine(assembly, Sinks.of(List.of(checks, sink)));
        watcher.starts(machine);
        machine.start();
        int[] taken = new int[wanted.length];
        int count = 0;
        for (int pick : wanted) {
            int position = pick < machine.components() ? machine.position(pick) : -1;
            if (position < 0) {
                continue;
            }
            taken[count++] = pick;
            watcher.steps(machine, pick);
            machine.step(position);
            if (checks.found()) {
                return result(checks, taken, count, machine);
            }
        }
        if (ending == Ending.FINISH) {
            finish(machine, checks, watcher);
            if (!checks.found() && machine.ready().size() == 0) {
                machine.audit();
                finish(machine, checks, watcher);
                checks.close();
            }
        }
        return result(checks, taken, count, machine);
    }

    /** Looks on. */
    interface Watcher {
        /** {@code machine} is about to start. */
        default void starts(PlainMachine machine) {}

        /** {@code component} is about to take a step, one of the list or behind it. */
        default void steps(PlainMachine machine, int component) {}
    }

    private void finish(PlainMachine machine, Checks checks, Watcher watcher) {
        Chooser tail = new LatestFirstChooser();
        for (long steps = 0; steps < bound && machine.ready().size() > 0 && !checks.found(); steps++) {
            int position = tail.choose(machine.ready());
            watcher.steps(machine, machine.ready().actor(position));
            machine.step(position);
        }
    }

    private Result result(Checks checks, int[] taken, int count, PlainMachine machine) {
        boolean cutShort =
                ending == Ending.FINISH && !checks.found() && machine.ready().size() > 0;
        return new Result(checks.violation(), Schedule.ofFirst(count, taken), machine.steps(), cutShort);
    }

    /** The invariant of the symptom, and whether it has shown. */
    private static final class Checks implements TraceSink {
        private final Invariants invariants;
        private final List<Invariant> judges;
        private final Symptom symptom;
        private int judged;
        private Optional<Violation> violation = Optional.empty();

        Checks(Symptom symptom, Rules rules) {
            this.symptom = symptom;
            invariants = Invariants.only(symptom.invariant(), rules);
            judges = invariants.list();
        }

        @Override
        public void accept(TraceRecord record) {
            invariants.accept(record);
            look();
        }

        private void look() {
            for (Invariant invariant : judges) {
                List<Violation> violations = invariant.violations();
                while (judged < violations.size() && violation.isEmpty()) {
                    violation = Optional.of(violations.get(judged)).filter(symptom::matches);
                    judged++;
                }
            }
        }

        boolean found() {
            return violation.isPresent();
        }

        Optional<Violation> violation() {
            return violation;
        }

        @Override
        public void close() {
            invariants.close();
            look();
        }
    }
}
