package org.vcpusim.sim;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;
import org.vcpusim.check.Violation;
import org.vcpusim.kvm.Fault;
import org.vcpusim.kvm.Fix;
import org.vcpusim.trace.TraceRecord;

/** Stories for a terminal, as Markdown and as JSON. */
public final class StoryText {
    /** How the line begins that says how a story is replayed. */
    private static final String REPLAY = "Replay: ";

    /** Narrowest column that still holds a kernel function's name. */
    private static final int NARROWEST = 26;

    private static final int MARGIN = 6;
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private StoryText() {}

    /** How a terminal shows it. */
    public enum Colour {
        ON("\033[1m", "\033[31m", "\033[0m"),
        OFF("", "", "");

        private final String bold;
        private final String red;
        private final String end;

        Colour(String bold, String red, String end) {
            this.bold = bold;
            this.red = red;
            this.end = end;
        }
    }

    /**
     * For a terminal of {@code width} characters: a column for each actor where they fit, else its name before each step.
     * Racing steps are marked {@code >}.
     */
    public static String of(Story story, int width, Colour colour) {
        StringBuilder out = new StringBuilder();
        out.append(colour.bold).append(story.title()).append(colour.end).append("\n\n");
        start(story)
                .ifPresent(line ->
                        out.append(String.join("\n", wrapped(line, width))).append("\n\n"));
        int column = (width - MARGIN) / Math.max(1, story.columns().size());
        if (column >= NARROWEST) {
            columns(out, story, column, colour);
        } else {
            list(out, story, width, colour);
        }
        out.append('\n');
        ending(story)
                .forEach(line ->
                        wrapped(line, width).forEach(part -> out.append(part).append('\n')));
        return out.toString();
    }

    /** How things stand before the first step, where there is something to say. */
    private static Optional<String> start(Story story) {
        return story.start().isEmpty()
                ? Optional.empty()
                : Optional.of("At the start " + String.join("; ", story.start()) + ".");
    }

    private static void columns(StringBuilder out, Story story, int column, Colour colour) {
        StringBuilder names = new StringBuilder(" ".repeat(MARGIN));
        story.columns().forEach(name -> names.append(padded(name, column)));
        out.append(colour.bold)
                .append(names.toString().stripTrailing())
                .append(colour.end)
                .append('\n');
        for (Story.Step step : story.steps()) {
            String indent = " ".repeat(column * story.columns().indexOf(step.column()));
            step(out, step, indent, column - 2, colour);
        }
    }

    private static void list(StringBuilder out, Story story, int width, Colour colour) {
        for (Story.Step step : story.steps()) {
            out.append(colour.bold)
                    .append(" ".repeat(MARGIN))
                    .append(step.column())
                    .append(colour.end)
                    .append('\n');
            step(out, step, "", width - MARGIN - 2, colour);
        }
    }

    private static void step(StringBuilder out, Story.Step step, String indent, int width, Colour colour) {
        String number = String.format("%3d", step.number());
        for (Story.Line line : step.lines()) {
            String mark = line.racing() ? " > " : "   ";
            for (String part : wrapped(line.text(), width)) {
                String text = (number + mark + indent + part).stripTrailing();
                out.append(line.racing() ? colour.red : "").append(text);
                out.append(line.racing() ? colour.end : "").append('\n');
                number = "   ";
                mark = line.racing() ? " > " : "   ";
            }
        }
    }

    private static String padded(String name, int width) {
        return name + " ".repeat(Math.max(0, width - name.length()));
    }

    /** {@code line} in parts of at most {@code width} characters, all but the first indented; words stay whole. */
    public static List<String> wrapped(String line, int width) {
        if (line.startsWith(REPLAY)) {
            return List.of(line); // a command is copied whole
        }
        List<String> parts = new ArrayList<>();
        StringBuilder part = new StringBuilder();
        for (String word : line.split(" ", -1)) {
            if (part.length() > 0 && part.length() + 1 + word.length() > width) {
                parts.add(part.toString());
                part = new StringBuilder("  ");
            }
            part.append(part.length() == 0 || part.toString().isBlank() ? "" : " ")
                    .append(word);
        }
        parts.add(part.toString());
        return parts;
    }

