package org.vcpusim.cli;

import java.util.Arrays;
import java.util.Iterator;
import java.util.Optional;
import org.vcpusim.scenario.InputException;
import org.vcpusim.schedule.Strategies;
import org.vcpusim.schedule.StrategyKind;

/** The names of strategies, for help and completion, and what {@code --strategy} means. */
final class StrategyNames implements Iterable<String> {
    @Override
    public Iterator<String> iterator() {
        return Arrays.stream(StrategyKind.values()).map(StrategyKind::label).iterator();
    }

    /**
     * The one called {@code name}, the default without a name.
     *
     * @throws InputException if there is none
     */
    static StrategyKind kind(Optional<String> name) {
        try {
            return name.map(StrategyKind::of).orElse(Strategies.DEFAULT);
        } catch (IllegalArgumentException e) {
            throw new InputException("--" + e.getMessage());
        }
    }
}
