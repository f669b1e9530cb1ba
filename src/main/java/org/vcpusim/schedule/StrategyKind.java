package org.vcpusim.schedule;

import java.util.Arrays;
import java.util.stream.Collectors;

/** The strategies that a user can ask for. */
public enum StrategyKind {
    /** {@link RandomChooser}. */
    RANDOM("random"),
    /** {@link PctChooser}, fair. */
    PCT("pct"),
    /** {@link PosChooser}. */
    POS("pos"),
    /** {@link UrwChooser}. */
    URW("urw"),
    /** {@link SurwChooser}. */
    SURW("surw"),
    /** {@link DelayChooser}. */
    DELAY("delay"),
    /** {@link RoundRobinChooser}. */
    ROUND_ROBIN("round-robin"),
    /** {@link Portfolio} of all others, the default. */
    PORTFOLIO("portfolio");

    private final String label;

    StrategyKind(String label) {
        this.label = label;
    }

    /** The name that users write. */
    public String label() {
        return label;
    }

    /** The kind that users call {@code label}; throws IllegalArgumentException if there is none. */
    public static StrategyKind of(String label) {
        for (StrategyKind kind : values()) {
            if (kind.label.equals(label)) {
                return kind;
            }
        }
        String all = Arrays.stream(values()).map(StrategyKind::label).collect(Collectors.joining(", "));
        throw new IllegalArgumentException("strategy = " + label + ": must be one of " + all);
    }

    @Override
    public String toString() {
        return label;
    }
}
