package org.vcpusim.sim;

import java.util.Arrays;

/**
 * How often each of many 64-bit values was seen. Open addressing in two flat arrays: 12 bytes a slot.
 *
 * <p>When {@value #MOST} distinct values are there, others are no longer told apart; {@link #isFull} says so.
 */
final class LongCounts {
    /** Most distinct values. */
    static final int MOST = 1 << 23;

    private static final int INITIAL_SLOTS = 1 << 10;

    private long[] values = new long[INITIAL_SLOTS];
    private int[] counts = new int[INITIAL_SLOTS];
    private int distinct;
    private int singletons;
    private boolean full;

    /** One more {@code value}. */
    void add(long value) {
        add(value, 1);
    }

    /** All that {@code other} has seen. */
    void addAll(LongCounts other) {
        for (int slot = 0; slot < other.counts.length; slot++) {
            if (other.counts[slot] > 0) {
                add(other.values[slot], other.counts[slot]);
            }
        }
        full |= other.full;
    }

    private void add(long value, int count) {
        int slot = slotOf(value);
        int before = counts[slot];
        if (before == 0) {
            if (distinct == MOST) {
                full = true;
                return;
            }
            values[slot] = value;
            distinct++;
            singletons += count == 1 ? 1 : 0;
        } else {
            singletons -= before == 1 ? 1 : 0;
        }
        counts[slot] = before > Integer.MAX_VALUE - count ? Integer.MAX_VALUE : before + count;
        if (2 * distinct > counts.length) {
            grow();
        }
    }

    private int slotOf(long value) {
        int mask = counts.length - 1;
        int slot = (int) Hash.mixed(value) & mask;
        while (counts[slot] != 0 && values[slot] != value) {
            slot = slot + 1 & mask;
        }
        return slot;
    }

    private void grow() {
        long[] oldValues = values;
        int[] oldCounts = counts;
        values = new long[2 * oldValues.length];
        counts = new int[2 * oldCounts.length];
        for (int i = 0; i < oldCounts.length; i++) {
            if (oldCounts[i] > 0) {
                int slot = slotOf(oldValues[i]);
                values[slot] = oldValues[i];
                counts[slot] = oldCounts[i];
            }
        }
    }

    /** How many different values were seen. */
    int distinct() {
        return distinct;
    }

    /** How many values were seen exactly once. */
    int singletons() {
        return singletons;
    }

    /** Whether there were more than it can hold. */
    boolean isFull() {
        return full;
    }

    @Override
    public boolean equals(Object other) {
        if (!(other instanceof LongCounts o) || distinct != o.distinct || full != o.full) {
            return false;
        }
        for (int slot = 0; slot < counts.length; slot++) {
            if (counts[slot] > 0 && o.counts[o.slotOf(values[slot])] != counts[slot]) {
                return false;
            }
        }
        return true;
    }

    @Override
    public int hashCode() {
        int[] sorted = Arrays.stream(counts).filter(count -> count > 0).sorted().toArray();
        return Arrays.hashCode(sorted);
    }
}
