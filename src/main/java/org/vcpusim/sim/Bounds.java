package org.vcpusim.sim;

import java.util.function.BooleanSupplier;

/**
 * When a run ends although messages are left.
 *
 * @param steps most messages to handle, at least 1; the audit not counted. A live run may go over by a few milliseconds
 * @param stopped whether somebody asked the run to stop, such as a user; asked often, from the thread that called
 */
public record Bounds(long steps, BooleanSupplier stopped) {
    public Bounds {
        if (steps < 1) {
            throw new IllegalArgumentException("steps = " + steps + ": must be at least 1");
        }
    }

    /** At most {@code steps} messages. */
    public static Bounds steps(long steps) {
        return new Bounds(steps, () -> false);
    }
}
