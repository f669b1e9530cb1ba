package org.vcpusim.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.text.DecimalFormat;
import java.text.DecimalFormatSymbols;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.function.ToLongFunction;
import org.vcpusim.sim.Hunt.Catch;
import org.vcpusim.sim.Hunt.Prey;
import org.vcpusim.sim.Median;
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
        return Story.of(
                shrunk,
                ReplayToken.of(run, ProgramVersion.running())
                        .showing(shrunk.violation())
                        .toString());
    }

    private List<Told> found() {
        return all.stream().filter(each -> each.story.isPresent()).toList();
    }

    /** The names of those that were wanted of which {@code which} is true of some part. */
    private List<String> names(Predicate<Prey> which) {
        return wanted.stream().filter(which).map(Prey::name).distinct().toList();
    }

    /** How many there are of which every part was found. */
    private int foundNames() {
        List<Prey> found = found().stream().map(each -> each.caught.prey()).toList();
        return names(any -> true).size() - names(prey -> !found.contains(prey)).size();
    }

    /** Those of which not every part was tried to its end, since the user did not want to wait for it. */
    private List<String> untried() {
        List<Prey> tried = all.stream()
                .map(Told::caught)
                .filter(each -> !each.interrupted())
                .map(Catch::prey)
                .toList();
        return names(prey -> !tried.contains(prey));
    }

    /** Numbers over all, one line; what has several parts is found when each of them is. Below it what was not tried to its end. */
    String sum() {
        int names = names(any -> true).size();
        String sum = foundNames() + " of " + names + " found";
        List<Told> found = found();
        if (found.size() > 1) {
            sum += "; schedules to the first violation: " + range(found, each -> each.caught.schedules())
                    + "; steps of a story: " + range(found, Told::steps);
        }
        List<String> untried = untried();
        return untried.isEmpty() ? sum : sum + "\ninterrupted, not tried to the end: " + String.join(", ", untried);
    }

    private static String range(List<Told> found, ToLongFunction<Told> figure) {
        return "median "
                + new DecimalFormat("#.#", DecimalFormatSymbols.getInstance(Locale.ROOT)).format(median(found, figure))
                + ", most " + most(found, figure);
    }

    private static double median(List<Told> found, ToLongFunction<Told> figure) {
        return Median.of(found.stream().mapToLong(figure).asDoubleStream());
    }

    private static long most(List<Told> found, ToLongFunction<Told> figure) {
        return found.stream().mapToLong(figure).max().orElseThrow();
    }

    /**
     * A row for each, below their names: after how many schedules the first one failed, and of the one that is told its number, who
     * chose it and how long it was.
     */
    String table() {
        StringBuilder table = new StringBuilder(Terminal.row(
                        "BUG   RULE   FIRST  SCHEDULE  STRATEGY       PICKS  SHORTENED  STORY     TIME  ",
                        "WHAT THE FIX DOES, OR THE HAZARD"))
                .append('\n');
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
        root.put("end", untried().isEmpty() ? "ALL_TRIED" : "INTERRUPTED")
                .put("wanted", names(any -> true).size())
                .put("found", foundNames());
        untried().forEach(root.putArray("notTriedToTheEnd")::add);
        List<Told> caught = found();
        if (!caught.isEmpty()) {
            range(root.putObject("schedulesToTheFirstViolation"), caught, each -> each.caught.schedules());
            range(root.putObject("stepsOfAStory"), caught, Told::steps);
        }
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

    private static void range(ObjectNode node, List<Told> found, ToLongFunction<Told> figure) {
        node.put("median", median(found, figure)).put("most", most(found, figure));
    }
}
