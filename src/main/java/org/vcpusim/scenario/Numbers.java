package org.vcpusim.scenario;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Numbers and times as scenarios write them: {@code 49}, {@code 0x31}, {@code 500ns}. */
final class Numbers {
    /** Longest time that can be written, one hour, in nanoseconds. */
    static final long LONGEST_NANOS = 3_600_000_000_000L;

    private static final Pattern DECIMAL = Pattern.compile("-?[0-9]{1,18}");
    private static final Pattern HEXADECIMAL = Pattern.compile("0[xX]([0-9a-fA-F]{1,16})");
    private static final Pattern TIME = Pattern.compile("([0-9]{1,13})(ns|us|ms|s)");
    private static final long NANOS_PER_MICRO = 1_000;
    private static final long NANOS_PER_MILLI = 1_000_000;
    private static final long NANOS_PER_SECOND = 1_000_000_000;
    private static final long HEXADECIMAL_FROM = 0xffff;

    private Numbers() {}

    /** The whole number that {@code text} is. */
    static Optional<Long> parse(String text) {
        Matcher hexadecimal = HEXADECIMAL.matcher(text);
        if (hexadecimal.matches()) {
            return Optional.of(Long.parseUnsignedLong(hexadecimal.group(1), 16));
        }
        return DECIMAL.matcher(text).matches() ? Optional.of(Long.valueOf(text)) : Optional.empty();
    }

    /** The nanoseconds that {@code text} is, up to an hour. */
    static Optional<Long> parseNanos(String text) {
        Matcher time = TIME.matcher(text);
        if (!time.matches()) {
            return Optional.empty();
        }
        long unit = switch (time.group(2)) {
            case "ns" -> 1;
            case "us" -> NANOS_PER_MICRO;
            case "ms" -> NANOS_PER_MILLI;
            default -> NANOS_PER_SECOND;
        };
        long count = Long.parseLong(time.group(1));
        return count <= LONGEST_NANOS / unit ? Optional.of(count * unit) : Optional.empty();
    }

    /** A range in words. */
    static String range(long min, long max) {
        if (min == Long.MIN_VALUE && max == Long.MAX_VALUE) {
            return "a whole number of 64 bits";
        }
        return max == Long.MAX_VALUE ? min + " or more" : bound(min, max) + " to " + bound(max, max);
    }

    private static String bound(long value, long max) {
        return max > HEXADECIMAL_FROM && Long.bitCount(max + 1) == 1 ? "0x" + Long.toHexString(value) : "" + value;
    }
}
