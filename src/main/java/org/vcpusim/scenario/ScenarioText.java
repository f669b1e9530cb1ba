package org.vcpusim.scenario;

import com.typesafe.config.ConfigObject;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A scenario file whose HOCON is in order, and nothing else is known of it.
 *
 * @param file as errors name it
 * @param name of the scenario: the file's, without directory and ending
 * @param title its first comment line
 * @param cut what it was cut from; null where it is as the file has it
 */
record ScenarioText(
        String file,
        String name,
        String title,
        ConfigObject root,
        @Nullable Cut cut) {
    /**
     * How a scenario was cut.
     *
     * @param whole the one that was cut
     * @param positions of the cuts, one after the other, among all that there were at that time
     */
    record Cut(Scenario whole, List<Integer> positions) {
        Cut {
            positions = List.copyOf(positions);
        }
    }

    /** The whole file as a value. */
    Located located() {
        return new Located(file, "", root);
    }

    /** This one with another text, cut or not. */
    ScenarioText with(ConfigObject other, @Nullable Cut how) {
        return new ScenarioText(file, name, title, other, how);
    }
}
