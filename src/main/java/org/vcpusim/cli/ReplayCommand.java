package org.vcpusim.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.vcpusim.check.Invariants;
import org.vcpusim.check.Violation;
import org.vcpusim.scenario.InputException;
import org.vcpusim.scenario.Scenario;
import org.vcpusim.sim.FindingFile;
import org.vcpusim.sim.ProgramVersion;
import org.vcpusim.sim.ReplayToken;
import org.vcpusim.sim.Reproduction;
import org.vcpusim.sim.Reproduction.Executor;
import org.vcpusim.sim.RunOutcome;
import org.vcpusim.sim.Shrinker;
import org.vcpusim.sim.Story;
import org.vcpusim.sim.StoryText;
import org.vcpusim.trace.LineTraceWriter;
import org.vcpusim.trace.TraceFormat;
import org.vcpusim.trace.TraceSink;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code vcpusim replay}: runs one schedule again. */
@Command(
        name = "replay",
        description = "Runs the schedule of a token, or of a finding's file, again: the same trace, byte for byte.",
        footer = {
            "",
            "Exit code: 0 no violation but known hazards, 1 a violation, 2 the token or file cannot be "
                    + "used, or is of another scenario or version, 130 it was interrupted."
        })
final class ReplayCommand implements Callable<Integer> {
    @Parameters(paramLabel = "TOKEN|FILE", description = "What stress or hunt has printed, or a file of a finding.")
    private String what = "";

    @Option(
            names = "--scenario",
            paramLabel = "FILE",
            description = "The token's scenario (default: the bundled one of its name).")
    private Optional<Path> scenario = Optional.empty();

    @Option(
            names = "--executor",
            paramLabel = "NAME",
            defaultValue = "controlled",
            description = "controlled: actors; plain: plain values, without a log (default: ${DEFAULT-VALUE}).")
    private Executor executor = Executor.CONTROLLED;

    @Option(
            names = "--log",
            paramLabel = "ACTOR=LEVEL",
            arity = "0..1",
            fallbackValue = "all=DEBUG",
            description = "Level of an actor's log, such as vcpu.1=DEBUG; without a value all=DEBUG.")
    private Map<String, String> levels = Map.of();

    @Option(names = "--trace", paramLabel = "FILE", description = "Write every event to FILE.")
    private Optional<Path> trace = Optional.empty();

    @Option(
            names = "--format",
            paramLabel = "NAME",
            description = "Format of the trace: text as ftrace prints (the default), or jsonl.")
    private Optional<TraceFormat> format = Optional.empty();

    @Option(names = "--shrink", description = "Shorten the schedule first, as long as the same rule breaks.")
    private boolean shrink;

    @Option(names = "--story", description = "Tell the first violation step by step.")
    private boolean story;

    @Option(names = "--markdown", description = "Tell it as Markdown.")
    private boolean markdown;

    @Option(names = "--json", description = "Print one JSON document.")
    private boolean json;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before call
    private CommandSpec spec;

    /** What the run showed. */
    private record Replayed(Reproduction run, RunOutcome outcome, String digest, List<Violation> violations) {}

    @Override
    public Integer call() {
        if (format.isPresent() && trace.isEmpty()) {
            throw new ParameterException(spec.commandLine(), "--format is the format of --trace, which is missing");
        }
        boolean isToken = ReplayToken.looksLike(what);
        Reproduction run = isToken ? ofToken() : FindingFile.read(Path.of(what), ProgramVersion.running());
        LogLevels.set(levels, run.scenario());
        Interruption interruption = Interruption.onSignal();
        try {
            Replayed replayed = replay(shrink ? shortened(run, interruption) : run);
            if (isToken && !shrink) {
                requireSameTrace(replayed);
            }
            print(replayed);
            if (interruption.requested()) {
                return ExitCode.INTERRUPTED;
            }
            return replayed.violations.stream().anyMatch(Violation::isFinding) ? ExitCode.FINDING : ExitCode.OK;
        } finally {
            interruption.done();
        }
    }

    private Reproduction ofToken() {
        ReplayToken token = ReplayToken.parse(what);
        Scenario named = ScenarioOption.read(scenario.orElse(Path.of(token.scenario())));
        return token.reproduction(named, ProgramVersion.running());
    }