    /** What follows the steps. */
    private static List<String> ending(Story story) {
        List<String> lines = new ArrayList<>();
        Violation violation = story.violation();
        lines.add(violation.invariant() + " is broken: " + story.rule() + ".");
        lines.add("Here: " + violation.sentence()
                + (violation.detail().isEmpty() ? "" : " (" + violation.detail() + ")") + ".");
        if (story.extent().audited()) {
            lines.add("That shows when all else has run to its end.");
        }
        violation
                .since()
                .filter(since -> since.order() != violation.at().order())
                .ifPresent(since -> lines.add("It began with event " + since.order() + ": " + told(since) + "."));
        violation
                .hazard()
                .ifPresent(hazard -> lines.add(
                        "A known hazard of Linux as it is modelled, " + hazard + ": " + hazard.title() + "."));
        lines.addAll(story.knowledge());
        if (story.races()) {
            lines.add("With the marked turns in the other order this rule holds.");
        } else if (story.others() > 0) {
            lines.add("It breaks in all of " + story.others() + " other orders, drawn at random.");
        } else {
            lines.add("No two turns were found whose exchange mends it.");
        }
        lines.add(String.format(
                Locale.ROOT,
                "%,d of the %,d events are told, those that lead there; for all: vcpusim replay TOKEN --trace FILE.",
                story.extent().told(),
                story.extent().events()));
        if (story.cut()) {
            lines.add("Of the scenario only what this needs is left; to get that as a file: "
                    + "vcpusim replay TOKEN --write-scenario FILE.");
        }
        story.fixes().forEach(fix -> {
            lines.add(fixed(fix, story.faults()));
            parts(fix, story.faults()).ifPresent(lines::add);
        });
        lines.add(REPLAY + "vcpusim replay " + story.token());
        return lines;
    }

    private static String told(TraceRecord record) {
        return StoryWords.always(record.event());
    }

    /** Which of the faults that {@code fix} ended are {@code needed}, where it ended several. */
    private static Optional<String> parts(Fix fix, List<Fault> needed) {
        List<String> there =
                fix.faults().stream().filter(needed::contains).map(Fault::key).toList();
        List<String> others = fix.faults().stream()
                .filter(fault -> !needed.contains(fault))
                .map(Fault::key)
                .toList();
        return others.isEmpty()
                ? Optional.empty()
                : Optional.of("Of what was wrong before " + fix.id() + " this needs " + String.join(" and ", there)
                        + ", and not " + String.join(" and ", others) + ".");
    }

    /** What repaired it, of several things what repaired those that are {@code needed}, as one sentence. */
    static String fixed(Fix fix, List<Fault> needed) {
        List<Fix.Repair> repairs = repairs(fix, needed);
        return repairs.stream().allMatch(repair -> repair.year().isEmpty())
                ? fix.id() + ", a rule of the design: " + fix.title() + "."
                : fix.id() + " was fixed by "
                        + repairs.stream().map(StoryText::repaired).distinct().collect(Collectors.joining(", and by "))
                        + ": " + fix.title() + ".";
    }

    private static List<Fix.Repair> repairs(Fix fix, List<Fault> needed) {
        return fix.repairs().stream()
                .filter(repair -> needed.contains(repair.fault()))
                .toList();
    }

    /** A commit, its year and its release, as far as they are known. */
    public static String repaired(Fix.Repair repair) {
        return repair.commit().map(hash -> "commit " + hash).orElse("a commit")
                + repair.year().map(year -> " of " + year).orElse("")
                + repair.release().map(version -> ", Linux " + version).orElse("");
    }

