package org.vcpusim.schedule;

/** Makes strategies by their names. */
public final class Strategies {
    private Strategies() {}

    /**
     * A strategy that chooses among {@code actorCount} actors.
     *
     * @throws IllegalArgumentException if no strategy is called {@code label}
     */
    public static Strategy of(String label, int actorCount) {
        return of(StrategyKind.of(label), actorCount);
    }

    /** A strategy that chooses among {@code actorCount} actors; it knows what to do should there be more. */
    public static Strategy of(StrategyKind kind, int actorCount) {
        if (actorCount < 1) {
            throw new IllegalArgumentException("actorCount = " + actorCount + ": must be at least 1");
        }
        return switch (kind) {
            case RANDOM -> new RandomChooser(0);
            case ROUND_ROBIN -> RoundRobinChooser.ROUND_ROBIN;
        };
    }
}
