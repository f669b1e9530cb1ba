package org.vcpusim.schedule;

/** The random walk: every ready actor with the same probability. */
public final class RandomChooser implements Strategy {
    private final SeededRandom random;

    /** The choices of {@code seed}, until a schedule is begun. */
    public RandomChooser(long seed) {
        random = new SeededRandom(seed);
    }

    @Override
    public void begin(long rootSeed, long index) {
        random.restart(RandomStream.seed(rootSeed, index));
    }

    @Override
    public int choose(Ready ready) {
        return ready.size() == 1 ? 0 : random.nextInt(ready.size());
    }

    @Override
    public void end(long steps) {}

    @Override
    public String name() {
        return StrategyKind.RANDOM.label();
    }
}
