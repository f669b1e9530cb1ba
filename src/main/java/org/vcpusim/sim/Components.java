package org.vcpusim.sim;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.vcpusim.scenario.Scenario;
import org.vcpusim.search.PlainMachine;
import org.vcpusim.trace.Source;

/**
 * The actors of a scenario by their index in a schedule, with names that another cut of the same scenario has too: a device is
 * known by its own name, all others by their kind and index.
 */
final class Components {
    private final List<String> names;

    private Components(List<String> names) {
        this.names = names;
    }

    static Components of(Scenario scenario) {
        PlainMachine machine = PlainSimulation.machine(ScenarioAssembly.of(scenario), PlainSimulation.NOWHERE);
        List<String> names = new ArrayList<>();
        for (int i = 0; i < machine.components(); i++) {
            names.add(name(machine.source(i), scenario));
        }
        return new Components(names);
    }

    private static String name(Source source, Scenario scenario) {
        return source.kind() == Source.Kind.DEVICE
                ? "device " + scenario.devices().get(source.index()).name()
                : source.label();
    }

    /** How many there are. */
    int size() {
        return names.size();
    }

    /** The name of component {@code index}. */
    String name(int index) {
        return names.get(index);
    }

    /** {@code picks} of these actors as picks of those of {@code other}; who is not there is passed over. */
    int[] renamed(int[] picks, Components other) {
        Map<String, Integer> indices = new HashMap<>();
        IntStream.range(0, other.size()).forEach(i -> indices.put(other.name(i), i));
        return IntStream.of(picks)
                .map(pick -> indices.getOrDefault(names.get(pick), -1))
                .filter(pick -> pick >= 0)
                .toArray();
    }
}
