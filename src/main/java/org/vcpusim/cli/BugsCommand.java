package org.vcpusim.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
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
import org.vcpusim.sim.SelfCheckFailedException;
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
        footer = {
            "",
            "Exit code: 0, 2 there is no such fix or hazard, 4 no schedule showed it in time, 70 a planted bug was not "
                    + "found either, 130 it was interrupted; what there is till then is printed."
        })
final class BugsCommand implements Callable<Integer> {
    @Parameters(paramLabel = "BUG", arity = "0..1", description = "A fix, B01 to B49, or a hazard, O1 to O8.")
    private Optional<String> bug = Optional.empty();

    @Option(
            names = "--time",
            paramLabel = "TIME",
            defaultValue = "30s",
            description =
                    "Most time to find a story and shorten it, of each fault of a fix (default: ${DEFAULT-VALUE}).")
    private String time = "30s";

    @Option(names = "--json", description = "Print one JSON document.")
    private boolean json;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before call
    private CommandSpec spec;

    @Override
    public Integer call() {
        if (bug.isEmpty()) {
            PrintWriter out = spec.commandLine().getOut();
            out.print(json ? catalogue().toPrettyString() + System.lineSeparator() : list());
            out.flush();
            return ExitCode.OK;
        }
        String name = bug.get();
        Optional<Fix> fix = Fix.of(name);
        Optional<Hazard> hazard = Hazard.of(name);
        if (fix.isEmpty() && hazard.isEmpty()) {
            throw new InputException("BUG = " + name + ": must be a fix, B01 to B49 or B27b, or a hazard, O1 to O8");
        }
        List<Scenario> scenarios = ScenarioOption.of(name);
        return fix.isPresent()
                ? show(
                        new Entry(
                                node(fix.get()),
                                text(fix.get(), scenarios),
                                fix.get().isVisible()),
                        Hunt.Prey.of(fix.get(), scenarios))
                : show(
                        new Entry(
                                node(hazard.get()),
                                text(hazard.get(), scenarios),
                                hazard.get().isVisible()),
                        List.of(Hunt.Prey.of(hazard.get(), scenarios)));
    }

    /** What the catalogue has of a fix or a hazard. */
    private record Entry(ObjectNode node, String text, boolean visible) {}

    private int show(Entry entry, List<Hunt.Prey> preys) {
        PrintWriter out = spec.commandLine().getOut();
        if (!entry.visible) {
            out.print(json ? document(entry.node) : entry.text);
            out.flush();
            return ExitCode.OK;
        }
        long nanos = Durations.nanos("--time", time);
        Interruption interruption = Interruption.onSignal(); // before anybody sees that it has begun
        out.print(json ? "" : entry.text);
        out.flush();
        try (Hunt hunt = new Hunt(Strategies.DEFAULT, 1)) {
            List<Hunt.Catch> catches = new ArrayList<>();
            for (Hunt.Prey prey : preys) {
                Hunt.Catch caught = hunt.hunt(prey, nanos, interruption::requested);
                catches.add(caught);
                out.print(json ? "" : story(caught));
                out.flush();
            }
            out.print(json ? document(node(entry, catches)) : "");
            out.flush();
            if (interruption.requested()) {
                return ExitCode.INTERRUPTED;
            }
            return catches.stream().allMatch(each -> each.found().isPresent()) ? ExitCode.OK : ExitCode.INCONCLUSIVE;
        } catch (SelfCheckFailedException e) {
            spec.commandLine().getErr().println("vcpusim bugs: " + e.getMessage());
            return ExitCode.INTERNAL;
        } finally {
            interruption.done();
        }
    }

    private static String document(ObjectNode members) {
        ObjectNode root = new ObjectMapper().createObjectNode().put("schema", "vcpusim.bug/2");
        return root.setAll(members).toPrettyString() + System.lineSeparator();
    }

    private static ObjectNode node(Entry entry, List<Hunt.Catch> catches) {
        ArrayNode stories = entry.node.putArray("stories");
        for (Hunt.Catch caught : catches) {
            ObjectNode node = stories.addObject()
                    .put("part", caught.prey().part())
                    .put("schedules", caught.schedules())
                    .put("interrupted", caught.interrupted());
            caught.found().ifPresent(found -> node.set("story", StoryText.json(HuntReport.story(found))));
        }
        return entry.node;
    }

