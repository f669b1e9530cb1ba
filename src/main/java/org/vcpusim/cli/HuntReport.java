package org.vcpusim.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.vcpusim.sim.Hunt.Catch;
import org.vcpusim.sim.Hunt.Prey;
import org.vcpusim.sim.ProgramVersion;
import org.vcpusim.sim.ReplayToken;
import org.vcpusim.sim.Reproduction;
import org.vcpusim.sim.Shrinker;
import org.vcpusim.sim.Story;
import org.vcpusim.sim.StoryText;

/** What {@code hunt} has caught: a row for each, their sum, and their stories. */
final class HuntReport {
    private final List<Told> all;
    private final List<Prey> wanted;

    private HuntReport(List<Told> all, List<Prey> wanted) {
        this.all = all;
        this.wanted = wanted;
    }

    /** Of {@code catches}; {@code wanted} were to be hunted. */
    static HuntReport of(List<Catch> catches, List<Prey> wanted) {
        return new HuntReport(catches.stream().map(Told::of).toList(), wanted);
    }

    /** Whether it is about one fix or hazard. */
    boolean isOfOne() {
        return wanted.stream().map(Prey::name).distinct().count() == 1;
    }

    /** A catch and what there is to tell of it. */
    private record Told(Catch caught, Optional<Story> story) {
        static Told of(Catch caught) {
            return new Told(caught, caught.found().map(HuntReport::story));
        }

        int steps() {
            return story.map(each -> each.steps().size()).orElse(0);
        }
    }

    /** The stories of those that were found. */
    List<Story> stories() {
        return all.stream().flatMap(each -> each.story.stream()).toList();
    }

    /** The story of {@code shrunk}, with the token that replays it. */
    static Story story(Shrinker.Shrunk shrunk) {
        Reproduction run = new Reproduction(shrunk.scenario(), shrunk.picks(), shrunk.finishes());
        return Story.of(shrunk, ReplayToken.of(run, ProgramVersion.running()).toString());
    }

    /** Numbers over all, one line; what has several parts is found when each of them is. */
    String sum() {
        List<Told> found = all.stream().filter(each -> each.story.isPresent()).toList();
        long names = wanted.stream().map(Prey::name).distinct().count();
        long missed = wanted.stream()
                .filter(prey ->
                        found.stream().noneMatch(each -> each.caught.prey().equals(prey)))
                .map(Prey::name)
                .distinct()
                .count();
        String sum = names - missed + " of " + names + " found";
        if (found.size() < 2) {
            return sum;
        }
        long[] schedules = found.stream()
                .mapToLong(each -> each.caught.schedules())
                .sorted()
                .toArray();
        long[] steps = found.stream().mapToLong(Told::steps).sorted().toArray();
        return String.format(
                Locale.ROOT,
                "%s; schedules to the first violation: median %d, most %d; steps of a story: median %d, most %d",
                sum,
                schedules[schedules.length / 2],
                schedules[schedules.length - 1],
                steps[steps.length / 2],
                steps[steps.length - 1]);
    }

    /**
     * A row for each, below their names: after how many schedules the first one failed, and of the one that is told its number, who
     * chose it and how long it was.
     */
    String table() {
        StringBuilder table = new StringBuilder(
                "BUG   RULE   FIRST  SCHEDULE  STRATEGY       PICKS  SHORTENED  STORY     TIME  WHAT THE FIX DOES, OR THE HAZARD\n");
        for (Told told : all) {
            Catch each = told.caught;
            String numbers = String.format(
                    Locale.ROOT,
                    "%-5s %-5s %6s  %8s  %-12s %7s %10s %6s %7.2fs  ",
                    each.prey().name(),
                    each.found().map(found -> found.violation().invariant()).orElse("-"),
                    each.found().map(found -> Long.toString(each.schedules())).orElse("-"),
                    each.found().map(found -> Long.toString(each.told())).orElse("-"),
                    each.strategy(),
                    each.found().map(found -> Integer.toString(each.picks())).orElse("-"),
                    each.found().map(found -> Long.toString(found.steps())).orElse("-"),
                    told.story.map(story -> Integer.toString(told.steps())).orElse("-"),
                    each.nanos() / 1e9);
            String part = each.prey().part();
            table.append(Terminal.row(
                            numbers,
                            part.isEmpty()
                                    ? each.prey().title()
                                    : part + ": " + each.prey().title()))
                    .append('\n');
        }
        return table.toString();
    }

    /** The whole as a document. */
    ObjectNode json() {
        ObjectNode root = new ObjectMapper().createObjectNode().put("schema", "vcpusim.hunt/1");
        root.putArray("bugs");
        for (Told told : all) {
            Catch each = told.caught;
            ObjectNode node = root.withArray("/bugs")
                    .addObject()
                    .put("id", each.prey().name())
                    .put("part", each.prey().part())
                    .put("found", each.found().isPresent())
                    .put("strategy", each.strategy())
                    .put("schedules", each.schedules())
                    .put("told", each.told())
                    .put("picks", each.picks())
                    .put("nanos", each.nanos());
            each.found()
                    .ifPresent(found -> node.put("invariant", found.violation().invariant())
                            .put("steps", found.steps())
                            .put("locallyMinimal", found.complete()));
            told.story.ifPresent(story -> node.set("story", StoryText.json(story)));
        }
        return root;
    }
}
