package org.vcpusim.schedule;

import java.util.Arrays;

/**
 * Probabilistic concurrency testing: the ready actor with the highest of random priorities, lowered at a few random choices.
 *
 * <p>With n actors, k choices and depth d, the actors get distinct random priorities, and d - 1 change points are drawn from
 * 1..k. At a change point the actor about to run falls below all others, and the choice is made again; two that fell keep a
 * random order. An order of d events is hit with probability 1 / (n * k^(d-1)) or more. A choice counts where at least two
 * actors are ready; k comes from trials; d goes through 1..5 from schedule to schedule.
 *
 * <p>Alone that starves: a vCPU whose guest exits for ever is always ready, and nothing below it ever runs. So a schedule has
 * a patience, one of 2, 4, 8, .. 256 at random: an actor that was chosen as often as that yields, falling below all
 * others, and its count starts again. An actor that stays ready is chosen within d * (patience * (n - 1) + 1) choices.
 * Orders that need no actor to be chosen that often are hit as without it.
 *
 * <p>Source: S. Burckhardt et al., "A Randomized Scheduler with Probabilistic Guarantees of Finding Bugs", ASPLOS 2010.
 */
final class PctChooser implements Strategy {
    /** Depths go from 1 to this. */
    static final int MAX_DEPTH = 5;

    private static final int GUESSED_CHOICES_PER_ACTOR = 16;
    private static final int SHORTEST_PATIENCE_LOG2 = 1;
    private static final int PATIENCES = 8;

    private final SeededRandom random = new SeededRandom(0);
    private final Profile profile;
    private final int guessedChoices;
    private final Priorities priorities;
    private final int[] changeAt = new int[MAX_DEPTH - 1];
    private final boolean yields;
    private int[] chosen;
    private int depth;
    private int patience;
    private long choice;
    private long lowest;

    PctChooser(Profile profile, int actorCount) {
        this(profile, actorCount, true);
    }

    private PctChooser(Profile profile, int actorCount, boolean yields) {
        this.profile = profile;
        this.yields = yields;
        guessedChoices = GUESSED_CHOICES_PER_ACTOR * actorCount;
        priorities = new Priorities(actorCount, random);
        chosen = new int[actorCount];
    }

    /** Without fairness, to compare. */
    static PctChooser unfair(Profile profile, int actorCount) {
        return new PctChooser(profile, actorCount, false);
    }

    @Override
    public void begin(long rootSeed, long index) {
        begin(rootSeed, index, 1 + (int) Long.remainderUnsigned(index, MAX_DEPTH));
    }

    /** Begins a schedule of depth {@code d}, 1 to {@link #MAX_DEPTH}. */
    void begin(long rootSeed, long index, int d) {
        random.restart(RandomStream.seed(rootSeed, index));
        depth = d;
        choice = 0;
        lowest = 0;
        Arrays.fill(chosen, 0);
        priorities.draw();
        int k = profile.choices(guessedChoices);
        for (int i = 0; i < depth - 1; i++) {
            changeAt[i] = 1 + random.nextInt(k);
        }
        patience = 1 << SHORTEST_PATIENCE_LOG2 + random.nextInt(PATIENCES);
    }

    @Override
    public int choose(Ready ready) {
        if (ready.size() == 1) {
            return 0;
        }
        choice++;
        int best = priorities.highest(ready);
        for (int i = 0; i < depth - 1; i++) {
            if (changeAt[i] == choice) {
                priorities.set(ready.actor(best), lowest - 1 - i);
                best = priorities.highest(ready);
            }
        }
        if (yields) {
            countTurn(ready.actor(best));
        }
        return best;
    }

    private void countTurn(int actor) {
        if (actor >= chosen.length) {
            chosen = Arrays.copyOf(chosen, Math.max(actor + 1, 2 * chosen.length));
        }
        chosen[actor]++;
        if (chosen[actor] == patience) {
            chosen[actor] = 0;
            lowest -= MAX_DEPTH;
            priorities.set(actor, lowest);
        }
    }

    @Override
    public void end(long steps) {}

    @Override
    public String name() {
        return StrategyKind.PCT.label();
    }
}
