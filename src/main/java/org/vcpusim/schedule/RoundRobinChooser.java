package org.vcpusim.schedule;

/** The actor that has been ready longest: all take turns. Every schedule of it is the same. */
public final class RoundRobinChooser implements Strategy {
    /** It has no state, so one does for all. */
    public static final RoundRobinChooser ROUND_ROBIN = new RoundRobinChooser();

    private RoundRobinChooser() {}

    @Override
    public void begin(long rootSeed, long index) {}

    @Override
    public int choose(Ready ready) {
        return 0;
    }

    @Override
    public void end(long steps) {}

    @Override
    public String name() {
        return StrategyKind.ROUND_ROBIN.label();
    }
}
