package org.vcpusim.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.vcpusim.check.Invariants;
import org.vcpusim.check.Violation;
import org.vcpusim.scenario.InputException;
import org.vcpusim.scenario.Scenario;
import org.vcpusim.scenario.ScenarioFile;
import org.vcpusim.schedule.MisfitException;
import org.vcpusim.sim.FindingFile;
import org.vcpusim.sim.ProgramVersion;
import org.vcpusim.sim.Recorded;
import org.vcpusim.sim.ReplayLine;
import org.vcpusim.sim.ReplayToken;
import org.vcpusim.sim.Reproduction;
import org.vcpusim.sim.Reproduction.Executor;
import org.vcpusim.sim.RunOutcome;
import org.vcpusim.sim.Shrinker;
import org.vcpusim.sim.Story;
import org.vcpusim.sim.StoryText;
import org.vcpusim.trace.FileFailures;
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
    private static final String MOST_TIME = "30s";

    @Parameters(paramLabel = "TOKEN|FILE", description = "What stress or hunt has printed, or a file of a finding.")
    private String what = "";

    @Option(
            names = "--scenario",
            paramLabel = "FILE",
            description = "The token's scenario, or a finding's file with it (default: the bundled one of its name).")
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

    @Option(
            names = "--shrink",
            description = "Shorten the schedule and cut the scenario first, as long as the same rule breaks.")
    private boolean shrink;

    @Option(names = "--time", paramLabel = "TIME", description = "Most time to shorten it, such as 60s (default: 30s).")
    private Optional<String> time = Optional.empty();

    @Option(
            names = "--write-scenario",
            paramLabel = "FILE",
            description = "Write the scenario as it is played, cut and with its rules, to FILE.")
    private Optional<Path> written = Optional.empty();

    @Option(names = "--story", description = "Tell the first violation step by step.")
    private boolean story;

    @Option(names = "--markdown", description = "Tell it as Markdown.")
    private boolean markdown;

    @Option(names = "--json", description = "Print one JSON document.")
    private boolean json;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before call
    private CommandSpec spec;

    @Override
    public Integer call() {
        what = what.strip();
        if (what.isEmpty()) {
            throw new InputException(
                    "TOKEN|FILE = '" + what + "': must be a token that stress or hunt has printed, or a file");
        }
        requireThatOptionsFit();
        Recorded recorded = isToken() ? ofToken() : FindingFile.read(Path.of(what), ProgramVersion.running());
        if (levels.isEmpty()) {
            LogLevels.quiet();
        }
        LogLevels.set(levels, recorded.run().scenario());
        Interruption interruption = Interruption.onSignal();
        try {
            Replayed replayed = shrink ? shortened(recorded, interruption) : strictly(recorded);
            written.ifPresent(file -> write(file, replayed.run().scenario()));
            print(replayed);
            if (interruption.requested()) {
                return ExitCode.INTERRUPTED;
            }
            return replayed.violations().stream().anyMatch(Violation::isFinding) ? ExitCode.FINDING : ExitCode.OK;
        } finally {
            interruption.done();
        }
    }

    private void requireThatOptionsFit() {
        if (format.isPresent() && trace.isEmpty()) {
            refuse("--format is the format of --trace, which is missing");
        }
        if (executor == Executor.PLAIN && !levels.isEmpty()) {
            refuse("--log is of actors, and --executor plain has none");
        }
        if (markdown && json) {
            refuse("--markdown and --json: must be one of them");
        }
        if (time.isPresent() && !shrink) {
            refuse("--time is the time of --shrink, which is missing");
        }
        if (scenario.isPresent() && !isToken()) {
            refuse("--scenario is for a token; the file of a finding has its scenario in it");
        }
    }

    private void refuse(String why) {
        throw new ParameterException(spec.commandLine(), why);
    }

    private boolean isToken() {
        return ReplayToken.looksLike(what) && !Files.exists(Path.of(what));
    }

    private Recorded ofToken() {
        ReplayToken token = ReplayToken.parse(what);
        Scenario given = scenario.map(ReplayCommand::given)
                .orElseGet(() -> ScenarioOption.bundled(token.scenario())
                        .map(ScenarioFile::read)
                        .orElseThrow(() -> new InputException("token of scenario '" + token.scenario()
                                + "', which is not a bundled one: --scenario must name its file")));
        return Recorded.of(token, given, ProgramVersion.running());
    }

    private static Scenario given(Path file) {
        return file.toString().endsWith(".json") ? FindingFile.scenario(file) : ScenarioOption.read(file);
    }

    /** The run as it was written down, and nothing else. */
    private Replayed strictly(Recorded recorded) {
        Replayed replayed = replay(recorded.run(), executor, trace);
        recorded.requireTrace(replayed.digest());
        return replayed.about(recorded.subject(replayed.violations()));
    }

    private Replayed shortened(Recorded recorded, Interruption interruption) {
        Reproduction run = recorded.run();
        Replayed whole = replay(run, Executor.PLAIN, Optional.empty());
        recorded.requireTrace(whole.digest());
        Violation violation = recorded.subject(whole.violations())
                .orElseThrow(() -> new InputException("--shrink: the schedule must show a violation, it shows none"));
        long start = System.nanoTime();
        long most = Durations.nanos("--time", time.orElse(MOST_TIME));
        Shrinker.Shrunk shrunk = Shrinker.cut(
                run.scenario(),
                run.picks(),
                violation,
                () -> interruption.requested() || System.nanoTime() - start >= most);
        Reproduction shorter = new Reproduction(shrunk.scenario(), shrunk.picks(), shrunk.finishes());
        return replay(shorter, executor, trace).about(Optional.of(shrunk.violation()));
    }

    private Replayed replay(Reproduction run, Executor by, Optional<Path> to) {
        Invariants invariants = Invariants.all(run.scenario().machine().rules());
        Reproduction.TraceDigest digest = new Reproduction.TraceDigest();
        List<TraceSink> sinks = new ArrayList<>(List.of(invariants, digest));
        try {
            to.ifPresent(file -> sinks.add(writer(file, run.scenario())));
            RunOutcome outcome = run.run(by, sinks);
            return new Replayed(run, by, outcome, digest.value(), invariants.violations(), Optional.empty());
        } catch (UncheckedIOException e) {
            throw new InputException(to.map(Path::toString).orElse("trace") + ": cannot be written: " + e.getMessage());
        } catch (MisfitException e) {
            throw new InputException(String.valueOf(e.getMessage()));
        }
    }

    private LineTraceWriter writer(Path file, Scenario of) {
        LineTraceWriter writer =
                format.orElse(TraceFormat.TEXT).writer(file, of.machine().vcpuCount());
        writer.limit(of.limits().traceRecords());
        return writer;
    }

    private static void write(Path file, Scenario scenario) {
        try {
            Files.writeString(file, scenario.standalone());
        } catch (IOException e) {
            throw new InputException("--write-scenario " + file + ": cannot be written: " + FileFailures.reason(e));
        }
    }

    private void print(Replayed replayed) {
        PrintWriter out = spec.commandLine().getOut();
        ReplayToken token = replayed.token(ProgramVersion.running());
        Optional<Story> told = story || markdown || json ? replayed.story(again(token)) : Optional.empty();
        if (json) {
            out.println(replayed.json(token.toString(), told).toPrettyString());
        } else if (markdown) {
            told.ifPresent(each -> out.print(StoryText.markdown(each)));
        } else {
            out.print(replayed.text(Terminal.width()));
            if (shrink) {
                out.println("token " + again(token));
            }
            told.ifPresent(each -> out.print("\n" + StoryText.of(each, Terminal.width(), Terminal.colour())));
        }
        out.flush();
    }

    /** What the command line that replays it has behind its name. */
    private String again(ReplayToken token) {
        if (isToken()) {
            return ReplayLine.of(token, scenario);
        }
        Path file = Path.of(what);
        if (!shrink) {
            return ReplayLine.of(file);
        }
        boolean bundled = ScenarioOption.bundled(token.scenario())
                .filter(each -> ScenarioFile.read(each).digest().equals(token.digest()))
                .isPresent();
        return ReplayLine.of(token, bundled ? Optional.empty() : Optional.of(file));
    }
}
