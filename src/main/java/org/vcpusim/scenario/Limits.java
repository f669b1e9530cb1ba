package org.vcpusim.scenario;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;

/**
 * Bounds of a run; their defaults are in {@code reference.conf} under {@code vcpusim.limits}.
 *
 * @param steps messages that may be processed
 * @param traceRecords records that may be written to a trace file
 */
public record Limits(long steps, long traceRecords) {
    /** The defaults. */
    public static final Limits DEFAULT = defaults();

    public Limits {
        if (steps < 1 || traceRecords < 1) {
            throw new IllegalArgumentException(
                    "steps = " + steps + ", trace-records = " + traceRecords + ": must be at least 1");
        }
    }

    private static Limits defaults() {
        Config limits = settings("vcpusim.limits");
        return new Limits(limits.getLong("steps"), limits.getLong("trace-records"));
    }

    /** The settings of {@code reference.conf} under {@code path}. */
    static Config settings(String path) {
        return ConfigFactory.defaultReference(Limits.class.getClassLoader()).getConfig(path);
    }
}
