package org.vcpusim.schedule;

import java.util.Arrays;

/**
 * What the trials of a root seed showed of a program: how many choices a run has, how many steps each actor, and which of
 * those steps were shared.
 *
 * <p>A step is shared if it sends to another actor to which somebody else sends too: its place among the steps of others is
 * then a matter of order. Choices are counted where at least two actors are ready. The largest number of choices of all
 * trials counts; steps are those of the last trial.
 */
final class Profile {
    private static final int NOBODY = -1;
    private static final int MANY = -2;
    private static final int INITIAL_CAPACITY = 256;

    private int choices;
    private int choicesOfThis;
    private int[] steps;
    private int[] sharedSteps;
    private long[][] shared;
    private int[] senderTo;

    /** Sends of the trial that runs, three numbers each: sender, which of its steps, receiver. */
    private int[] sends = new int[INITIAL_CAPACITY];

    private int sendsLength;

    Profile(int actorCount) {
        steps = new int[actorCount];
        sharedSteps = new int[actorCount];
        shared = new long[actorCount][0];
        senderTo = new int[actorCount];
    }

    /** Forgets all trials. */
    void forget() {
        choices = 0;
        beginTrial();
    }

    void beginTrial() {
        choicesOfThis = 0;
        sendsLength = 0;
        Arrays.fill(steps, 0);
        Arrays.fill(sharedSteps, 0);
        Arrays.fill(senderTo, NOBODY);
        for (long[] flags : shared) {
            Arrays.fill(flags, 0);
        }
    }

    void picked(int actor, int readyCount) {
        reserve(actor);
        steps[actor]++;
        if (readyCount > 1) {
            choicesOfThis++;
        }
    }

    void sent(int from, int to) {
        reserve(Math.max(from, to));
        if (from == to) {
            return;
        }
        if (sendsLength + 3 > sends.length) {
            sends = Arrays.copyOf(sends, 2 * sends.length);
        }
        sends[sendsLength++] = from;
        sends[sendsLength++] = steps[from] - 1;
        sends[sendsLength++] = to;
        if (senderTo[to] == NOBODY) {
            senderTo[to] = from;
        } else if (senderTo[to] != from) {
            senderTo[to] = MANY;
        }
    }

    void endTrial() {
        choices = Math.max(choices, choicesOfThis);
        for (int i = 0; i < sendsLength; i += 3) {
            if (senderTo[sends[i + 2]] == MANY) {
                share(sends[i], sends[i + 1]);
            }
        }
    }

    private void share(int actor, int step) {
        int word = step >> 6;
        if (word >= shared[actor].length) {
            shared[actor] = Arrays.copyOf(shared[actor], Math.max(word + 1, 2 * shared[actor].length));
        }
        long bit = 1L << step;
        if ((shared[actor][word] & bit) == 0) {
            shared[actor][word] |= bit;
            sharedSteps[actor]++;
        }
    }

    /** The most choices that a trial had; {@code guess} if there was none. */
    int choices(int guess) {
        return choices == 0 ? guess : choices;
    }

    /** The actors it knows are those below this. */
    int actorCount() {
        return steps.length;
    }

    /** How many steps {@code actor} had. */
    int steps(int actor) {
        return steps[actor];
    }

    /** How many of them were shared. */
    int sharedSteps(int actor) {
        return sharedSteps[actor];
    }

    /** Whether step {@code step} of {@code actor}, from 0, was shared. */
    boolean isShared(int actor, int step) {
        return step >> 6 < shared[actor].length && (shared[actor][step >> 6] >>> step & 1) != 0;
    }

    private void reserve(int actor) {
        int old = steps.length;
        if (actor >= old) {
            int size = Math.max(actor + 1, 2 * old);
            steps = Arrays.copyOf(steps, size);
            sharedSteps = Arrays.copyOf(sharedSteps, size);
            shared = Arrays.copyOf(shared, size);
            senderTo = Arrays.copyOf(senderTo, size);
            Arrays.fill(shared, old, size, new long[0]);
            Arrays.fill(senderTo, old, size, NOBODY);
        }
    }
}
