package org.vcpusim.sim;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import org.vcpusim.kvm.Fix;
import org.vcpusim.scenario.Scenario;
import org.vcpusim.sim.StressReport.Group;

/**
 * What the first schedule of a group comes to when it is shortened, and its scenario cut.
 *
 * @param group of a stress report
 * @param story tells it; its token replays it
 * @param scenario what is left of it
 * @param token of the shortened run
 * @param complete whether nothing more could be tried
 */
public record ShortFinding(Group group, Story story, Scenario scenario, ReplayToken token, boolean complete) {
    /**
     * How the schedules of a report are shortened.
     *
     * @param nanos most wall time for each
     * @param stopped whether the user wants it to end; then the others are told as they are
     * @param program the version that this program is
     * @param source the file of the scenario; empty where it is a bundled one
     */
    public record Effort(long nanos, BooleanSupplier stopped, String program, Optional<Path> source) {}

    /** One for each group of {@code report}, in its order. */
    public static List<ShortFinding> of(StressReport report, Effort effort) {
        List<ShortFinding> findings = new ArrayList<>();
        for (Group group : report.groups()) {
            long start = System.nanoTime();
            Shrinker.Shrunk shrunk = Shrinker.cut(
                    report.plan().scenario(),
                    group.picks(),
                    group.first(),
                    () -> effort.stopped.getAsBoolean() || System.nanoTime() - start >= effort.nanos);
            Reproduction run = new Reproduction(shrunk.scenario(), shrunk.picks(), shrunk.finishes());
            ReplayToken token = ReplayToken.of(run, effort.program).showing(shrunk.violation());
            Story story = Story.of(shrunk, ReplayLine.of(token, effort.source));
            findings.add(new ShortFinding(group, story, shrunk.scenario(), token, shrunk.complete()));
        }
        return List.copyOf(findings);
    }

    /** The fixes of which {@code group} needs that they are left out; none where it was not shortened, or needs none. */
    static List<Fix> causes(List<ShortFinding> shortened, Group group) {
        return shortened.stream()
                .filter(each -> each.group.equals(group))
                .findFirst()
                .map(each -> each.story.fixes())
                .orElse(List.of());
    }
}
