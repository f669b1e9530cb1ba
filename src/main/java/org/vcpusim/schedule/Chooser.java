package org.vcpusim.schedule;

/** Decides which of the ready actors handles its next message. */
@FunctionalInterface
public interface Chooser {
    /** A position in {@code ready}, which is not empty. */
    int choose(Ready ready);
}
