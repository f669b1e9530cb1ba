package org.vcpusim.trace;

/**
 * The virtual time of a run that handles one message at a time.
 *
 * <p>All actors that are ready would run at the same time on a real machine. So a message costs {@value #STEP_NANOS} ns
 * divided by the number of actors that are ready when it is picked, at least 1 ns, and what its step lets pass besides is
 * divided alike.
 */
public final class VirtualClock {
    /** What a message costs when nobody else is ready, in nanoseconds. */
    public static final long STEP_NANOS = 100;

    private long now;
    private int parallel = 1;

    /** A message is about to be handled, its receiver being one of {@code ready} actors. */
    public void deliver(int ready) {
        parallel = ready;
        now += Math.max(1, STEP_NANOS / ready);
    }

    /** The step lets {@code nanos} pass. */
    public void elapse(long nanos) {
        now += Math.max(1, nanos / parallel);
    }

    /** The run begins again. */
    public void beginAgain() {
        now = 0;
        parallel = 1;
    }

    /** Nanoseconds since the start of the run. */
    public long now() {
        return now;
    }
}
