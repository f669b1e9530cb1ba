package org.vcpusim.schedule;

/** Walks randomly through the trials of a strategy, and lets it choose afterwards. */
final class TrialsFirst implements Strategy {
    private final Strategy strategy;
    private final Profile profile;
    private final int trials;
    private final RandomChooser walk = new RandomChooser(0);
    private long rootSeed;
    private boolean inTrial;

    /** {@code strategy} reads {@code profile}, which {@code trials} random walks fill. */
    TrialsFirst(Strategy strategy, Profile profile, int trials) {
        this.strategy = strategy;
        this.profile = profile;
        this.trials = trials;
    }

    @Override
    public int trials() {
        return trials;
    }

    @Override
    public void begin(long root, long index) {
        if (root != rootSeed) {
            profile.forget();
            rootSeed = root;
        }
        inTrial = index < 0;
        if (inTrial) {
            profile.beginTrial();
            walk.begin(root, index);
        } else {
            strategy.begin(root, index);
        }
    }

    @Override
    public int choose(Ready ready) {
        if (!inTrial) {
            return strategy.choose(ready);
        }
        int position = walk.choose(ready);
        profile.picked(ready.actor(position), ready.size());
        return position;
    }

    @Override
    public boolean wantsSends() {
        return inTrial || strategy.wantsSends();
    }

    @Override
    public void sent(int from, int to) {
        if (inTrial) {
            profile.sent(from, to);
        } else {
            strategy.sent(from, to);
        }
    }

    @Override
    public void end(long steps) {
        if (inTrial) {
            profile.endTrial();
        } else {
            strategy.end(steps);
        }
    }

    @Override
    public String name() {
        return strategy.name();
    }

    @Override
    public String nameAt(long index) {
        return index < 0 ? walk.name() : strategy.nameAt(index);
    }
}
