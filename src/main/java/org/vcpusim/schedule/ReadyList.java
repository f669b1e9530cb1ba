package org.vcpusim.schedule;

import java.util.Arrays;

/**
 * The ready actors in the order in which they became ready.
 *
 * <p>A ring of indices. Removal closes the gap from the nearer end, so that taking the first is constant and taking any
 * moves a quarter of the rest on average.
 */
public final class ReadyList implements Ready {
    private static final int INITIAL_CAPACITY = 16;

    private int[] ring = new int[INITIAL_CAPACITY];
    private int first;
    private int size;

    @Override
    public int size() {
        return size;
    }

    @Override
    public int actor(int position) {
        if (position < 0 || position >= size) {
            throw new IndexOutOfBoundsException("position = " + position + ": must be 0 to " + (size - 1));
        }
        return ring[slot(position)];
    }

    /** Appends {@code actor}, which is not in the list. */
    public void add(int actor) {
        if (size == ring.length) {
            grow();
        }
        ring[slot(size)] = actor;
        size++;
    }

    /** Removes the actor at {@code position} and returns it. */
    public int remove(int position) {
        int actor = actor(position);
        if (position < size / 2) {
            for (int i = position; i > 0; i--) {
                ring[slot(i)] = ring[slot(i - 1)];
            }
            first = slot(1);
        } else {
            for (int i = position; i < size - 1; i++) {
                ring[slot(i)] = ring[slot(i + 1)];
            }
        }
        size--;
        return actor;
    }

    /** Forgets all. */
    public void clear() {
        first = 0;
        size = 0;
    }

    private int slot(int position) {
        return first + position & ring.length - 1;
    }

    private void grow() {
        int[] bigger = Arrays.copyOf(ring, 2 * ring.length);
        for (int i = 0; i < size; i++) {
            bigger[i] = ring[slot(i)];
        }
        ring = bigger;
        first = 0;
    }
}