    private static Reproduction shortened(Reproduction run, Interruption interruption) {
        Invariants invariants = Invariants.all(run.scenario().machine().rules());
        run.run(Executor.PLAIN, List.of(invariants));
        Violation violation = invariants.violations().stream()
                .findFirst()
                .orElseThrow(() -> new InputException("--shrink: the schedule must show a violation, it shows none"));
        Shrinker.Shrunk shrunk = Shrinker.shrink(run.scenario(), run.picks(), violation, interruption::requested);
        return new Reproduction(shrunk.scenario(), shrunk.picks(), shrunk.finishes());
    }

    private Replayed replay(Reproduction run) {
        Invariants invariants = Invariants.all(run.scenario().machine().rules());
        Reproduction.TraceDigest digest = new Reproduction.TraceDigest();
        List<TraceSink> sinks = new ArrayList<>(List.of(invariants, digest));
        try {
            trace.ifPresent(file -> sinks.add(writer(file, run.scenario())));
            RunOutcome outcome = run.run(executor, sinks);
            return new Replayed(run, outcome, digest.value(), invariants.violations());
        } catch (UncheckedIOException e) {
            throw new InputException(
                    trace.map(Path::toString).orElse("trace") + ": cannot be written: " + e.getMessage());
        }
    }

    private LineTraceWriter writer(Path file, Scenario of) {
        LineTraceWriter writer =
                format.orElse(TraceFormat.TEXT).writer(file, of.machine().vcpuCount());
        writer.limit(of.limits().traceRecords());
        return writer;
    }

    private void requireSameTrace(Replayed replayed) {
        String wanted = ReplayToken.parse(what).trace();
        if (!wanted.equals(replayed.digest)) {
            throw new InputException("token of a run with trace " + wanted + ": this program's has " + replayed.digest
                    + "; the rules have changed since");
        }
    }

    private void print(Replayed replayed) {
        PrintWriter out = spec.commandLine().getOut();
        String token = ReplayToken.of(replayed.run, ProgramVersion.running()).toString();
        Optional<Story> told = story || markdown || json
                ? replayed.violations.stream().findFirst().map(first -> story(replayed.run, first, again(token)))
                : Optional.empty();
        if (json) {
            out.println(document(replayed, token, told).toPrettyString());
        } else if (markdown) {
            told.ifPresent(each -> out.print(StoryText.markdown(each)));
        } else {
            out.print(text(replayed, again(token)));
            told.ifPresent(each -> out.print("\n" + StoryText.of(each, Terminal.width(), Terminal.colour())));
        }
        out.flush();
    }

    /** What the command line that replays it has behind its name. */
    private String again(String token) {
        if (!shrink && !ReplayToken.looksLike(what)) {
            return what;
        }
        return token + scenario.map(file -> " --scenario " + file).orElse("");
    }

    private static Story story(Reproduction run, Violation first, String token) {
        return Story.of(Shrinker.asItIs(run, first), token);
    }

    private String text(Replayed replayed, String token) {
        Scenario of = replayed.run.scenario();
        StringBuilder text = new StringBuilder(String.format(
                "scenario %s  %,d vCPUs  %,d picks  executor %s%n%,d steps  %,d events  trace %s%n",
                of.name(),
                of.machine().vcpuCount(),
                replayed.run.picks().size(),
                executor.name().toLowerCase(Locale.ROOT),
                replayed.outcome.steps(),
                replayed.outcome.records(),
                replayed.digest));
        for (Violation violation : replayed.violations) {
            text.append(violation.invariant())
                    .append(violation
                            .hazard()
                            .map(hazard -> " (hazard " + hazard + ")")
                            .orElse(""))
                    .append(": ")
                    .append(violation.sentence())
                    .append(System.lineSeparator());
        }
        if (replayed.violations.isEmpty()) {
            text.append("no rule is broken").append(System.lineSeparator());
        }
        return shrink
                ? text.append("token ")
                        .append(token)
                        .append(System.lineSeparator())
                        .toString()
                : text.toString();
    }

    private ObjectNode document(Replayed replayed, String token, Optional<Story> told) {
        ObjectNode root = new ObjectMapper().createObjectNode();
        root.put("schema", "vcpusim.replay/1")
                .put("scenario", replayed.run.scenario().name())
                .put("vcpus", replayed.run.scenario().machine().vcpuCount())
                .put("executor", executor.name().toLowerCase(Locale.ROOT))
                .put("picks", replayed.run.picks().size())
                .put("steps", replayed.outcome.steps())
                .put("events", replayed.outcome.records())
                .put("trace", replayed.digest)
                .put("token", token);
        for (Violation violation : replayed.violations) {
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
