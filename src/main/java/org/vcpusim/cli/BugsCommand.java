package org.vcpusim.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.PrintWriter;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.vcpusim.kvm.Fault;
import org.vcpusim.kvm.Fix;
import org.vcpusim.kvm.Hazard;
import org.vcpusim.kvm.KernelVersion;
import org.vcpusim.scenario.InputException;
import org.vcpusim.scenario.Scenario;
import org.vcpusim.schedule.Strategies;
import org.vcpusim.sim.Hunt;
import org.vcpusim.sim.StoryText;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code vcpusim bugs}: the catalogue of fixes and hazards. */
@Command(
        name = "bugs",
        description =
                "Lists the fixes of Linux that can be left out, and the hazards it has; or shows one with its story.",
        footer = {"", "Exit code: 0, or 2 where there is no such fix or hazard."})
final class BugsCommand implements Callable<Integer> {
    private static final long MOST_NANOS = 30_000_000_000L;

    @Parameters(paramLabel = "BUG", arity = "0..1", description = "A fix, B01 to B49, or a hazard, O1 to O8.")
    private Optional<String> bug = Optional.empty();

    @Option(names = "--json", description = "Print one JSON document.")
    private boolean json;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before call
    private CommandSpec spec;

    @Override
    public Integer call() {
        PrintWriter out = spec.commandLine().getOut();
        if (bug.isEmpty()) {
            out.print(json ? catalogue().toPrettyString() + System.lineSeparator() : list());
            out.flush();
            return ExitCode.OK;
        }
        String name = bug.get();
        Optional<Fix> fix = Fix.of(name);
        Optional<Hazard> hazard = Arrays.stream(Hazard.values())
                .filter(each -> each.name().equalsIgnoreCase(name))
                .findFirst();
        if (fix.isEmpty() && hazard.isEmpty()) {
            throw new InputException("BUG = " + name + ": must be a fix, B01 to B49 or B27b, or a hazard, O1 to O8");
        }
        hazard.ifPresent(each -> out.print(json ? node(each).toPrettyString() + "\n" : text(each)));
        if (fix.isPresent()) {
            show(fix.get(), out);
        }
        out.flush();
        return ExitCode.OK;
    }

    private static String list() {
        StringBuilder text = new StringBuilder("FIX   YEAR  LINUX   COMMIT        RULES        WHAT IT DOES\n");
        for (Fix fix : Fix.values()) {
            text.append(String.format(
                    "%-5s %-5s %-7s %-13s %-12s %s%n",
                    fix.id(),
                    fix.year().map(String::valueOf).orElse("-"),
                    fix.release().map(KernelVersion::toString).orElse("-"),
                    fix.commit().orElse("-"),
                    fix.isVisible() ? String.join(" ", fix.invariants()) : "-",
                    fix.title()));
        }
        text.append("\nHAZARD  CURE                       WHAT CAN HAPPEN\n");
        for (Hazard hazard : Hazard.values()) {
            text.append(String.format(
                    "%-7s %-26s %s%n", hazard, hazard.isCurable() ? hazard.toggle() : "-", hazard.title()));
        }
        return text.toString();
    }

    private void show(Fix fix, PrintWriter out) {
        List<Scenario> scenarios = ScenarioOption.of(fix.id());
        Optional<Hunt.Catch> caught = Optional.empty();
        if (fix.isVisible() && !scenarios.isEmpty()) {
            Interruption interruption = Interruption.onSignal();
            try (Hunt hunt = new Hunt(Strategies.DEFAULT, 1)) {
                caught = Optional.of(hunt.hunt(fix, scenarios, MOST_NANOS, interruption::requested));
            } finally {
                interruption.done();
            }
        }
        if (json) {
            ObjectNode node = node(fix);
            caught.flatMap(Hunt.Catch::found)
                    .ifPresent(found -> node.set("story", StoryText.json(HuntReport.story(found))));
            out.println(node.toPrettyString());
            return;
        }
        out.print(text(fix, scenarios));
        caught.flatMap(Hunt.Catch::found)
                .ifPresent(found ->
                        out.print("\n" + StoryText.of(HuntReport.story(found), Terminal.width(), Terminal.colour())));
    }

    private static String text(Fix fix, List<Scenario> scenarios) {
        StringBuilder text = new StringBuilder(fix.id() + ": " + fix.title() + "\n");
        text.append("commit    ").append(fix.commit().orElse("not known")).append('\n');
        text.append("year      ")
                .append(fix.year().map(String::valueOf).orElse("a rule of the design"))
                .append('\n');
        text.append("since     ")
                .append(fix.release().map(release -> "Linux " + release).orElse("ever"))
                .append('\n');
        for (Fault fault : fix.faults()) {
            text.append("without   ").append(fault.key());
            text.append(fault.toggle().isEmpty() ? "" : " (" + fault.toggle() + ")");
            text.append(fault.introduced()
                            .map(release -> ", since Linux " + release)
                            .orElse(""))
                    .append('\n');
        }
        text.append("caught by ")
                .append(fix.isVisible() ? String.join(", ", fix.invariants()) : "nothing, see docs/model.md")
                .append('\n');
        scenarios.forEach(scenario -> text.append("scenario  ")
                .append(scenario.name())
                .append(": ")
                .append(scenario.title())
                .append('\n'));
        return text.toString();
    }

    private static String text(Hazard hazard) {
        StringBuilder text = new StringBuilder(hazard + ": " + hazard.title() + "\n");
        text.append("cure      ")
                .append(hazard.isCurable() ? "--with " + hazard + " (" + hazard.toggle() + ")" : "none");
        text.append('\n');
        ScenarioOption.of(hazard.name())
                .forEach(scenario -> text.append("scenario  ")
                        .append(scenario.name())
                        .append(": ")
                        .append(scenario.title())
                        .append('\n'));
        return text.toString();
    }

    private static ObjectNode catalogue() {
        ObjectNode root = new ObjectMapper().createObjectNode().put("schema", "vcpusim.bugs/1");
        ArrayNode fixes = root.putArray("fixes");
        Arrays.stream(Fix.values()).map(BugsCommand::node).forEach(fixes::add);
        ArrayNode hazards = root.putArray("hazards");
        Arrays.stream(Hazard.values()).map(BugsCommand::node).forEach(hazards::add);
        return root;
    }

    private static ObjectNode node(Fix fix) {
        ObjectNode node =
                new ObjectMapper().createObjectNode().put("id", fix.id()).put("title", fix.title());
        fix.commit().ifPresent(commit -> node.put("commit", commit));
        fix.year().ifPresent(year -> node.put("year", year));
        fix.release().ifPresent(release -> node.put("release", release.toString()));
        ArrayNode faults = node.putArray("faults");
        fix.faults().stream().map(Fault::key).forEach(faults::add);
        ArrayNode invariants = node.putArray("invariants");
        fix.invariants().forEach(invariants::add);
        return node;
    }

    private static ObjectNode node(Hazard hazard) {
        return new ObjectMapper()
                .createObjectNode()
                .put("id", hazard.name())
                .put("title", hazard.title())
                .put("curable", hazard.isCurable());
    }
}
