package org.vcpusim.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.vcpusim.scenario.InputException;
import org.vcpusim.scenario.Scenario;
import org.vcpusim.sim.Explorer.OnViolation;
import org.vcpusim.sim.FindingFile;
import org.vcpusim.sim.ProgramVersion;
import org.vcpusim.sim.ScheduleFailedException;
import org.vcpusim.sim.SelfCheckFailedException;
import org.vcpusim.sim.ShortFinding;
import org.vcpusim.sim.Stress;
import org.vcpusim.sim.StressJson;
import org.vcpusim.sim.StressPlan;
import org.vcpusim.sim.StressReport;
import org.vcpusim.sim.StressText;
import org.vcpusim.trace.FileFailures;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code vcpusim stress}: runs many schedules of one scenario and prints what they have shown. */
@Command(
        name = "stress",
        description = "Runs many schedules of a scenario, every invariant watching, and prints what they have shown.",
        footer = {
            "",
            "The first thing that it does is to find a bug that is planted in a machine of its own.",
            "",
            "Exit code: 0 no violation but known hazards in the schedules that were run, 1 a finding, 2 the "
                    + "scenario or an option cannot be used, 4 a schedule was cut short by the bound on steps, or no "
                    + "schedule, or fewer than --schedules says, was run in time, 70 nothing was found where a bug is planted or the program failed, 130 it was interrupted; what there "
                    + "is till then is printed."
        })
final class StressCommand implements Callable<Integer> {
    private static final long DEFAULT_SCHEDULES = 10_000;

    @Parameters(paramLabel = "SCENARIO", description = "A scenario file, or the name of a bundled one.")
    private Path scenario = Path.of("");

    @Option(
            names = "--schedules",
            paramLabel = "N",
            description = "How many schedules (default: 10000, or any number where --time is given).")
    private Optional<Long> schedules = Optional.empty();

    @Option(
            names = "--time",
            paramLabel = "TIME",
            description = "For how long, such as 60s, 5m or 500ms; if --schedules is given too, at most.")
    private Optional<String> time = Optional.empty();

    @Mixin
    private SearchOptions search = new SearchOptions();

    @Mixin
    private RulesOptions rules = new RulesOptions();

    @Option(
            names = "--steps",
            paramLabel = "N",
            description =
                    "Most messages of one schedule (default: 10000000, or the scenario's limit if that is lower).")
    private Optional<Long> steps = Optional.empty();

    @Option(names = "--stop-on-first", description = "End with the block of 64 schedules in which there is a finding.")
    private boolean stopOnFirst;

    @Option(names = "--vcpus", paramLabel = "N", description = "Another number of vCPUs, 1 to 4096.")
    private Optional<Integer> vcpus = Optional.empty();

    @Option(
            names = "--findings",
            paramLabel = "DIR",
            defaultValue = "findings",
            description =
                    "Where findings and hazards go, a file each; made when there is one (default: ${DEFAULT-VALUE}).")
    private Path findings = Path.of("findings");

    @Option(
            names = "--shrink",
            paramLabel = "TIME",
            defaultValue = "5s",
            description =
                    "Most time to shorten the first schedule of each finding and hazard (default: ${DEFAULT-VALUE}).")
    private String shrink = "5s";

    @Option(names = "--no-shrink", description = "Shorten nothing: tell no stories.")
    private boolean noShrink;

    @Option(names = "--no-progress", description = "Show no progress bar.")
    private boolean noProgress;

    @Option(names = "--json", description = "Print the report as one JSON document.")
    private boolean json;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before call
    private CommandSpec spec;

    @Override
    public Integer call() {
        StressPlan plan = plan();
        Interruption interruption = Interruption.onSignal();
        try {
            StressReport report = run(plan, interruption);
            List<ShortFinding> shortened = shortened(report, interruption);
            PrintWriter out = spec.commandLine().getOut();
            out.print(
                    json
                            ? StressJson.of(report, shortened, findings) + System.lineSeparator()
                            : StressText.of(
                                    report,
                                    shortened,
                                    new StressText.StoryLook(Terminal.width(), Terminal.colour(), findings)));
            out.flush();
            write(report, shortened);
            return interruption.requested() ? ExitCode.INTERRUPTED : exitCode(report);
        } catch (SelfCheckFailedException e) {
            spec.commandLine().getErr().println("vcpusim stress: " + e.getMessage());
            return ExitCode.INTERNAL;
        } catch (ScheduleFailedException e) {
            return failed(e);
        } finally {
            interruption.done();
        }
    }

