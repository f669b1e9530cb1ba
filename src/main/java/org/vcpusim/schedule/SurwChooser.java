package org.vcpusim.schedule;

import java.util.Arrays;

/**
 * The selectively uniform random walk: uniform over the orders of shared steps, those that send to an actor to which others
 * send too.
 *
 * <p>An actor is intended, with the probability of its share of the shared steps left. All others may run, each with the same
 * probability, up to their next shared step, before which they wait; when the intended one has made its shared step, they go
 * on and the next is intended. If all that are ready wait, another is intended; the same after {@value #PATIENCE} choices for
 * each ready actor without a shared step, so that a vCPU that loops for ever keeps nobody waiting for ever. Which steps are shared is what a trial
 * showed: the seventh step of an actor is taken to be shared if it was then. Where a run goes another way than the trial,
 * the guess is wrong and the walk less uniform.
 *
 * <p>Source: H. Zhao et al., "Selectively Uniform Concurrency Testing", ASPLOS 2025.
 */
final class SurwChooser implements Strategy {
    private static final int NOBODY = -1;
    private static final int INITIAL_CAPACITY = 16;
    /** More than an actor usually needs from one shared step to the next, unless it loops. */
    private static final int PATIENCE = 32;

    private final SeededRandom random = new SeededRandom(0);
    private final Profile profile;
    private int[] made = {};
    private int[] sharedLeft = {};
    private int[] free = new int[INITIAL_CAPACITY];
    private int allSharedLeft;
    private int intended = NOBODY;
    private int sinceShared;

    SurwChooser(Profile profile) {
        this.profile = profile;
    }

    @Override
    public void begin(long rootSeed, long index) {
        random.restart(RandomStream.seed(rootSeed, index));
        if (made.length != profile.actorCount()) {
            made = new int[profile.actorCount()];
            sharedLeft = new int[profile.actorCount()];
        }
        Arrays.fill(made, 0);
        allSharedLeft = 0;
        for (int actor = 0; actor < sharedLeft.length; actor++) {
            sharedLeft[actor] = profile.sharedSteps(actor);
            allSharedLeft += sharedLeft[actor];
        }
        intended = NOBODY;
        sinceShared = 0;
    }

    @Override
    public int choose(Ready ready) {
        if (intended == NOBODY) {
            intend();
        }
        int count = findFree(ready);
        boolean othersWait = count < ready.size();
        if (count == 0 || othersWait && sinceShared >= PATIENCE * ready.size()) {
            sinceShared = 0;
            intendOneOf(ready);
            count = findFree(ready);
        }
        int position = free[count == 1 ? 0 : random.nextInt(count)];
        run(ready.actor(position));
        return position;
    }

    /** Positions of those whose next step is not shared, and of the intended one. */
    private int findFree(Ready ready) {
        if (ready.size() > free.length) {
            free = new int[2 * ready.size()];
        }
        int count = 0;
        for (int position = 0; position < ready.size(); position++) {
            int actor = ready.actor(position);
            if (actor == intended || !nextIsShared(actor)) {
                free[count] = position;
                count++;
            }
        }
        return count;
    }

    /** Of an actor beyond the arrays no trial knew anything. */
    private boolean nextIsShared(int actor) {
        return actor < made.length && profile.isShared(actor, made[actor]);
    }

    private void intend() {
        if (allSharedLeft == 0) {
            return;
        }
        int ticket = random.nextInt(allSharedLeft);
        int actor = 0;
        for (ticket -= sharedLeft[0]; ticket >= 0; ticket -= sharedLeft[actor]) {
            actor++;
        }
        intended = actor;
    }

    /** At least one of those that are ready waits before a shared step. */
    private void intendOneOf(Ready ready) {
        int sum = 0;
        for (int position = 0; position < ready.size(); position++) {
            sum += sharedLeft[ready.actor(position)];
        }
        int ticket = random.nextInt(sum);
        int position = 0;
        for (ticket -= sharedLeft[ready.actor(0)]; ticket >= 0; ticket -= sharedLeft[ready.actor(position)]) {
            position++;
        }
        intended = ready.actor(position);
    }

    private void run(int actor) {
        sinceShared++;
        if (nextIsShared(actor)) {
            sinceShared = 0;
            sharedLeft[actor]--;
            allSharedLeft--;
            intended = NOBODY;
        }
        if (actor < made.length) {
            made[actor]++;
        }
    }

    @Override
    public void end(long steps) {}

    @Override
    public String name() {
        return StrategyKind.SURW.label();
    }
}
