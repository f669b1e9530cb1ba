package org.vcpusim.schedule;

import java.util.Arrays;

/** The actors in the order in which they were picked; one pick handles one message. */
public final class Schedule {
    private final int[] actors;

    private Schedule(int[] actors) {
        this.actors = actors;
    }

    /** The schedule that picks {@code actors} in this order. */
    public static Schedule of(int... actors) {
        return new Schedule(actors.clone());
    }

    /** The schedule that picks the first {@code count} of {@code actors} in this order. */
    public static Schedule ofFirst(int count, int[] actors) {
        return new Schedule(Arrays.copyOf(actors, count));
    }

    /** How many picks. */
    public int size() {
        return actors.length;
    }

    /** The actor of pick {@code position}, from 0. */
    public int actor(int position) {
        return actors[position];
    }

    /** The picks as an array. */
    public int[] toArray() {
        return actors.clone();
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Schedule s && Arrays.equals(actors, s.actors);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(actors);
    }

    @Override
    public String toString() {
        return Arrays.toString(actors);
    }
}
