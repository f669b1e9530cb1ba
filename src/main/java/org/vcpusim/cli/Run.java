package org.vcpusim.cli;

import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.vcpusim.scenario.InputException;
import org.vcpusim.scenario.Scenario;
import org.vcpusim.sim.RunOutcome;
import org.vcpusim.sim.ScenarioRun;
import org.vcpusim.sim.ScenarioRun.Result;
import org.vcpusim.sim.SummaryJson;
import org.vcpusim.sim.SummaryText;
import org.vcpusim.trace.TraceFormat;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code vcpusim run}: runs one scenario and prints its summary. */
@Command(
        name = "run",
        description = "Runs a scenario and prints what happened to its requests, exits, EOIs and bitmaps.",
        footer = {
            "",
            "Exit code: 0 every bitmap is right, 1 a bitmap is wrong or a level pin is stuck, 2 the scenario cannot be",
            "used, 4 the bound on steps or trace records ended the run, 130 it was interrupted."
        })
final class Run implements Callable<Integer> {

    @Parameters(paramLabel = "SCENARIO", description = "A scenario file, or the name of a bundled one.")
    private Path scenario = Path.of("");

    @Option(
            names = "--executor",
            paramLabel = "NAME",
            defaultValue = "controlled",
            description =
                    "live: in parallel; controlled: in an order that the seed decides (default: ${DEFAULT-VALUE}).")
    private ScenarioRun.Executor executor = ScenarioRun.Executor.CONTROLLED;

    @Option(
            names = "--seed",
            paramLabel = "N",
            defaultValue = "1",
            description = "Decides the order of the controlled executor (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Option(names = "--vcpus", paramLabel = "N", description = "Another number of vCPUs, 1 to 4096.")
    private Optional<Integer> vcpus = Optional.empty();

    @Option(names = "--trace", paramLabel = "FILE", description = "Write every event to FILE.")
    private Optional<Path> trace = Optional.empty();

    @Option(
            names = "--format",
            paramLabel = "NAME",
            description = "Format of the trace: text as ftrace prints (the default), or jsonl.")
    private Optional<TraceFormat> format = Optional.empty();

    @Option(
            names = "--log",
            paramLabel = "ACTOR=LEVEL",
            description = "Level of an actor's log, such as vm=DEBUG, vcpu.3=DEBUG, device.nic=DEBUG or all=DEBUG.")
    private Map<String, String> levels = Map.of();

    @Option(names = "--no-progress", description = "Show no progress bar.")
    private boolean noProgress;

    @Option(names = "--json", description = "Print the summary as one JSON document.")
    private boolean json;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before call
    private CommandSpec spec;

    @Override
    public Integer call() {
        if (format.isPresent() && trace.isEmpty()) {
            throw new ParameterException(spec.commandLine(), "--format is the format of --trace, which is missing");
        }
        Scenario read = ScenarioOption.read(scenario);
        Scenario wanted = vcpus.map(read::withVcpus).orElse(read);
        LogLevels.set(levels, wanted);
        Interruption interruption = Interruption.onSignal();
        try {
            Result result = run(wanted, interruption);
            PrintWriter out = spec.commandLine().getOut();
            out.print(
                    json
                            ? SummaryJson.of(result.summary()) + System.lineSeparator()
                            : SummaryText.of(result.summary()));
            out.flush();
            return exitCode(result, wanted);
        } finally {
            interruption.done();
        }
    }

    private Result run(Scenario wanted, Interruption interruption) {
        ScenarioRun run = new ScenarioRun(wanted, executor, seed);
        try (Progress progress = Progress.of("run " + wanted.name(), noProgress)) {
            trace.ifPresent(file -> run.writeTrace(file, format.orElse(TraceFormat.TEXT)));
            return run.execute(interruption::requested, progress::at);
        } catch (UncheckedIOException e) {
            throw new InputException(
                    trace.map(Path::toString).orElse("trace") + ": cannot be written: " + e.getMessage());
        }
    }

    private int exitCode(Result result, Scenario wanted) {
        PrintWriter err = spec.commandLine().getErr();
        if (result.outcome().end() == RunOutcome.End.STOPPED) {
            err.println("vcpusim run: interrupted after " + result.outcome().steps() + " steps");
            return ExitCode.INTERRUPTED;
        }
        if (result.outcome().end() == RunOutcome.End.STEP_BOUND) {
            err.println("vcpusim run: limits.steps = " + wanted.limits().steps()
                    + " reached before the machine came to rest; raise it in the scenario");
            return ExitCode.INCONCLUSIVE;
        }
        if (trace.isPresent() && result.summary().events() > wanted.limits().traceRecords()) {
            err.println("vcpusim run: limits.trace-records = " + wanted.limits().traceRecords()
                    + " reached: the trace ends there; raise it in the scenario");
            return ExitCode.INCONCLUSIVE;
        }
        return result.summary().isFinding() ? ExitCode.FINDING : ExitCode.OK;
    }
}
