package org.vcpusim.sim;

import java.util.Locale;
import org.vcpusim.schedule.Schedule;

/** A schedule of a stress run made this program fail: a bug of its own, with all that it takes to run into it again. */
public final class ScheduleFailedException extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final transient StressPlan plan;
    private final long schedule;
    private final transient Schedule picks;

    ScheduleFailedException(StressPlan plan, long schedule, String strategy, Schedule picks, Throwable cause) {
        super(
                String.format(
                        Locale.ROOT,
                        "schedule %d of %s, seed %d, strategy %s, failed at its step %d: %s",
                        schedule,
                        plan.scenario().name(),
                        plan.rootSeed(),
                        strategy,
                        picks.size(),
                        cause.getMessage()),
                cause);
        this.plan = plan;
        this.schedule = schedule;
        this.picks = picks;
    }

    /** What was to be run. */
    public StressPlan plan() {
        return plan;
    }

    /** Its index; negative where a strategy got to know the machine. */
    public long schedule() {
        return schedule;
    }

    /** Who handled a message, up to the step that failed. */
    public Schedule picks() {
        return picks;
    }
}