    /** As Markdown: a table with a column for each actor. */
    public static String markdown(Story story) {
        StringBuilder out = new StringBuilder("# " + escaped(story.title()) + "\n\n");
        start(story).ifPresent(line -> out.append(escaped(line)).append("\n\n"));
        out.append("| |");
        story.columns().forEach(name -> out.append(' ').append(name).append(" |"));
        out.append("\n|---|").append("---|".repeat(story.columns().size())).append('\n');
        for (Story.Step step : story.steps()) {
            String[] cells = new String[story.columns().size()];
            Arrays.fill(cells, "");
            cells[story.columns().indexOf(step.column())] = String.join(
                    "<br>", step.lines().stream().map(StoryText::cell).toList());
            out.append("| ").append(step.number());
            for (String cell : cells) {
                out.append(" | ").append(cell);
            }
            out.append(" |\n");
        }
        out.append('\n');
        ending(story).forEach(line -> out.append(paragraph(line)).append("\n\n"));
        return out.toString().stripTrailing() + "\n";
    }

    /** A command stands as code, so that it can be copied. */
    private static String paragraph(String line) {
        return line.startsWith(REPLAY) ? "```console\n$ " + line.substring(REPLAY.length()) + "\n```" : escaped(line);
    }

    private static String cell(Story.Line line) {
        return line.racing() ? "**" + escaped(line.text()) + "**" : escaped(line.text());
    }

    private static String escaped(String text) {
        return text.replace("|", "\\|").replace("*", "\\*").replace("_", "\\_");
    }

    /** Adds an object for each of {@code repairs} to {@code array}. */
    public static void repairs(ArrayNode array, List<Fix.Repair> repairs) {
        for (Fix.Repair repair : repairs) {
            ObjectNode node = array.addObject().put("fault", repair.fault().key());
            repair.commit().ifPresent(commit -> node.put("commit", commit));
            repair.year().ifPresent(year -> node.put("year", year));
            repair.release().ifPresent(release -> node.put("release", release.toString()));
        }
    }

    /** As an object of {@code schema vcpusim.story/3}. */
    public static ObjectNode json(Story story) {
        ObjectNode root =
                MAPPER.createObjectNode().put("schema", "vcpusim.story/3").put("title", story.title());
        ArrayNode start = root.putArray("start");
        story.start().forEach(start::add);
        ArrayNode columns = root.putArray("columns");
        story.columns().forEach(columns::add);
        ArrayNode steps = root.putArray("steps");
        for (Story.Step step : story.steps()) {
            ArrayNode lines = steps.addObject()
                    .put("number", step.number())
                    .put("column", step.column())
                    .put("racing", step.racing())
                    .putArray("lines");
            for (Story.Line line : step.lines()) {
                lines.addObject().put("text", line.text()).put("racing", line.racing());
            }
        }
        root.putObject("extent")
                .put("told", story.extent().told())
                .put("events", story.extent().events())
                .put("audited", story.extent().audited());
        ArrayNode knowledge = root.putArray("knowledge");
        story.knowledge().forEach(knowledge::add);
        Violation violation = story.violation();
        ObjectNode broken = root.putObject("violation")
                .put("invariant", violation.invariant())
                .put("rule", story.rule())
                .put("sentence", violation.sentence())
                .put("detail", violation.detail())
                .put("event", violation.at().order())
                .put("at", told(violation.at()));
        violation.since().ifPresent(since -> broken.put("since", since.order()));
        violation.hazard().ifPresent(hazard -> broken.put("hazard", hazard.name()));
        ArrayNode fixes = root.putArray("fixes");
        for (Fix fix : story.fixes()) {
            ObjectNode node = fixes.addObject().put("id", fix.id()).put("title", fix.title());
            repairs(node.putArray("repairs"), repairs(fix, story.faults()));
        }
        root.put("others", story.others()).put("cut", story.cut()).put("replay", "vcpusim replay " + story.token());
        return root;
    }
}
