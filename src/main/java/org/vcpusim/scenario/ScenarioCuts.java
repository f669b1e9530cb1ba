package org.vcpusim.scenario;

import com.typesafe.config.ConfigList;
import com.typesafe.config.ConfigObject;
import com.typesafe.config.ConfigValue;
import com.typesafe.config.ConfigValueFactory;
import com.typesafe.config.ConfigValueType;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The scenarios that are one cut smaller than another: a group, a device, a handler or an entry less, an instruction less, a
 * loop that goes round less often, a vCPU less. What is no scenario any more is left out, and what has lost something that its
 * key {@code keep} names.
 */
public final class ScenarioCuts {
    /** Keys whose members can go. */
    private static final List<String> MAPS = List.of("guests", "devices", "handlers", "ioapic");

    private ScenarioCuts() {}

    /** All cuts of {@code scenario}, the large ones first, each read when it is asked for. */
    public static Stream<Scenario> of(Scenario scenario) {
        int[] position = {0};
        return roots(scenario).flatMap(root -> read(scenario, root, position[0]++).stream());
    }

    /**
     * {@code scenario} cut at {@code positions}, one after the other: what {@link Scenario#cuts} has told of such a one.
     *
     * @throws InputException where one of them is no cut
     */
    public static Scenario at(Scenario scenario, List<Integer> positions) {
        Scenario cut = scenario;
        for (int position : positions) {
            Scenario larger = cut;
            cut = roots(larger)
                    .skip(position)
                    .findFirst()
                    .flatMap(root -> read(larger, root, position))
                    .orElseThrow(() -> new InputException("cut " + position + " of scenario '" + scenario.name()
                            + "': must be one of those that it has"));
        }
        return cut;
    }

    private static Stream<ConfigObject> roots(Scenario scenario) {
        ConfigObject root = scenario.text().root();
        int vcpus = scenario.machine().vcpuCount();
        Stream<ConfigObject> fewer = Stream.iterate(1, n -> n < vcpus, n -> 2 * n)
                .map(n -> Math.max(n, vcpus - n))
                .distinct()
                .map(n -> sized(root, n));
        Stream<ConfigObject> smaller = root.entrySet().stream()
                .filter(member -> !RulesReader.KEYS.contains(member.getKey()))
                .sorted(Map.Entry.comparingByKey())
                .flatMap(member -> members(root, member.getKey(), member.getValue()))
                .map(cut -> sized((ConfigObject) cut, vcpus));
        return Stream.concat(fewer, smaller)
                .filter(cut -> Kept.isIn(cut, scenario.text().located()));
    }

    private static ConfigObject sized(ConfigObject root, int vcpus) {
        ConfigValue count = ConfigValueFactory.fromAnyRef(vcpus).withOrigin(root.origin());
        return root.withValue("vcpus", count);
    }

    private static Optional<Scenario> read(Scenario from, ConfigObject root, int position) {
        List<Integer> positions = new ArrayList<>(from.cuts());
        positions.add(position);
        ScenarioText cut = from.text().with(root, new ScenarioText.Cut(from.whole(), positions));
        try {
            return Optional.of(ScenarioReader.of(cut).read().playedLike(from));
        } catch (InputException e) {
            return Optional.empty(); // it names what is gone
        }
    }

    /** All values that are one cut smaller than {@code value}. */
    private static Stream<ConfigValue> values(ConfigValue value) {
        if (value instanceof ConfigObject object) {
            return object.entrySet().stream()
                    .sorted(Map.Entry.comparingByKey())
                    .flatMap(member -> members(object, member.getKey(), member.getValue()));
        }
        if (value instanceof ConfigList list) {
            return elements(list);
        }
        return Stream.empty();
    }

    private static Stream<ConfigValue> members(ConfigObject object, String key, ConfigValue value) {
        Stream<ConfigValue> fewer = Stream.empty();
        if (MAPS.contains(key) && value instanceof ConfigObject map) {
            fewer = map.keySet().stream().sorted().map(map::withoutKey);
        } else if (key.equals("repeat") && value.valueType() == ConfigValueType.NUMBER) {
            long times = ((Number) value.unwrapped()).longValue();
            fewer = Stream.of(1L, times / 2, times - 1)
                    .filter(n -> n >= 1 && n < times)
                    .distinct()
                    .map(n -> ConfigValueFactory.fromAnyRef(n).withOrigin(value.origin()));
        }
        return Stream.concat(fewer, values(value)).map(smaller -> object.withValue(key, smaller));
    }

    private static Stream<ConfigValue> elements(ConfigList list) {
        Stream<ConfigValue> fewer = Stream.empty();
        for (int i = 0; i < list.size(); i++) {
            int at = i;
            List<ConfigValue> less = new ArrayList<>(list);
            less.remove(at);
            Stream<ConfigValue> shortened =
                    list.size() > 1 || isLoop(list) ? Stream.of(listOf(less, list)) : Stream.empty();
            Stream<ConfigValue> inside = values(list.get(at)).map(smaller -> {
                List<ConfigValue> with = new ArrayList<>(list);
                with.set(at, smaller);
                return listOf(with, list);
            });
            fewer = Stream.concat(fewer, Stream.concat(shortened, inside));
        }
        return fewer;
    }

    private static boolean isLoop(ConfigList list) {
        return list.get(0) instanceof ConfigObject;
    }

    private static ConfigValue listOf(List<ConfigValue> values, ConfigList like) {
        return ConfigValueFactory.fromIterable(values).withOrigin(like.origin());
    }
}
