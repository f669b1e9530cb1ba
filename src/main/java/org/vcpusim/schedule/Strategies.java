package org.vcpusim.schedule;

import java.util.List;

/** Makes strategies by their names. */
public final class Strategies {
    /** What to take unless the user asks for something else. */
    public static final StrategyKind DEFAULT = StrategyKind.PORTFOLIO;

    private static final int TRIALS = 4;

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
        Profile profile = new Profile(actorCount);
        Strategy strategy = of(kind, actorCount, profile);
        return needsTrials(kind) ? new TrialsFirst(strategy, profile, TRIALS) : strategy;
    }

    private static Strategy of(StrategyKind kind, int actorCount, Profile profile) {
        return switch (kind) {
            case RANDOM -> new RandomChooser(0);
            case PCT -> new PctChooser(profile, actorCount);
            case POS -> new PosChooser(actorCount);
            case URW -> new UrwChooser(profile);
            case SURW -> new SurwChooser(profile);
            case DELAY -> new DelayChooser(profile, actorCount);
            case ROUND_ROBIN -> RoundRobinChooser.ROUND_ROBIN;
            case PORTFOLIO ->
                new Portfolio(Portfolio.MEMBERS.stream()
                        .map(member -> of(member, actorCount, profile))
                        .toList());
        };
    }

    /** The strategies that {@code kind} is made of: itself, or all that a portfolio shares its budget among. */
    public static List<StrategyKind> membersOf(StrategyKind kind) {
        return kind == StrategyKind.PORTFOLIO ? Portfolio.ALL : List.of(kind);
    }

    private static boolean needsTrials(StrategyKind kind) {
        return switch (kind) {
            case PCT, URW, SURW, DELAY, PORTFOLIO -> true;
            case RANDOM, POS, ROUND_ROBIN -> false;
        };
    }
}
