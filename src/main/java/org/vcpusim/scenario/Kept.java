package org.vcpusim.scenario;

import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigObject;
import com.typesafe.config.ConfigUtil;
import com.typesafe.config.ConfigValue;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The parts of a scenario that stay as they are when it is cut, since it would no longer show what it is about: its key {@code
 * keep}, a list of keys.
 */
final class Kept {
    private Kept() {}

    /** Refuses a {@code keep} that names something which {@code scenario} has not. */
    static void check(Located scenario) {
        for (Located key : keys(scenario)) {
            if (at(scenario.value(), key) == null) {
                throw key.wrong("a key that this scenario has, such as guests or guests.NAME.do");
            }
        }
    }

    /** Whether {@code cut} still has what {@code scenario} keeps. */
    static boolean isIn(ConfigObject cut, Located scenario) {
        return keys(scenario).stream().allMatch(key -> {
            ConfigValue kept = at(scenario.value(), key);
            return kept != null && kept.equals(at(cut, key));
        });
    }

    private static List<Located> keys(Located scenario) {
        return scenario.get("keep")
                .map(found -> found.elements("a list of keys"))
                .orElse(List.of());
    }

    private static @Nullable ConfigValue at(ConfigValue root, Located key) {
        ConfigValue value = root;
        for (String name : names(key)) {
            value = value instanceof ConfigObject object ? object.get(name) : null;
            if (value == null) {
                return null;
            }
        }
        return value;
    }

    private static List<String> names(Located key) {
        String must = "a key, such as guests or guests.NAME.do";
        try {
            return ConfigUtil.splitPath(key.text(must));
        } catch (ConfigException.BadPath e) {
            throw key.wrong(must);
        }
    }
}
