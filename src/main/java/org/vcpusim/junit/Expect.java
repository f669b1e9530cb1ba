package org.vcpusim.junit;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.vcpusim.kvm.Hazard;
import org.vcpusim.sim.Counted;
import org.vcpusim.sim.ReplayLine;
import org.vcpusim.sim.ReplayToken;
import org.vcpusim.sim.Reproduction;
import org.vcpusim.sim.Shrinker;
import org.vcpusim.sim.Story;
import org.vcpusim.sim.StoryText;
import org.vcpusim.sim.StressReport;
import org.vcpusim.sim.StressReport.Group;

/** What a test expects of the schedules that were run; each method throws AssertionError where it is otherwise. */
public final class Expect {
    private static final int WIDTH = 120;

    private final StressReport report;
    private final Telling telling;
    private boolean asked;

    /**
     * How a failure is told.
     *
     * @param scenario the file that the command which replays it has to name, if any
     * @param program the version that this program is
     * @param shrinkSeconds most time to shorten it
     */
    record Telling(Optional<Path> scenario, String program, int shrinkSeconds) {
        boolean isOver(long since) {
            return System.nanoTime() - since >= TimeUnit.SECONDS.toNanos(shrinkSeconds);
        }
    }

    /** About {@code report}. */
    Expect(StressReport report, Telling telling) {
        this.report = report;
        this.telling = telling;
    }

    /** All that is known. */
    public StressReport report() {
        asked = true;
        return report;
    }

    /** Whether the test has expected anything yet. */
    boolean wasAsked() {
        return asked;
    }

    /** No rule was broken but by known hazards. */
    public Expect noFindings() {
        asked = true;
        List<Group> findings = report.findings();
        if (!findings.isEmpty()) {
            throw new AssertionError(told(findings.get(0)));
        }
        requireAnEnd();
        return this;
    }

    /** A schedule that was not seen to its end has not shown that nothing breaks in it. */
    private void requireAnEnd() {
        if (report.figures().cut() > 0) {
            throw new AssertionError("inconclusive: " + report.figures().cut() + " of "
                    + Counted.of(report.figures().schedules(), "schedule") + " cut short, at "
                    + report.plan().steps() + " steps\n" + report.verdict());
        }
    }

    /** The rule {@code invariant}, such as {@code I7}, was broken in some schedule. */
    public Expect violationOf(String invariant) {
        asked = true;
        boolean found =
                report.findings().stream().anyMatch(group -> group.invariant().equals(invariant));
        if (!found) {
            throw new AssertionError("expected a violation of " + invariant + ", found " + names(report.findings())
                    + "\n" + report.verdict());
        }
        return this;
    }

    /** The hazard came up in some schedule. */
    public Expect hazard(Hazard hazard) {
        asked = true;
        boolean found =
                report.hazards().stream().anyMatch(group -> group.hazard().equals(Optional.of(hazard)));
        if (!found) {
            throw new AssertionError(
                    "expected hazard " + hazard + ", found " + names(report.hazards()) + "\n" + report.verdict());
        }
        return this;
    }

    /** No hazard came up either. */
    public Expect noHazards() {
        asked = true;
        if (!report.hazards().isEmpty()) {
            throw new AssertionError(told(report.hazards().get(0)));
        }
        requireAnEnd();
        return this;
    }

    /** Every schedule came to rest within its bound of steps. */
    public Expect everyScheduleEnds() {
        asked = true;
        if (report.figures().cut() > 0) {
            throw new AssertionError(
                    "expected every schedule to end, " + report.figures().cut() + " of "
                            + report.figures().schedules() + " were cut short\n" + report.verdict());
        }
        return this;
    }

    /** At least {@code least} orders were told apart: a test of its own, since one order finds no race. */
    public Expect distinctTraces(long least) {
        asked = true;
        if (report.figures().traces() < least) {
            throw new AssertionError("expected at least " + least + " distinct traces, found "
                    + report.figures().traces() + "\n" + report.verdict());
        }
        return this;
    }

    private static String names(List<Group> groups) {
        return groups.isEmpty()
                ? "none"
                : groups.stream()
                        .map(group -> group.hazard().map(Enum::name).orElse(group.invariant()))
                        .distinct()
                        .collect(Collectors.joining(", "));
    }

    /** The story of the first schedule of {@code group}, shortened. */
    private String told(Group group) {
        long start = System.nanoTime();
        Shrinker.Shrunk shrunk =
                Shrinker.cut(report.plan().scenario(), group.picks(), group.first(), () -> telling.isOver(start));
        Reproduction run = new Reproduction(shrunk.scenario(), shrunk.picks(), shrunk.finishes());
        Story story = Story.of(
                shrunk,
                ReplayLine.of(ReplayToken.of(run, telling.program()).showing(shrunk.violation()), telling.scenario()));
        return group.invariant() + " is broken: " + group.title() + " (" + group.schedules() + " of "
                + Counted.of(report.figures().schedules(), "schedule") + ", first " + group.firstSchedule() + ", seed "
                + report.plan().rootSeed() + ")\n\n" + StoryText.of(story, WIDTH, StoryText.Colour.OFF);
    }
}
