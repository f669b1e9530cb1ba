package org.vcpusim.cli;

import java.util.Arrays;
import java.util.Iterator;
import org.vcpusim.schedule.StrategyKind;

/** The names of strategies, for help and completion. */
final class StrategyNames implements Iterable<String> {
    @Override
    public Iterator<String> iterator() {
        return Arrays.stream(StrategyKind.values()).map(StrategyKind::label).iterator();
    }
}
