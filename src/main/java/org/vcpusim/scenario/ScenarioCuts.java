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
 * loop that goes round less often, a vCPU less. What is no scenario any more is left out.
 */
public final class ScenarioCuts {
    /** Keys whose members can go. */
    private static final List<String> MAPS = List.of("guests", "devices", "handlers", "ioapic");

    private ScenarioCuts() {}

    /** All cuts of {@code scenario}, the large ones first, each read when it is asked for. */
    public static Stream<Scenario> of(Scenario scenario) {
        ConfigObject root = scenario.text().root();
        int vcpus = scenario.machine().vcpuCount();
        Stream<Scenario> fewer = Stream.iterate(1, n -> n < vcpus, n -> 2 * n)
                .map(n -> Math.max(n, vcpus - n))
                .distinct()
                .flatMap(n -> read(scenario, root, n).stream());
        Stream<Scenario> smaller = values(root).flatMap(cut -> read(scenario, (ConfigObject) cut, vcpus).stream());
        return Stream.concat(fewer, smaller);
    }

    private static Optional<Scenario> read(Scenario from, ConfigObject root, int vcpus) {
        ScenarioText text = from.text();
        ConfigValue count = ConfigValueFactory.fromAnyRef(vcpus).withOrigin(root.origin());
        ScenarioText cut = new ScenarioText(text.file(), text.name(), text.title(), root.withValue("vcpus", count));
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
