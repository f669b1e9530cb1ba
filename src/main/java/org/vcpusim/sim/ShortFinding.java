package org.vcpusim.sim;

import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;
import org.vcpusim.sim.StressReport.Group;

/**
 * What the first schedule of a group comes to when it is shortened.
 *
 * @param group of a stress report
 * @param story tells it; its token replays it
 * @param complete whether nothing more could be tried
 */
public record ShortFinding(Group group, Story story, boolean complete) {
    /**
     * How the schedules of a report are shortened.
     *
     * @param nanos most wall time for each
     * @param stopped whether the user wants it to end; then the others are told as they are
     * @param program the version that this program is
     * @param source what follows the token on the command line that replays it, with a blank in front; empty for nothing
     */
    public record Effort(long nanos, BooleanSupplier stopped, String program, String source) {}

    /** One for each group of {@code report}, in its order. */
    public static List<ShortFinding> of(StressReport report, Effort effort) {
        List<ShortFinding> findings = new ArrayList<>();
        for (Group group : report.groups()) {
            long start = System.nanoTime();
            Shrinker.Shrunk shrunk = Shrinker.shrink(
                    report.plan().scenario(),
                    group.picks(),
                    group.first(),
                    () -> effort.stopped.getAsBoolean() || System.nanoTime() - start >= effort.nanos);
            Reproduction run = new Reproduction(shrunk.scenario(), shrunk.picks(), shrunk.finishes());
            String token = ReplayToken.of(run, effort.program) + effort.source;
            findings.add(new ShortFinding(group, Story.of(shrunk, token), shrunk.complete()));
        }
        return List.copyOf(findings);
    }
}
