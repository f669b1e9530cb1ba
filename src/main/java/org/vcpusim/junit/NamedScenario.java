package org.vcpusim.junit;

import java.io.IOException;
import java.io.InputStream;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Stream;
import org.vcpusim.scenario.InputException;
import org.vcpusim.scenario.Scenario;
import org.vcpusim.scenario.ScenarioFile;

/**
 * The scenario that a test names.
 *
 * @param file what {@code vcpusim replay} has to be told; empty where it finds the scenario by its name, or where there is no file
 */
record NamedScenario(Scenario scenario, Optional<Path> file) {
    /** Where the program's own scenarios are in its jar. */
    private static final String BUNDLED = "/org/vcpusim/scenarios/";

    /**
     * The scenario called {@code name}: a file, a resource on the class path of {@code test}, or a bundled one, in this order.
     *
     * @throws InputException where there is none, or it is no scenario
     */
    static NamedScenario of(String name, Class<?> test) {
        Path file = Path.of(name);
        if (Files.isRegularFile(file)) {
            return ofFile(file);
        }
        Optional<URL> resource = Optional.ofNullable(test.getResource(name.startsWith("/") ? name : "/" + name));
        if (resource.isPresent()) {
            return ofResource(resource.get());
        }
        return Stream.of(name, name + ".conf", "bugs/" + name, "bugs/" + name + ".conf")
                .filter(each -> each.endsWith(".conf"))
                .flatMap(each -> Stream.ofNullable(NamedScenario.class.getResource(BUNDLED + each)))
                .findFirst()
                .map(found -> new NamedScenario(parsed(found), Optional.empty()))
                .orElseThrow(
                        () -> new InputException(
                                name
                                        + ": must be a scenario file that exists, a resource on the class path, or the name of a bundled scenario"));
    }

    private static NamedScenario ofFile(Path file) {
        return new NamedScenario(ScenarioFile.read(file), Optional.of(file.toAbsolutePath()));
    }

    private static NamedScenario ofResource(URL resource) {
        if (!"file".equals(resource.getProtocol())) {
            return new NamedScenario(parsed(resource), Optional.empty());
        }
        try {
            return ofFile(Path.of(resource.toURI()));
        } catch (URISyntaxException e) {
            throw new InputException(resource + ": cannot be read: " + e.getMessage());
        }
    }

    private static Scenario parsed(URL resource) {
        try (InputStream in = resource.openStream()) {
            return ScenarioFile.parse(new String(in.readAllBytes(), StandardCharsets.UTF_8), resource.getPath());
        } catch (IOException e) {
            throw new InputException(resource + ": cannot be read: " + e.getMessage());
        }
    }
}
