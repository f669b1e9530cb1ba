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
import java.util.stream.Stream;
import org.vcpusim.check.Invariants;
import org.vcpusim.check.Violation;
import org.vcpusim.scenario.Scenario;
import org.vcpusim.sim.Counted;
import org.vcpusim.sim.ReplayToken;
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
    private static final String INDENT = "    ";

    /** It, with a story about {@code violation}. */
    Replayed about(Optional<Violation> violation) {
        return new Replayed(run, executor, outcome, digest, violations, violation);
    }

    /** The story of its subject; {@code again} is what {@code vcpusim replay} takes to do it again. */
    Optional<Story> story(String again) {
        return subject.map(violation -> Story.of(Shrinker.asItIs(run, violation), again));
    }

    /** What replays it, for its subject if it has one; {@code program} is the version that this program is. */
    ReplayToken token(String program) {
        ReplayToken token = ReplayToken.of(run, program);
        return subject.map(token::showing).orElse(token);
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
        Map<String, List<Violation>> said = violations.stream()
                .collect(Collectors.groupingBy(Replayed::said, LinkedHashMap::new, Collectors.toList()));
        said.forEach((line, same) -> {
            lines.add(line);
            lines.add(INDENT
                    + where(same.get(0))
                    + (same.size() == 1 ? "" : ", the first of " + Counted.of(same.size(), "such violation")));
            lines.add(INDENT + "rule: " + Invariants.title(same.get(0).invariant()));
        });
        if (violations.isEmpty()) {
            lines.add("no rule is broken");
        }
        return lines.stream()
                .flatMap(line -> wrapped(line, width))
                .map(line -> line + System.lineSeparator())
                .collect(Collectors.joining());
    }

    private static Stream<String> wrapped(String line, int width) {
        String indent = line.startsWith(INDENT) ? INDENT : "";
        return StoryText.wrapped(line.strip(), width - indent.length()).stream().map(part -> indent + part);
    }

    private static String said(Violation violation) {
        String hazard = violation.hazard().map(each -> " (hazard " + each + ")").orElse("");
        return violation.invariant() + hazard + ": " + violation.sentence();
    }

    private static String where(Violation violation) {
        String since =
                violation.since().map(first -> ", since event " + first.order()).orElse("");
        String detail = violation.detail().isEmpty() ? "" : ": " + violation.detail();
        return "event " + violation.at().order() + since + detail;
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
                    .put("rule", Invariants.title(violation.invariant()))
                    .put("event", violation.at().order());
            violation.since().ifPresent(since -> node.put("since", since.order()));
            violation.hazard().ifPresent(hazard -> node.put("hazard", hazard.name()));
        }
        told.ifPresent(each -> root.set("story", StoryText.json(each)));
        return root;
    }
}
