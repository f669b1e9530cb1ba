package org.vcpusim.schedule;

/**
 * The uniform random walk: an actor with the probability of its share of the steps that are left.
 *
 * <p>If the counts are right and all actors stay ready, every interleaving has the same probability, for the number of ways
 * to go on after a step is proportional to the steps that its actor had left. Counts are those of a trial; an actor that has
 * used up its own counts one.
 *
 * <p>Source: H. Zhao et al., "Selectively Uniform Concurrency Testing", ASPLOS 2025.
 */
final class UrwChooser implements Strategy {
    private final SeededRandom random = new SeededRandom(0);
    private final Profile profile;
    private int[] left = {};

    UrwChooser(Profile profile) {
        this.profile = profile;
    }

    @Override
    public void begin(long rootSeed, long index) {
        random.restart(RandomStream.seed(rootSeed, index));
        if (left.length != profile.actorCount()) {
            left = new int[profile.actorCount()];
        }
        for (int actor = 0; actor < left.length; actor++) {
            left[actor] = profile.steps(actor);
        }
    }

    @Override
    public int choose(Ready ready) {
        int best = ready.size() == 1 ? 0 : drawn(ready);
        int actor = ready.actor(best);
        if (left(actor) > 1) {
            left[actor]--;
        }
        return best;
    }

    private int drawn(Ready ready) {
        int sum = 0;
        for (int position = 0; position < ready.size(); position++) {
            sum += left(ready.actor(position));
        }
        int ticket = random.nextInt(sum);
        int position = 0;
        for (ticket -= left(ready.actor(0)); ticket >= 0; ticket -= left(ready.actor(position))) {
            position++;
        }
        return position;
    }

    /** Steps left, at least 1: it is ready, so there is one. */
    private int left(int actor) {
        return actor < left.length ? Math.max(1, left[actor]) : 1;
    }

    @Override
    public void end(long steps) {}

    @Override
    public String name() {
        return StrategyKind.URW.label();
    }
}
