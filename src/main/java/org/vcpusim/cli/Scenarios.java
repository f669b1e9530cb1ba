package org.vcpusim.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.vcpusim.scenario.InputException;
import org.vcpusim.scenario.Scenario;
import org.vcpusim.scenario.ScenarioFile;
import org.vcpusim.trace.FileFailures;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code vcpusim scenarios}: what is bundled, a line each. */
@Command(
        name = "scenarios",
        description = "Lists the bundled scenarios: name, vCPUs, and what each shows.",
        footer = {"", "Exit code: 0; 2 they cannot be read."})
final class Scenarios implements Callable<Integer> {

    @Option(names = "--all", description = "Those that are bundled for a fix or a hazard too.")
    private boolean all;

    @Option(names = "--json", description = "Print one JSON document instead of lines.")
    private boolean json;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before call
    private CommandSpec spec;

    @Override
    public Integer call() {
        PrintWriter out = spec.commandLine().getOut();
        List<Scenario> scenarios = files().map(ScenarioFile::read).toList();
        if (json) {
            out.println(document(scenarios));
        } else {
            int width =
                    scenarios.stream().mapToInt(s -> s.name().length()).max().orElse(0);
            scenarios.forEach(s -> out.printf(
                    "%-" + width + "s %,5d vCPUs  %s%n", s.name(), s.machine().vcpuCount(), s.title()));
        }
        out.flush();
        return ExitCode.OK;
    }

    private Stream<Path> files() {
        Stream<Path> shown = in(ScenarioOption.bundled()).stream();
        return all ? Stream.concat(shown, in(ScenarioOption.bugs()).stream()) : shown;
    }

    private static List<Path> in(Path folder) {
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(file -> file.toString().endsWith(".conf"))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new InputException(folder + ": cannot be read: " + FileFailures.reason(e));
        }
    }

    private static String document(List<Scenario> scenarios) {
        ObjectNode root = new ObjectMapper().createObjectNode();
        root.put("schema", "vcpusim.scenarios/1");
        for (Scenario s : scenarios) {
            root.withArray("/scenarios")
                    .addObject()
                    .put("name", s.name())
                    .put("vcpus", s.machine().vcpuCount())
                    .put("title", s.title());
        }
        return root.toPrettyString();
    }
}
