package org.vcpusim.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;
import org.vcpusim.scenario.InputException;
import org.vcpusim.scenario.Scenario;
import org.vcpusim.scenario.ScenarioFile;
import org.vcpusim.trace.FileFailures;

/** Finds the scenario a user names: a file, or one of the bundled ones by its name. */
final class ScenarioOption {
    private ScenarioOption() {}

    /** The folder of bundled scenarios. */
    static Path bundled() {
        return Path.of(System.getProperty("vcpusim.home", "."), "conf", "scenarios");
    }

    /** The folder of scenarios that are bundled for a fix or a hazard. */
    static Path bugs() {
        return bundled().resolve("bugs");
    }

    /** The scenarios that are bundled for the fix or hazard {@code id}, in the order of their names. */
    static List<Scenario> of(String id) {
        String prefix = id.toLowerCase(Locale.ROOT) + "-";
        try (Stream<Path> files = Files.list(bugs())) {
            return files.filter(file -> String.valueOf(file.getFileName()).startsWith(prefix))
                    .filter(file -> file.toString().endsWith(".conf"))
                    .sorted()
                    .map(ScenarioFile::read)
                    .toList();
        } catch (IOException e) {
            throw new InputException(bugs() + ": cannot be read: " + FileFailures.reason(e));
        }
    }

    /** {@code name}, or nothing where it is a bundled scenario, so that its name alone finds it. */
    static Optional<Path> unlessBundled(Path name) {
        Path folder = file(name).toAbsolutePath().normalize().getParent();
        boolean found = Stream.of(bundled(), bugs())
                .anyMatch(each -> each.toAbsolutePath().normalize().equals(folder));
        return found ? Optional.empty() : Optional.of(name);
    }

    /** Reads {@code name}: a path, or the name of a bundled scenario with or without its ending. */
    static Scenario read(Path name) {
        return ScenarioFile.read(file(name));
    }

    /** The file that {@link #read} reads; it need not be there. */
    static Path file(Path name) {
        if (Files.isRegularFile(name) || name.getNameCount() != 1) {
            return name;
        }
        Optional<Path> bundled = bundled(name.toString());
        if (bundled.isEmpty() && Files.notExists(name)) {
            throw new InputException(
                    name + ": must be a scenario file, or one of those that 'vcpusim scenarios' lists");
        }
        return bundled.orElse(name);
    }

    /** The file of the bundled scenario {@code name}, with or without its ending; empty where there is none. */
    static Optional<Path> bundled(String name) {
        return Stream.of(bundled(), bugs())
                .flatMap(folder -> Stream.of(folder.resolve(name), folder.resolve(name + ".conf")))
                .filter(Files::isRegularFile)
                .findFirst();
    }
}
