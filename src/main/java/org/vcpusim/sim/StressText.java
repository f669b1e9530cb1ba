package org.vcpusim.sim;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.vcpusim.kvm.Fix;
import org.vcpusim.sim.StressReport.Figures;
import org.vcpusim.sim.StressReport.Group;
import org.vcpusim.sim.StressReport.Meetings;
import org.vcpusim.sim.StressReport.Outcome;

/** A report of {@code stress} for people. */
public final class StressText {
    private static final int MOST_OUTCOMES = 24;
    private static final int LAST_SHARE = 10;
    /** Characters of a row of the table of outcomes behind its first column. */
    private static final int OUTCOME_NUMBERS = 49;

    private final StressReport report;
    private final List<ShortFinding> shortened;
    private final StoryLook look;
    private final StringBuilder text = new StringBuilder();

    private StressText(StressReport report, List<ShortFinding> shortened, StoryLook look) {
        this.report = report;
        this.shortened = shortened;
        this.look = look;
    }

    /**
     * How stories are shown.
     *
     * @param findings the folder of the files of findings and hazards
     */
    public record StoryLook(int width, StoryText.Colour colour, Path findings) {}

    /** Lines, each with its end; the last one is the verdict. Of what has been shortened findings are told, and hazards replayed. */
    public static String of(StressReport report, List<ShortFinding> shortened, StoryLook look) {
        return new StressText(report, shortened, look).write();
    }

    private String write() {
        StressPlan plan = report.plan();
        paragraph(
                "",
                "%s: %s, strategy %s, seed %d, jobs %d",
                plan.scenario().name(),
                Counted.of(plan.scenario().machine().vcpuCount(), "vCPU"),
                plan.strategy().label(),
                plan.rootSeed(),
                plan.jobs());
        paragraph("", "self-check: %s", report.figures().timing().selfCheck());
        line("");
        figures(report.figures());
        outcomes();
        groups("findings", report.findings());
        groups("hazards, which Linux as modelled has too", report.hazards());
        stories();
        line("");
        paragraph("", "%s", report.verdict());
        return text.toString();
    }

    private void figures(Figures f) {
        line("schedules              %,14d   %,.0f/s", f.schedules(), f.schedulesPerSecond());
        line("steps                  %,14d   %,.0f/s", f.steps(), f.stepsPerSecond());
        line(
                "distinct traces        %,14d%s  unseen mass %.4f (Good-Turing)",
                f.traces(), f.full() ? "+" : " ", f.unseenMass());
        line("distinct final states  %,14d", f.finalStates());
        met("request x vCPU phase ", report.requests(), "requests", "phases");
        met("event x event        ", report.orders(), "events", "behind them");
    }

    private void met(String name, Meetings met, String firsts, String seconds) {
        long late = report.figures().schedules() - report.figures().schedules() / LAST_SHARE;
        long recent = met.pairs().stream()
                .filter(pair -> pair.firstSchedule() >= late)
                .count();
        paragraph(
                "",
                "%s  %,14d   of %,d (%d %s, %d %s); %,d new in the last tenth",
                name,
                met.pairs().size(),
                met.possible(),
                met.firsts().size(),
                firsts,
                met.seconds().size(),
                seconds,
                recent);
    }

    private void outcomes() {
        List<Outcome> outcomes = report.outcomes();
        if (outcomes.isEmpty()) {
            return;
        }
        List<Outcome> shown = outcomes.subList(0, Math.min(MOST_OUTCOMES, outcomes.size()));
        int width = Math.max(
                7, shown.stream().mapToInt(o -> o.label().length()).max().orElse(0));
        int narrow = Math.min(width, Math.max(7, look.width - OUTCOME_NUMBERS));
        line("");
        line("%-" + narrow + "s  %12s  %8s  %-11s  %10s", "outcome", "count", "share", "expectation", "first");
        for (Outcome o : shown) {
            List<String> label = StoryText.wrapped(o.label(), narrow);
            line(
                    "%-" + narrow + "s  %,12d  %6.2f %%  %-11s  %10d",
                    label.get(0),
                    o.count(),
                    100.0 * o.count() / report.figures().schedules(),
                    o.expectation(),
                    o.firstSchedule());
            label.stream().skip(1).forEach(rest -> line("%s", rest));
        }
        if (outcomes.size() > MOST_OUTCOMES) {
            line("... %d more; --json has all", outcomes.size() - MOST_OUTCOMES);
        }
        legend(shown);
    }

    /** What the words of the outcomes mean, each once. */
    private void legend(List<Outcome> shown) {
        Map<String, String> meanings = new TreeMap<>();
        for (Outcome o : shown) {
            String[] meaning = o.meaning().split("; ", -1);
            String[] words = o.label().split(" ", -1);
            if (words.length == meaning.length) {
                for (int i = 0; i < words.length; i++) {
                    meanings.putIfAbsent(words[i], meaning[i]);
                }
            } else {
                meanings.putIfAbsent(o.label(), o.meaning());
            }
        }
        line("");
        meanings.forEach((word, meaning) -> paragraph("", "%s: %s", word, meaning));
    }

    private void groups(String title, List<Group> groups) {
        if (groups.isEmpty()) {
            return;
        }
        line("");
        line("%s", title);
        Map<List<Fix>, List<Group>> byCause = new LinkedHashMap<>();
        groups.forEach(group -> byCause.computeIfAbsent(ShortFinding.causes(shortened, group), c -> new ArrayList<>())
                .add(group));
        byCause.forEach((causes, ofCause) -> {
            causes.forEach(fix -> paragraph("  ", "root cause %s is left out: %s", fix.id(), fix.title()));
            list(ofCause);
        });
    }

    private void list(List<Group> groups) {
        for (Group group : groups) {
            paragraph("  ", "%s  %s", group.hazard().map(Enum::name).orElse(group.invariant()), group.title());
            String detail = group.first().detail();
            paragraph(
                    "      ",
                    "%s, first %d: %s%s",
                    Counted.of(group.schedules(), "schedule"),
                    group.firstSchedule(),
                    group.first().sentence(),
                    detail.isEmpty() ? "" : " (" + detail + ")");
            line("      file: %s", FindingFile.of(look.findings, report, group));
            shortened.stream().filter(each -> each.group().equals(group)).forEach(this::replay);
        }
    }

    private void replay(ShortFinding finding) {
        int steps = finding.story().steps().size();
        line(
                "      in %s%s: vcpusim replay %s",
                Counted.of(steps, "step"),
                finding.complete() ? "" : ", so far",
                finding.story().token());
    }

    private void stories() {
        for (ShortFinding finding : shortened) {
            if (finding.group().isFinding()) {
                line("");
                text.append(StoryText.of(finding.story(), look.width, look.colour));
            }
        }
    }

    /** A sentence that begins with {@code indent} in all of its lines. */
    private void paragraph(String indent, String format, Object... values) {
        String said = String.format(Locale.ROOT, format, values);
        StoryText.wrapped(said, look.width - indent.length()).forEach(part -> line("%s%s", indent, part));
    }

    private void line(String format, Object... values) {
        text.append(String.format(Locale.ROOT, format, values).stripTrailing()).append(System.lineSeparator());
    }
}