    private StressPlan plan() {
        Scenario read = ScenarioOption.read(scenario);
        Scenario wanted = rules.applied(vcpus.map(read::withVcpus).orElse(read));
        long nanos = time.map(text -> Durations.nanos("--time", text)).orElse(Long.MAX_VALUE);
        long most = schedules.orElse(time.isPresent() ? Long.MAX_VALUE : DEFAULT_SCHEDULES);
        Durations.nanos("--shrink", shrink);
        requireWritable();
        OptionRange.require("--schedules", most, 1, Long.MAX_VALUE);
        OptionRange.require("--steps", steps.orElse(1L), 1, Long.MAX_VALUE);
        StressPlan.Budget budget = new StressPlan.Budget(
                most,
                nanos,
                steps.orElse(StressPlan.DEFAULT_STEPS),
                stopOnFirst ? OnViolation.STOP : OnViolation.GO_ON);
        return new StressPlan(wanted, search.strategy(), search.seed(), budget, search.jobs());
    }

    private StressReport run(StressPlan plan, Interruption interruption) {
        long most = plan.budget().schedules();
        long total = most == Long.MAX_VALUE ? Progress.UNKNOWN : most;
        try (Progress progress = Progress.of("stress " + plan.scenario().name(), " schedules", total, noProgress)) {
            return Stress.run(plan, interruption::requested, progress::at);
        }
    }

    private List<ShortFinding> shortened(StressReport report, Interruption interruption) {
        if (noShrink || report.groups().isEmpty()) {
            return List.of();
        }
        return ShortFinding.of(
                report,
                new ShortFinding.Effort(
                        Durations.nanos("--shrink", shrink),
                        interruption::requested,
                        ProgramVersion.running(),
                        ScenarioOption.unlessBundled(scenario)));
    }

    private void write(StressReport report, List<ShortFinding> shortened) {
        PrintWriter err = spec.commandLine().getErr();
        try {
            List<Path> files = FindingFile.writeAll(
                    findings,
                    new FindingFile.Found(
                            report,
                            shortened,
                            Files.readString(ScenarioOption.file(scenario)),
                            ProgramVersion.running()));
            files.forEach(file -> err.println("vcpusim stress: wrote " + file));
        } catch (IOException | UncheckedIOException e) {
            throw unwritable(e);
        }
    }

    private InputException unwritable(Exception e) {
        Throwable cause = e instanceof UncheckedIOException ? e.getCause() : e;
        String why = cause instanceof IOException io ? FileFailures.reason(io) : String.valueOf(e.getMessage());
        return new InputException("--findings " + findings + ": cannot be written: " + why);
    }

    /** Before there is anything to write: nobody wants to learn of it after an hour. */
    private void requireWritable() {
        Path nearest = findings.toAbsolutePath();
        while (nearest != null && Files.notExists(nearest)) {
            nearest = nearest.getParent();
        }
        if (nearest != null && !Files.isDirectory(nearest)) {
            throw new InputException("--findings " + findings + ": must be a folder, but " + nearest + " is none");
        }
        if (nearest == null || !Files.isWritable(nearest)) {
            throw new InputException("--findings " + findings + ": cannot be written: permission denied");
        }
    }

    /** Says how to run into it again, and leaves the file for that. */
    private int failed(ScheduleFailedException e) {
        PrintWriter err = spec.commandLine().getErr();
        err.println("vcpusim stress: internal error: " + e.getMessage());
        try {
            Path file = FindingFile.write(
                    findings, e, Files.readString(ScenarioOption.file(scenario)), ProgramVersion.running());
            err.println("vcpusim stress: again: vcpusim replay " + file);
        } catch (IOException | UncheckedIOException unwritten) {
            err.println(unwritable(unwritten).getMessage());
        }
        e.printStackTrace(err);
        return ExitCode.INTERNAL;
    }

    private int exitCode(StressReport report) {
        if (report.end() == StressReport.End.INTERRUPTED) {
            return ExitCode.INTERRUPTED;
        }
        if (!report.findings().isEmpty()) {
            return ExitCode.FINDING;
        }
        boolean fewer =
                schedules.filter(most -> report.figures().schedules() < most).isPresent();
        boolean inconclusive =
                report.figures().schedules() == 0 || report.figures().cut() > 0;
        return fewer || inconclusive ? ExitCode.INCONCLUSIVE : ExitCode.OK;
    }
}
