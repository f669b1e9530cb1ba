package org.vcpusim.scenario;

import com.typesafe.config.ConfigObject;

/**
 * A scenario file whose HOCON is in order, and nothing else is known of it.
 *
 * @param file as errors name it
 * @param name of the scenario: the file's, without directory and ending
 * @param title its first comment line
 */
record ScenarioText(String file, String name, String title, ConfigObject root) {
    /** The whole file as a value. */
    Located located() {
        return new Located(file, "", root);
    }
}
