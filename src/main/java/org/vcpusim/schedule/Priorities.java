package org.vcpusim.schedule;

import java.util.Arrays;

/**
 * A priority an actor, drawn anew with every schedule. Independent draws of 62 bits rank the actors in every order with the
 * same probability, whatever number of them there is, so an actor nobody knew of gets a random rank among the others.
 */
final class Priorities {
    private final SeededRandom random;
    private final int actorCount;
    private long[] priority;

    /** Drawn from {@code random}. */
    Priorities(int actorCount, SeededRandom random) {
        this.random = random;
        this.actorCount = actorCount;
        priority = new long[actorCount];
    }

    /** Draws those of all known actors, and forgets the others. */
    void draw() {
        if (priority.length > actorCount) {
            priority = new long[actorCount];
        }
        for (int actor = 0; actor < priority.length; actor++) {
            draw(actor);
        }
    }

    /** Draws that of {@code actor}: at least 2^62. */
    void draw(int actor) {
        reserve(actor);
        priority[actor] = random.nextLong() >>> 2 | 1L << 62;
    }

    void set(int actor, long value) {
        priority[actor] = value;
    }

    /** The position of the ready actor with the highest priority; of equals, the one that has been ready longer. */
    int highest(Ready ready) {
        int best = 0;
        long bestPriority = of(ready.actor(0));
        for (int position = 1; position < ready.size(); position++) {
            long other = of(ready.actor(position));
            if (other > bestPriority) {
                best = position;
                bestPriority = other;
            }
        }
        return best;
    }

    private long of(int actor) {
        reserve(actor);
        return priority[actor];
    }

    private void reserve(int actor) {
        if (actor >= priority.length) {
            int old = priority.length;
            priority = Arrays.copyOf(priority, Math.max(actor + 1, 2 * old));
            for (int late = old; late < priority.length; late++) {
                draw(late);
            }
        }
    }
}
