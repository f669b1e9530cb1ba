package org.vcpusim.sim;

import org.vcpusim.scenario.Scenario;
import org.vcpusim.schedule.StrategyKind;

/**
 * What a stress run is to do.
 *
 * @param scenario the machine
 * @param strategy how orders are chosen
 * @param rootSeed with the index it decides a schedule
 * @param budget when to end
 * @param jobs threads, at least 1; they change how long it takes, and nothing else
 */
public record StressPlan(Scenario scenario, StrategyKind strategy, long rootSeed, Budget budget, int jobs) {
    /** What a schedule may cost by default, in messages, unless the scenario allows fewer. */
    public static final long DEFAULT_STEPS = 10_000_000;

    public StressPlan {
        if (jobs < 1) {
            throw new IllegalArgumentException("jobs = " + jobs + ": must be at least 1");
        }
    }

    /**
     * When to end.
     *
     * @param schedules how many at most
     * @param nanos how long at most, {@link Long#MAX_VALUE} for any time
     * @param steps most messages of one schedule; a schedule that reaches it is cut short
     * @param onFinding whether a finding ends it, at the end of a block of {@value Stress#BLOCK} schedules
     */
    public record Budget(long schedules, long nanos, long steps, Explorer.OnViolation onFinding) {
        public Budget {
            if (schedules < 1 || nanos < 1 || steps < 1) {
                throw new IllegalArgumentException("schedules = " + schedules + ", nanos = " + nanos + ", steps = "
                        + steps + ": must be at least 1");
            }
        }

        /** {@code schedules} schedules, whatever is found. */
        public static Budget schedules(long schedules) {
            return new Budget(schedules, Long.MAX_VALUE, DEFAULT_STEPS, Explorer.OnViolation.GO_ON);
        }

        /** At most {@code schedules} schedules, until something is found. */
        public static Budget untilFound(long schedules) {
            return new Budget(schedules, Long.MAX_VALUE, DEFAULT_STEPS, Explorer.OnViolation.STOP);
        }
    }

    /** Most messages of one schedule: the budget's, or the scenario's limit where that is lower. */
    public long steps() {
        return Math.min(budget.steps, scenario.limits().steps());
    }
}
