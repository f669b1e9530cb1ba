package org.vcpusim.kvm;

import java.util.Comparator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A release of Linux, as {@code 4.14} or {@code 2.6.39}.
 *
 * @param major 2 or more
 * @param minor 0 or more
 * @param patch counts in 2.6 only, 0 elsewhere
 */
public record KernelVersion(int major, int minor, int patch) implements Comparable<KernelVersion> {
    /** The newest that a fix of the catalogue came with, and what is modelled where none is named. */
    public static final KernelVersion MODELLED = new KernelVersion(7, 0, 0);

    private static final Pattern FORM = Pattern.compile("v?(\\d{1,3})\\.(\\d{1,3})(?:\\.(\\d{1,3}))?");
    private static final Comparator<KernelVersion> ORDER = Comparator.comparingInt(KernelVersion::major)
            .thenComparingInt(KernelVersion::minor)
            .thenComparingInt(KernelVersion::patch);

    /**
     * Reads a version; of {@code 5.15.3} only 2.6's third number counts.
     *
     * @throws IllegalArgumentException where {@code text} is none
     */
    public static KernelVersion parse(String text) {
        Matcher matcher = FORM.matcher(text);
        if (!matcher.matches()) {
            throw new IllegalArgumentException("'" + text + "': must be a release of Linux such as 4.14 or 2.6.39");
        }
        int major = Integer.parseInt(matcher.group(1));
        int patch = major == 2 && matcher.group(3) != null ? Integer.parseInt(matcher.group(3)) : 0;
        return new KernelVersion(major, Integer.parseInt(matcher.group(2)), patch);
    }

    /**
     * Reads a version whose differences are known.
     *
     * @throws IllegalArgumentException where {@code text} is none, or newer than what is modelled; says what it must be
     */
    public static KernelVersion known(String text) {
        if (!FORM.matcher(text).matches()) {
            throw new IllegalArgumentException("must be a release of Linux such as 4.14 or 2.6.39");
        }
        KernelVersion version = parse(text);
        if (version.compareTo(MODELLED) > 0) {
            throw new IllegalArgumentException(
                    "must be at most " + MODELLED + ", which is modelled where no release is named");
        }
        return version;
    }

    @Override
    public int compareTo(KernelVersion other) {
        return ORDER.compare(this, other);
    }

    @Override
    public String toString() {
        return major + "." + minor + (major == 2 ? "." + patch : "");
    }
}
