package org.vcpusim.schedule;

/** Every ready actor with the same probability, from a seed. */
public final class RandomChooser implements Chooser {
    private final SeededRandom random;

    /** The choices of {@code seed}. */
    public RandomChooser(long seed) {
        random = new SeededRandom(seed);
    }

    @Override
    public int choose(Ready ready) {
        return ready.size() == 1 ? 0 : random.nextInt(ready.size());
    }
}
