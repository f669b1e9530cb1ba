package org.vcpusim.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.vcpusim.check.Violation;
import org.vcpusim.scenario.Scenario;
import org.vcpusim.sim.Counted;
import org.vcpusim.sim.Reproduction;
import org.vcpusim.sim.Reproduction.Executor;
import org.vcpusim.sim.RunOutcome;
import org.vcpusim.sim.Shrinker;
import org.vcpusim.sim.Story;
import org.vcpusim.sim.StoryText;

/**
 * What a run that was done again has shown.
 *
 * @param digest of its trace
 * @param subject the violation that a story is about
 */
record Replayed(
        Reproduction run,
        Executor executor,
        RunOutcome outcome,
        String digest,
        List<Violation> violations,
        Optional<Violation> subject) {

    /** It, with a story about {@code violation}. */
    Replayed about(Optional<Violation> violation) {
        return new Replayed(run, executor, outcome, digest, violations, violation);
    }

    /** The story of its subject; {@code again} is what {@code vcpusim replay} takes to do it again. */
    Optional<Story> story(String again) {
        return subject.map(violation -> Story.of(Shrinker.asItIs(run, violation), again));
    }

    /** Lines for people, of at most {@code width} characters. */
    String text(int width) {
        Scenario of = run.scenario();
        List<String> lines = new ArrayList<>(List.of(
                String.format(
                        "scenario %s  %s  %s  executor %s",
                        of.name(),
                        Counted.of(of.machine().vcpuCount(), "vCPU"),
                        Counted.of(run.picks().size(), "pick"),
                        executor.name().toLowerCase(Locale.ROOT)),
                Counted.of(outcome.steps(), "step") + "  " + Counted.of(outcome.records(), "event") + "  trace "
                        + digest));
        Map<String, Long> said = violations.stream()
                .collect(Collectors.groupingBy(Replayed::said, LinkedHashMap::new, Collectors.counting()));
        said.forEach((line, times) -> lines.add(times == 1 ? line : line + ", " + times + " times"));
        if (violations.isEmpty()) {
            lines.add("no rule is broken");
        }
        return lines.stream()
                .flatMap(line -> StoryText.wrapped(line, width).stream())
                .map(line -> line + System.lineSeparator())
                .collect(Collectors.joining());
    }

    private static String said(Violation violation) {
        String hazard = violation.hazard().map(each -> " (hazard " + each + ")").orElse("");
        return violation.invariant() + hazard + ": " + violation.sentence();
    }

    /** It all as a document. */
    ObjectNode json(String token, Optional<Story> told) {
        ObjectNode root = new ObjectMapper().createObjectNode();
        root.put("schema", "vcpusim.replay/1")
                .put("scenario", run.scenario().name())
                .put("vcpus", run.scenario().machine().vcpuCount())
                .put("executor", executor.name().toLowerCase(Locale.ROOT))
                .put("picks", run.picks().size())
                .put("steps", outcome.steps())
                .put("events", outcome.records())
                .put("trace", digest)
                .put("token", token);
        root.putArray("violations");
        for (Violation violation : violations) {
            ObjectNode node = root.withArray("/violations")
                    .addObject()
                    .put("invariant", violation.invariant())
                    .put("sentence", violation.sentence())
                    .put("detail", violation.detail())
                    .put("event", violation.at().order());
            violation.hazard().ifPresent(hazard -> node.put("hazard", hazard.name()));
        }
        told.ifPresent(each -> root.set("story", StoryText.json(each)));
        return root;
    }
}
