package org.vcpusim.sim;

import java.util.List;
import org.vcpusim.check.Violation;
import org.vcpusim.schedule.Schedule;

/**
 * What one schedule of a machine did.
 *
 * @param outcome how it ended and what it took
 * @param violations of all invariants, in the order of the trace
 * @param picks the schedule, which a {@link org.vcpusim.schedule.ReplayChooser} repeats
 * @param traceHash of its trace class: equal for two schedules in which every actor handles the same messages in the same
 *     order, whatever happens elsewhere meanwhile
 * @param finalStateHash of what the audit found and of the interrupts that each vCPU took
 */
public record Exploration(
        RunOutcome outcome, List<Violation> violations, Schedule picks, long traceHash, long finalStateHash) {
    public Exploration {
        violations = List.copyOf(violations);
    }

    /** Whether an invariant is violated, and no known hazard explains it. */
    public boolean isFinding() {
        return violations.stream().anyMatch(Violation::isFinding);
    }
}
