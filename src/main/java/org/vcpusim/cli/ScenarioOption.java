package org.vcpusim.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import org.vcpusim.scenario.InputException;
import org.vcpusim.scenario.Scenario;
import org.vcpusim.scenario.ScenarioFile;

/** Finds the scenario a user names: a file, or one of the bundled ones by its name. */
final class ScenarioOption {
    private ScenarioOption() {}

    /** The folder of bundled scenarios. */
    static Path bundled() {
        return Path.of(System.getProperty("vcpusim.home", "."), "conf", "scenarios");
    }

    /** Reads {@code name}: a path, or the name of a bundled scenario with or without its ending. */
    static Scenario read(Path name) {
        return ScenarioFile.read(file(name));
    }

    /** The file that {@link #read} reads; it need not be there. */
    static Path file(Path name) {
        if (Files.exists(name) || name.getNameCount() != 1) {
            return name;
        }
        for (String candidate : new String[] {name.toString(), name + ".conf"}) {
            Path path = bundled().resolve(candidate);
            if (Files.isRegularFile(path)) {
                return path;
            }
        }
        throw new InputException(name + ": must be a scenario file, or one of those that 'vcpusim scenarios' lists");
    }
}