    private static String story(Hunt.Catch caught) {
        String ended = caught.interrupted() ? "interrupted" : "time is up";
        return caught.found()
                .map(found -> "\n" + StoryText.of(HuntReport.story(found), Terminal.width(), Terminal.colour())
                        + (found.complete() ? "" : "\nIt may not be the shortest: " + ended + ".\n"))
                .orElseGet(() -> String.format(
                        Locale.ROOT,
                        "\nNo story: %s after %,d schedules, and none shows it.\n",
                        ended,
                        caught.schedules()));
    }

    private static String list() {
        StringBuilder text = new StringBuilder("FIX   YEAR  LINUX   COMMIT        RULES        WHAT IT DOES\n");
        for (Fix fix : Fix.values()) {
            List<String> when =
                    fix.repairs().stream().map(BugsCommand::when).distinct().toList();
            String rules = fix.isVisible() ? String.join(" ", fix.invariants()) : "-";
            text.append(Terminal.row(String.format("%-5s %s %-12s ", fix.id(), when.get(0), rules), fix.title()));
            text.append('\n');
            when.stream()
                    .skip(1)
                    .forEach(more ->
                            text.append("      ").append(more.stripTrailing()).append('\n'));
        }
        text.append("\nHAZARD  CURE                       WHAT CAN HAPPEN\n");
        for (Hazard hazard : Hazard.values()) {
            String cure = hazard.isCurable() ? hazard.toggle() : "-";
            text.append(Terminal.row(String.format("%-7s %-26s ", hazard, cure), hazard.title()))
                    .append('\n');
        }
        return text.toString();
    }

    private static String when(Fix.Repair repair) {
        return String.format(
                "%-5s %-7s %-13s",
                repair.year().map(String::valueOf).orElse("-"),
                repair.release().map(KernelVersion::toString).orElse("-"),
                repair.commit().orElse("-"));
    }

    private static String text(Fix fix, List<Scenario> scenarios) {
        StringBuilder text = new StringBuilder(fix.id() + ": " + fix.title() + "\n");
        for (Fix.Repair repair : fix.repairs()) {
            Fault fault = repair.fault();
            text.append("fault     ").append(fault.key());
            text.append(fault.toggle().isEmpty() ? "" : ", rule " + fault.toggle());
            text.append('\n');
            text.append("fixed by  ").append(repaired(repair)).append('\n');
        }
        text.append("caught by ")
                .append(fix.isVisible() ? String.join(", ", fix.invariants()) : "nothing, see docs/model.md")
                .append('\n');
        return text.append(text(scenarios)).toString();
    }

    private static String repaired(Fix.Repair repair) {
        String since = repair.fault()
                .introduced()
                .map(release -> "; the fault came with Linux " + release)
                .orElse("");
        return repair.year().isPresent() ? StoryText.repaired(repair) + since : "nobody: Linux never had it";
    }

    private static String text(Hazard hazard, List<Scenario> scenarios) {
        StringBuilder text = new StringBuilder(hazard + ": " + hazard.title() + "\n");
        text.append("cure      ")
                .append(hazard.isCurable() ? "--with " + hazard + " (" + hazard.toggle() + ")" : "none");
        text.append('\n');
        text.append(hazard.isVisible() ? "" : "no story  " + hazard.unseen() + "\n");
        return text.append(text(scenarios)).toString();
    }

    private static String text(List<Scenario> scenarios) {
        StringBuilder text = new StringBuilder();
        scenarios.forEach(scenario -> text.append("scenario  ")
                .append(scenario.name())
                .append(": ")
                .append(scenario.title())
                .append('\n'));
        return text.toString();
    }

    private static ObjectNode catalogue() {
        ObjectNode root = new ObjectMapper().createObjectNode().put("schema", "vcpusim.bugs/2");
        ArrayNode fixes = root.putArray("fixes");
        Arrays.stream(Fix.values()).map(BugsCommand::node).forEach(fixes::add);
        ArrayNode hazards = root.putArray("hazards");
        Arrays.stream(Hazard.values()).map(BugsCommand::node).forEach(hazards::add);
        return root;
    }

    private static ObjectNode node(Fix fix) {
        ObjectNode node =
                new ObjectMapper().createObjectNode().put("id", fix.id()).put("title", fix.title());
        StoryText.repairs(node.putArray("repairs"), fix.repairs());
        ArrayNode invariants = node.putArray("invariants");
        fix.invariants().forEach(invariants::add);
        return node;
    }

    private static ObjectNode node(Hazard hazard) {
        return new ObjectMapper()
                .createObjectNode()
                .put("id", hazard.name())
                .put("title", hazard.title())
                .put("curable", hazard.isCurable())
                .put("visible", hazard.isVisible());
    }
}
