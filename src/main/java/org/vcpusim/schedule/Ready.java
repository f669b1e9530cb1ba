package org.vcpusim.schedule;

/** The actors that have a message waiting, each once, in the order in which they became ready. */
public interface Ready {
    /** How many there are. */
    int size();

    /** The index of the actor at {@code position}, 0 to size - 1. */
    int actor(int position);
}
