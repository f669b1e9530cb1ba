package org.vcpusim.sim;

import java.util.List;
import java.util.Optional;
import org.vcpusim.check.Violation;
import org.vcpusim.kvm.Hazard;
import org.vcpusim.schedule.Schedule;

/**
 * What many schedules of one scenario have shown. All of it but the time is a function of the plan, unless time or the user
 * ended it.
 *
 * @param plan what was asked for
 * @param end why it ended
 * @param figures numbers
 * @param requests the (request, phase of its vCPU) pairs
 * @param orders the (event, event of another actor after it) pairs
 * @param outcomes by expectation, then by count
 * @param groups violations by invariant and cause, findings first
 */
public record StressReport(
        StressPlan plan,
        End end,
        Figures figures,
        Meetings requests,
        Meetings orders,
        List<Outcome> outcomes,
        List<Group> groups) {
    public StressReport {
        outcomes = List.copyOf(outcomes);
        groups = List.copyOf(groups);
    }

    /** Why it ended. */
    public enum End {
        /** All schedules were run. */
        SCHEDULES,
        /** Time was up. */
        TIME,
        /** Something was found, and that was to end it. */
        FOUND,
        /** The user did not want to wait longer. */
        INTERRUPTED
    }

    /**
     * Numbers.
     *
     * @param schedules that were run to their end or bound, and those left before with a violation in them
     * @param cut those of them that the bound on steps ended
     * @param steps messages handled
     * @param timing how long it took
     * @param traces distinct trace classes, see {@link Exploration#traceHash}
     * @param singletons trace classes seen exactly once
     * @param full whether there were more trace classes than are told apart
     * @param finalStates distinct final states, see {@link Exploration#finalStateHash}
     */
    public record Figures(
            long schedules,
            long cut,
            long steps,
            Timing timing,
            long traces,
            long singletons,
            boolean full,
            long finalStates) {
        /**
         * How likely the next schedule is of a class not seen yet, after Good and Turing: the share of the classes seen once
         * among all schedules. 1 before the first schedule.
         */
        public double unseenMass() {
            return schedules == 0 ? 1 : (double) singletons / schedules;
        }

        /** Schedules per second. */
        public double schedulesPerSecond() {
            return schedules / seconds();
        }

        /** Messages per second. */
        public double stepsPerSecond() {
            return steps / seconds();
        }

        private double seconds() {
            return Math.max(timing.nanos, 1) / 1e9;
        }
    }

    /**
     * How long it took.
     *
     * @param nanos from the start of the first schedule to the end of the last
     * @param selfCheck how the planted bug was found before
     */
    public record Timing(long nanos, SelfCheck.Result selfCheck) {}

    /** Two things that met, and the first schedule in which they did. */
    public record Pair(String first, String second, long firstSchedule) {}

    /**
     * What met what.
     *
     * @param pairs that came up
     * @param possible how many of the pairs of {@code firsts} and {@code seconds} there can be
     * @param firsts what comes first in a pair
     * @param seconds what comes second
     */
    public record Meetings(List<Pair> pairs, long possible, List<String> firsts, List<String> seconds) {
        public Meetings {
            pairs = List.copyOf(pairs);
            firsts = List.copyOf(firsts);
            seconds = List.copyOf(seconds);
        }
    }

    /** What may be thought of an outcome. */
    public enum Expectation {
        /** Something modelled Linux does not do. */
        FORBIDDEN,
        /** A known hazard of Linux, or a schedule that was cut short. */
        INTERESTING,
        /** As it should be. */
        ACCEPTABLE
    }

    /**
     * How schedules went.
     *
     * @param label a short name
     * @param firstSchedule index of the first one
     * @param meaning in words
     */
    public record Outcome(String label, long count, Expectation expectation, long firstSchedule, String meaning) {}

    /**
     * Violations of one invariant with one cause: their sentences differ in numbers only.
     *
     * @param title the invariant in words
     * @param schedules how many schedules had one
     * @param firstSchedule index of the first one
     * @param first the first violation of that schedule
     * @param picks that schedule
     */
    public record Group(String title, long schedules, long firstSchedule, Violation first, Schedule picks) {
        /** The invariant's id. */
        public String invariant() {
            return first.invariant();
        }

        /** What Linux does too. */
        public Optional<Hazard> hazard() {
            return first.hazard();
        }

        /** Whether no known hazard explains it. */
        public boolean isFinding() {
            return first.isFinding();
        }
    }

    /** The groups that no known hazard explains. */
    public List<Group> findings() {
        return groups.stream().filter(Group::isFinding).toList();
    }

    /** The groups that are known hazards of Linux. */
    public List<Group> hazards() {
        return groups.stream().filter(group -> !group.isFinding()).toList();
    }

    /**
     * One line that says what was found and within which bounds it was looked for. It never says that there is nothing to
     * find: schedules were sampled.
     */
    public String verdict() {
        String bounds = String.format(
                java.util.Locale.ROOT,
                "sampled: %s of %s, strategy %s, seed %d",
                Counted.of(figures.schedules, "schedule"),
                plan.scenario().name(),
                plan.strategy().label(),
                plan.rootSeed());
        String cut =
                figures.cut == 0 ? "" : String.format(java.util.Locale.ROOT, ", %,d of them cut short", figures.cut);
        String found = findings().isEmpty()
                ? figures.schedules == 0 ? "; nothing is known" : "; no violation in them"
                : "; " + Counted.of(findings().size(), "finding");
        String why = switch (end) {
            case SCHEDULES, FOUND -> "";
            case TIME -> ", until time was up";
            case INTERRUPTED -> ", until it was interrupted";
        };
        return bounds + cut + why + found;
    }
}
