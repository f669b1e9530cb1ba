package org.vcpusim.cli;

import java.util.Optional;
import org.vcpusim.scenario.InputException;

/** Numbers that an option takes. */
final class OptionRange {
    /** The most threads that any command starts. */
    static final int MOST_JOBS = 256;

    private OptionRange() {}

    /**
     * Refuses a number outside of {@code least} to {@code most}, which is no limit where it is {@link Long#MAX_VALUE}.
     *
     * @throws InputException that names the option, the number and the range
     */
    @SuppressWarnings("TooManyParameters") // what was found, and the range
    static void require(String option, long found, long least, long most) {
        if (found < least || found > most) {
            String range = most == Long.MAX_VALUE ? "at least " + least : least + " to " + most;
            throw new InputException(option + " = " + found + ": must be " + range);
        }
    }

    /**
     * What {@code --jobs} asks for, a thread a processor without it.
     *
     * @throws InputException if it is out of range
     */
    static int jobs(Optional<Integer> asked) {
        int threads = asked.orElse(Math.min(MOST_JOBS, Runtime.getRuntime().availableProcessors()));
        require("--jobs", threads, 1, MOST_JOBS);
        return threads;
    }
}
