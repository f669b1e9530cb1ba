package org.vcpusim.sim;

import java.nio.file.Path;
import java.util.Optional;
import java.util.regex.Pattern;

/** What {@code vcpusim replay} takes to run something again, written so that a shell takes it apart as it is meant. */
public final class ReplayLine {
    private static final Pattern PLAIN = Pattern.compile("[0-9A-Za-z_./+:,@%=][0-9A-Za-z_./+:,@%=-]*");

    private ReplayLine() {}

    /**
     * For {@code token}.
     *
     * @param scenario the file of its scenario, or of a finding of it; empty where it is a bundled one
     */
    public static String of(ReplayToken token, Optional<Path> scenario) {
        return token + scenario.map(file -> " --scenario " + quoted(file)).orElse("");
    }

    /** For the finding in {@code file}. */
    public static String of(Path file) {
        return quoted(file);
    }

    private static String quoted(Path file) {
        String text = file.toString();
        return PLAIN.matcher(text).matches() ? text : "'" + text.replace("'", "'\\''") + "'";
    }
}
