package org.vcpusim.schedule;

/** Decides which of the ready actors handles its next message. */
@FunctionalInterface
public interface Chooser {
    /** What {@link #choose} answers to end the run here. */
    int STOP = -1;

    /** A position in {@code ready}, which is not empty, or {@link #STOP}. */
    int choose(Ready ready);

    /** Whether {@link #sent} is to be called in the run that starts now; to be told costs a look-up a message. */
    default boolean wantsSends() {
        return false;
    }

    /** The step of {@code from}, which was picked last, sends a message to {@code to}, possibly itself. */
    default void sent(int from, int to) {}
}
