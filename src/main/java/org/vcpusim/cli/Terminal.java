package org.vcpusim.cli;

import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.vcpusim.sim.StoryText;

/** What stdout and stderr are: how wide, and whether they take colours. The launcher looks and says so in system properties. */
final class Terminal {
    private static final int USUAL_WIDTH = 120;
    private static final int NARROWEST = 40;
    private static final String BELOW = "\n      ";

    private Terminal() {}

    /** Characters a line of stderr, where that is a terminal. */
    static OptionalInt progressWidth() {
        Integer columns = Integer.getInteger("vcpusim.progress-columns");
        return columns == null ? OptionalInt.empty() : OptionalInt.of(Math.max(NARROWEST, columns));
    }

    /** Characters a line of stdout: as many as the terminal has; elsewhere as COLUMNS says. */
    static int width() {
        return width(Optional.ofNullable(System.getProperty("vcpusim.columns")), System.getenv());
    }

    static int width(Optional<String> terminal, Map<String, String> environment) {
        return terminal.or(() -> Optional.ofNullable(environment.get("COLUMNS")))
                .filter(columns -> columns.matches("[0-9]{1,4}"))
                .map(columns -> Math.max(NARROWEST, Integer.parseInt(columns)))
                .orElse(USUAL_WIDTH);
    }

    /** A row of a table with {@code text} in its last column, which goes on below itself where the line is too short for it. */
    static String row(String before, String text) {
        return row(before, text, width());
    }

    /** The same in {@code width} characters; a last column that would be too narrow begins on a line of its own. */
    static String row(String before, String text, int width) {
        int left = width - before.length();
        return left < NARROWEST
                ? before.stripTrailing()
                        + BELOW
                        + String.join(BELOW, StoryText.wrapped(text, width - BELOW.length() + 1))
                : before + String.join("\n" + " ".repeat(before.length()), StoryText.wrapped(text, left));
    }

    /** On where stdout is a terminal, unless the user has set NO_COLOR or has a dumb one. */
    static StoryText.Colour colour() {
        boolean terminal = Integer.getInteger("vcpusim.columns") != null;
        return terminal && !refused(System.getenv()) ? StoryText.Colour.ON : StoryText.Colour.OFF;
    }

    /** Whether {@code environment} wants no colours; an empty NO_COLOR is one that is not set, as no-color.org has it. */
    static boolean refused(Map<String, String> environment) {
        return !environment.getOrDefault("NO_COLOR", "").isEmpty() || "dumb".equals(environment.get("TERM"));
    }
}
