package org.vcpusim.sim;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Function;
import org.vcpusim.kvm.Fix;
import org.vcpusim.sim.StressReport.Figures;
import org.vcpusim.sim.StressReport.Group;
import org.vcpusim.sim.StressReport.Meetings;
import org.vcpusim.sim.StressReport.Outcome;
import org.vcpusim.sim.StressReport.Pair;

/** A report of {@code stress} for programs: all of it, in one document. */
public final class StressJson {
    private StressJson() {}

    /** The document, without a line end behind it; {@code folder} is where the files of findings and hazards are. */
    public static String of(StressReport report, List<ShortFinding> shortened, Path folder) {
        ObjectNode root = new ObjectMapper().createObjectNode();
        StressPlan plan = report.plan();
        root.put("schema", "vcpusim.stress/2")
                .put("scenario", plan.scenario().name())
                .put("vcpus", plan.scenario().machine().vcpuCount())
                .put("strategy", plan.strategy().label())
                .put("seed", plan.rootSeed())
                .put("jobs", plan.jobs())
                .put("end", report.end().name())
                .put("verdict", report.verdict());
        SelfCheck.Result check = report.figures().timing().selfCheck();
        root.putObject("selfCheck")
                .put("invariant", check.invariant())
                .put("schedules", check.schedules())
                .put("nanos", check.nanos());
        figures(root.putObject("figures"), report.figures());
        met(root.putObject("requestsInPhases"), report.requests());
        met(root.putObject("eventOrders"), report.orders());
        for (Outcome o : report.outcomes()) {
            root.withArray("/outcomes")
                    .addObject()
                    .put("outcome", o.label())
                    .put("count", o.count())
                    .put("share", (double) o.count() / report.figures().schedules())
                    .put("expectation", o.expectation().name())
                    .put("firstSchedule", o.firstSchedule())
                    .put("meaning", o.meaning());
        }
        Function<Group, Path> file = group -> FindingFile.of(folder, report, group);
        groups(root.putArray("findings"), report.findings(), shortened, file);
        groups(root.putArray("hazards"), report.hazards(), shortened, file);
        return root.toPrettyString();
    }

    private static void figures(ObjectNode node, Figures f) {
        node.put("schedules", f.schedules())
                .put("cut", f.cut())
                .put("steps", f.steps())
                .put("nanos", f.timing().nanos())
                .put("schedulesPerSecond", f.schedulesPerSecond())
                .put("stepsPerSecond", f.stepsPerSecond())
                .put("distinctTraces", f.traces())
                .put("tracesSeenOnce", f.singletons())
                .put("moreTracesThanCounted", f.full())
                .put("unseenMass", f.unseenMass())
                .put("distinctFinalStates", f.finalStates());
    }

    private static void met(ObjectNode node, Meetings met) {
        node.put("reached", met.pairs().size()).put("possible", met.possible());
        met.firsts().forEach(node.putArray("firsts")::add);
        met.seconds().forEach(node.putArray("seconds")::add);
        for (Pair pair : met.pairs()) {
            node.withArray("/pairs")
                    .addObject()
                    .put("first", pair.first())
                    .put("second", pair.second())
                    .put("firstSchedule", pair.firstSchedule());
        }
    }

    private static void groups(
            ArrayNode array, List<Group> groups, List<ShortFinding> shortened, Function<Group, Path> file) {
        for (Group group : groups) {
            ObjectNode node = array.addObject()
                    .put("invariant", group.invariant())
                    .put("title", group.title())
                    .put("schedules", group.schedules())
                    .put("firstSchedule", group.firstSchedule())
                    .put("sentence", group.first().sentence())
                    .put("detail", group.first().detail())
                    .put("file", file.apply(group).toString());
            group.hazard().ifPresent(hazard -> node.put("hazard", hazard.name()));
            ArrayNode causes = node.putArray("rootCauses");
            ShortFinding.causes(shortened, group).stream().map(Fix::id).forEach(causes::add);
            shortened.stream()
                    .filter(each -> each.group().equals(group))
                    .forEach(each ->
                            node.put("locallyMinimal", each.complete()).set("story", StoryText.json(each.story())));
        }
    }
}
