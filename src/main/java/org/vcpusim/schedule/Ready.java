package org.vcpusim.schedule;

/**
 * The actors that have a message waiting, each once, in the order in which they became ready.
 *
 * <p>That order is a function of the picks so far: the receivers of a step in the order of its messages, and behind them the
 * actor that was picked, if it has another message. So a position means the same in every executor and on every JDK.
 */
public interface Ready {
    /** How many there are. */
    int size();

    /** The index of the actor at {@code position}, 0 to size - 1. */
    int actor(int position);

    /** The position of {@code actor}, -1 if it is not ready. */
    default int positionOf(int actor) {
        for (int position = 0; position < size(); position++) {
            if (actor(position) == actor) {
                return position;
            }
        }
        return -1;
    }
}
