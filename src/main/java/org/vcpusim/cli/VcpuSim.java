package org.vcpusim.cli;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import org.vcpusim.scenario.InputException;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.UnmatchedArgumentException;

/**
 * The program {@code vcpusim}: the root of its commands, and the one place where a failure becomes text and an
 * {@link ExitCode}.
 *
 * <p>It loads nothing but picocli: asking for the help or the version must not start an actor system.
 */
@Command(
        name = "vcpusim",
        description = "Simulates KVM's vCPU requests and the EOI-exit bitmap, and finds the races between them.",
        mixinStandardHelpOptions = true,
        scope = CommandLine.ScopeType.INHERIT,
        versionProvider = Version.class,
        synopsisSubcommandLabel = "COMMAND",
        subcommands = {
            Run.class,
            StressCommand.class,
            HuntCommand.class,
            BugsCommand.class,
            ReplayCommand.class,
            Scenarios.class,
            Conform.class,
            Bench.class,
            Completion.class
        })
public final class VcpuSim implements Runnable {

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before run
    private CommandSpec spec;

    private VcpuSim() {}

    /** Runs one command and ends the JVM with its exit code. */
    public static void main(String[] args) {
        // The trace and its drawings are UTF-8 whatever the locale says.
        StandardOutput stdout = new StandardOutput(new FileOutputStream(FileDescriptor.out));
        PrintWriter out = new PrintWriter(stdout, false, StandardCharsets.UTF_8);
        PrintWriter err = new PrintWriter(System.err, true, StandardCharsets.UTF_8);
        int exitCode = run(out, err, args);
        out.flush();
        Optional<String> lost = stdout.lost();
        lost.ifPresent(why -> err.println("vcpusim: standard output cannot be written: " + why));
        err.flush();
        System.exit(lost.isPresent() ? ExitCode.USAGE : exitCode);
    }

    /** Runs one command, with its text going to {@code out} and {@code err}, and returns its exit code. */
    static int run(PrintWriter out, PrintWriter err, String... args) {
        CommandLine commandLine = new CommandLine(new VcpuSim())
                .setOut(out)
                .setErr(err)
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setAbbreviatedOptionsAllowed(false)
                .setParameterExceptionHandler((e, unused) -> usageError(err, e))
                .setExecutionExceptionHandler((e, command, unused) ->
                        failure(err, command.getCommandSpec().qualifiedName(), e));
        try {
            if (args.length > 0
                    && !args[0].startsWith("-")
                    && !commandLine.getSubcommands().containsKey(args[0])) {
                return unknownCommand(err, commandLine, args[0]);
            }
            return commandLine.execute(args);
        } catch (Throwable e) { // picocli hands on what is no Exception, such as a failed assertion
            return failure(err, "vcpusim", e);
        }
    }

    /** Also before an option such as --help, which would be the root's. */
    private static int unknownCommand(PrintWriter err, CommandLine root, String name) {
        List<String> near = new UnmatchedArgumentException(root, List.of(name)).getSuggestions();
        err.println("vcpusim: no command '" + name + "': must be one of "
                + String.join(", ", root.getSubcommands().keySet())
                + (near.isEmpty() ? "" : didYouMean(near)));
        err.println("Try 'vcpusim --help'.");
        return ExitCode.USAGE;
    }

    private static String didYouMean(List<String> near) {
        return "; did you mean " + near.get(0) + "?";
    }

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "a command is missing");
    }

    private static int usageError(PrintWriter err, ParameterException e) {
        String command = e.getCommandLine().getCommandSpec().qualifiedName();
        err.println(command + ": " + oneLine(e));
        err.println("Try '" + command + " --help'.");
        return ExitCode.USAGE;
    }

    private static String oneLine(ParameterException e) {
        StringBuilder line =
                new StringBuilder(String.valueOf(e.getMessage()).strip().replaceAll("\\s*\\R\\s*", " "));
        if (e instanceof UnmatchedArgumentException unmatched
                && !unmatched.getSuggestions().isEmpty()) {
            line.append(didYouMean(unmatched.getSuggestions()));
        }
        return line.toString();
    }

    private static int failure(PrintWriter err, String command, Throwable e) {
        if (e instanceof InputException) {
            err.println(command + ": " + e.getMessage());
            return ExitCode.USAGE;
        }
        err.println(command + ": internal error: " + e);
        e.printStackTrace(err);
        return ExitCode.INTERNAL;
    }
}
