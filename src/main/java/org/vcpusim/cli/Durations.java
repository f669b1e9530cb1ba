package org.vcpusim.cli;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.vcpusim.scenario.InputException;

/** Reads how long something is to take: a number and a unit. */
final class Durations {
    private static final Pattern FORM = Pattern.compile("([0-9]{1,6})(ms|s|m|h)");
    private static final long MILLISECOND = 1_000_000;
    private static final long SECOND = 1_000 * MILLISECOND;
    private static final long MINUTE = 60 * SECOND;

    private Durations() {}

    /** {@code text} in nanoseconds; {@code option} is what errors name. */
    static long nanos(String option, String text) {
        Matcher matcher = FORM.matcher(text);
        if (!matcher.matches()) {
            throw new InputException(option + " = " + text + ": must be a number and ms, s, m or h, such as 60s");
        }
        long unit = switch (matcher.group(2)) {
            case "ms" -> MILLISECOND;
            case "s" -> SECOND;
            case "m" -> MINUTE;
            default -> 60 * MINUTE;
        };
        long nanos = Math.multiplyExact(Long.parseLong(matcher.group(1)), unit);
        if (nanos == 0) {
            throw new InputException(option + " = " + text + ": must be more than nothing, at least 1ms");
        }
        return nanos;
    }
}
