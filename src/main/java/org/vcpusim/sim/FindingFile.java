package org.vcpusim.sim;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.vcpusim.kvm.Fault;
import org.vcpusim.kvm.Hazard;
import org.vcpusim.kvm.Rules;
import org.vcpusim.scenario.InputException;
import org.vcpusim.scenario.Scenario;
import org.vcpusim.scenario.ScenarioFile;
import org.vcpusim.sim.StressReport.Group;
import org.vcpusim.trace.FileFailures;
import org.vcpusim.trace.Source;

/** Files with one finding each, and all that it takes to run its schedule again. */
public final class FindingFile {
    private FindingFile() {}

    /**
     * What a run of {@code stress} has found.
     *
     * @param shortened those of its groups that were
     * @param scenario the text of the scenario's file
     * @param program the version that this program is
     */
    public record Found(StressReport report, List<ShortFinding> shortened, String scenario, String program) {}

    /**
     * Writes a file for every finding and hazard of {@code found} into {@code folder}, which is made if it is not there, and
     * next to it the scenario where that was cut; files of these names are replaced.
     *
     * @return the files, in the order of the report's groups
     * @throws UncheckedIOException where one cannot be written
     */
    public static List<Path> writeAll(Path folder, Found found) {
        List<Path> files = new ArrayList<>();
        try {
            for (Group group : found.report.groups()) {
                Files.createDirectories(folder);
                Path file = of(folder, found.report, group);
                Optional<ShortFinding> shortened = found.shortened.stream()
                        .filter(each -> each.group().equals(group))
                        .findFirst();
                Files.writeString(file, document(found, group, shortened) + System.lineSeparator());
                files.add(file);
                Optional<ShortFinding> cut =
                        shortened.filter(each -> each.story().cut());
                if (cut.isPresent()) {
                    Path conf = Path.of(file.toString().replaceFirst("\\.json$", ".conf"));
                    Files.writeString(conf, cutScenario(cut.get()));
                    files.add(conf);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return files;
    }

    /**
     * Writes a file of the schedule that failed into {@code folder}, which is made if it is not there; {@code replay} runs into the
     * same failure.
     *
     * @param scenario the text of the scenario's file
     * @param program the version that this program is
     * @return the file
     * @throws UncheckedIOException where it cannot be written
     */
    public static Path write(Path folder, ScheduleFailedException failure, String scenario, String program) {
        StressPlan plan = failure.plan();
        Reproduction run = new Reproduction(plan.scenario(), failure.picks(), false);
        ObjectNode root = new ObjectMapper().createObjectNode();
        root.put("schema", "vcpusim.failure/1")
                .put("failure", failure.getMessage())
                .put("scenario", plan.scenario().name())
                .put("strategy", plan.strategy().label())
                .put("seed", plan.rootSeed())
                .put("schedule", failure.schedule())
                .put("steps", failure.picks().size())
                .put("token", ReplayToken.ofFailing(run, program).toString())
                .put("scenarioText", scenario);
        try {
            Files.createDirectories(folder);
            Path file = folder.resolve(String.format(
                    Locale.ROOT, "%s-failed-%d.json", plan.scenario().name(), failure.schedule()));
            return Files.writeString(file, root.toPrettyString() + System.lineSeparator());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The file in {@code folder} of {@code group} of {@code report}. Two groups of one rule can begin with the same schedule. */
    public static Path of(Path folder, StressReport report, Group group) {
        String name = name(report, group);
        long before = report.groups().stream()
                .takeWhile(each -> !each.equals(group))
                .filter(each -> name(report, each).equals(name))
                .count();
        return folder.resolve(before == 0 ? name + ".json" : name + "-" + (before + 1) + ".json");
    }

    private static String name(StressReport report, Group group) {
        return String.format(
                Locale.ROOT,
                "%s-%s-%d",
                report.plan().scenario().name(),
                group.hazard().map(Enum::name).orElse(group.invariant()),
                group.firstSchedule());
    }

    private static String cutScenario(ShortFinding finding) {
        String text = finding.scenario().standalone();
        int end = text.indexOf('\n') + 1;
        return text.substring(0, end) + "# Cut to what breaking "
                + finding.group().invariant()
                + " needs, with the rules it was played by. The schedule:\n# vcpusim replay "
                + finding.story().token() + "\n" + text.substring(end);
    }

    private static String document(Found found, Group group, Optional<ShortFinding> shortened) {
        StressPlan plan = found.report.plan();
        Reproduction run = new Reproduction(plan.scenario(), group.picks(), true);
        ObjectNode root = new ObjectMapper().createObjectNode();
        root.put("schema", "vcpusim.finding/1")
                .put("invariant", group.invariant())
                .put("rule", group.title())
                .put("sentence", group.first().sentence())
                .put("detail", group.first().detail());
        group.hazard().ifPresent(hazard -> root.put("hazard", hazard.name()));
        group.first().since().ifPresent(since -> root.put("since", since.order()));
        root.put("record", group.first().at().order())
                .put("actor", group.first().at().source().kind().name());
        Rules rules = plan.scenario().machine().rules();
        root.put("scenario", plan.scenario().name())
                .put("vcpus", plan.scenario().machine().vcpuCount());
        ArrayNode faults = root.putArray("faults");
        rules.faults().stream().map(Fault::key).forEach(faults::add);
        ArrayNode cures = root.putArray("cures");
        Arrays.stream(Hazard.values()).filter(rules::cures).map(Enum::name).forEach(cures::add);
        root.put("strategy", plan.strategy().label())
                .put("seed", plan.rootSeed())
                .put("schedule", group.firstSchedule())
                .put("steps", group.picks().size())
                .put(
                        "token",
                        ReplayToken.of(run, found.program)
                                .showing(group.first())
                                .toString())
                .put("scenarioText", found.scenario);
        shortened.ifPresent(each -> root.put("shortened", each.token().toString()));
        return root.toPrettyString();
    }

    /**
     * The run of the finding in {@code file}.
     *
     * @param running the version that this program is
     * @throws InputException where it cannot be read, is no finding, or is of another version
     */
    public static Recorded read(Path file, String running) {
        JsonNode root = document(file);
        String written = text(file, root, "token");
        String scenarioText = text(file, root, "scenarioText");
        try {
            ReplayToken token = ReplayToken.parse(written);
            Scenario scenario = ScenarioFile.parse(scenarioText, token.scenario() + ".conf");
            String invariant = root.path("invariant").asText("");
            Recorded recorded = Recorded.of(token, scenario, running);
            return invariant.isEmpty()
                    ? recorded
                    : recorded.showing(new Attempt.Symptom(
                            invariant, Hazard.of(root.path("hazard").asText("")), actor(root)));
        } catch (InputException e) {
            throw new InputException(file + ": " + e.getMessage());
        }
    }

    /** The kind of actor that shows it; empty where the file is of before that was written down. */
    private static Optional<Source.Kind> actor(JsonNode root) {
        String name = root.path("actor").asText("");
        return Arrays.stream(Source.Kind.values())
                .filter(kind -> kind.name().equals(name))
                .findFirst();
    }

    /**
     * The whole scenario of the finding in {@code file}.
     *
     * @throws InputException where it cannot be read, or is no finding
     */
    public static Scenario scenario(Path file) {
        JsonNode root = document(file);
        return ScenarioFile.parse(
                text(file, root, "scenarioText"), root.path("scenario").asText("scenario") + ".conf");
    }

    private static String text(Path file, JsonNode root, String key) {
        if (!root.path(key).isTextual()) {
            throw new InputException(file + ": must be a file of a finding, with '" + key + "'");
        }
        return root.path(key).asText();
    }

    private static JsonNode document(Path file) {
        try {
            return new ObjectMapper().readTree(Files.readString(file));
        } catch (JsonProcessingException e) {
            throw new InputException(file + ":" + line(e) + ": must be JSON: " + e.getOriginalMessage());
        } catch (CharacterCodingException e) {
            throw new InputException(file + ": must be the JSON of a finding; it is no text");
        } catch (NoSuchFileException e) {
            throw new InputException(file + ": must be a token, or a file of a finding; there is no such file");
        } catch (IOException e) {
            throw new InputException(file + ": must be a file that can be read: " + FileFailures.reason(e));
        }
    }

    private static int line(JsonProcessingException e) {
        return e.getLocation() == null ? 1 : e.getLocation().getLineNr();
    }
}
