package org.vcpusim.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.vcpusim.kvm.Machine;
import org.vcpusim.scenario.InputException;
import org.vcpusim.sim.Conformance;
import org.vcpusim.sim.Conformance.Failed;
import org.vcpusim.sim.Conformance.Outcome;
import org.vcpusim.sim.Conformance.Passed;
import org.vcpusim.sim.Conformance.Skipped;
import org.vcpusim.sim.VectorFile;
import org.vcpusim.trace.FileFailures;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code vcpusim conform}: replays recorded vectors against the model. */
@Command(
        name = "conform",
        description = "Replays recorded vectors and compares every result and the state after every operation.",
        footer = {
            "",
            "Exit code: 0 all passed or were skipped, 1 one failed, 2 a file cannot be used, 130 it was interrupted."
        })
final class Conform implements Callable<Integer> {

    @Parameters(arity = "1..*", paramLabel = "PATH", description = "A .vec or .vec.gz file, or a folder of them.")
    private List<Path> paths = List.of();

    @Option(
            names = "--executor",
            paramLabel = "NAME",
            defaultValue = "core",
            description = "What to replay on: ${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}).")
    private Conformance.Path executor = Conformance.Path.CORE;

    @Option(
            names = "--apicv",
            description = "With APICv active. The vectors were recorded with it inactive; those that depend on that are"
                    + " skipped.")
    private boolean apicv;

    @Option(names = "--json", description = "Print one JSON document instead of lines.")
    private boolean json;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before call
    private CommandSpec spec;

    /** What became of the vector in {@code file}. */
    private record Result(Path file, Outcome outcome) {}

    /** What was replayed, and what cannot be used of the rest. */
    private record Replayed(List<Result> results, List<String> unusable) {
        int files() {
            return results.size() + unusable.size();
        }
    }

    @Override
    public Integer call() {
        List<Path> files = files();
        Interruption interruption = Interruption.onSignal();
        try {
            Replayed replayed = replayed(files, interruption);
            List<Result> results = replayed.results;
            PrintWriter out = spec.commandLine().getOut();
            if (json || !results.isEmpty() || replayed.unusable.isEmpty()) {
                out.println(json ? document(results) : totals(results));
                out.flush();
            }
            PrintWriter err = spec.commandLine().getErr();
            replayed.unusable.forEach(why -> err.println("vcpusim conform: " + why));
            if (replayed.files() < files.size()) {
                err.println(
                        "vcpusim conform: interrupted after " + replayed.files() + " of " + files.size() + " files");
                return ExitCode.INTERRUPTED;
            }
            if (!replayed.unusable.isEmpty()) {
                return ExitCode.USAGE;
            }
            return count(results, Failed.class) == 0 ? ExitCode.OK : ExitCode.FINDING;
        } finally {
            interruption.done();
        }
    }

    private Replayed replayed(List<Path> files, Interruption interruption) {
        PrintWriter out = spec.commandLine().getOut();
        List<Result> results = new ArrayList<>();
        List<String> unusable = new ArrayList<>();
        try (Conformance conformance =
                Conformance.on(executor, apicv ? Machine.Apicv.ACTIVE : Machine.Apicv.INACTIVE)) {
            for (Path file : files) {
                if (interruption.requested()) {
                    break;
                }
                VectorFile vector;
                try {
                    vector = VectorFile.read(file);
                } catch (InputException e) {
                    unusable.add(String.valueOf(e.getMessage()));
                    continue;
                }
                Result result = new Result(file, conformance.replay(vector));
                results.add(result);
                if (!json) {
                    out.println(line(result));
                    out.flush();
                }
            }
        }
        return new Replayed(results, unusable);
    }

    private List<Path> files() {
        List<Path> files = new ArrayList<>();
        for (Path path : paths) {
            if (Files.isDirectory(path)) {
                files.addAll(filesIn(path));
            } else if (Files.exists(path)) {
                files.add(path);
            } else {
                throw new InputException(path + ": no such file or folder");
            }
        }
        if (files.isEmpty()) {
            throw new InputException(paths.get(0) + ": holds no .vec or .vec.gz file");
        }
        return files;
    }

    private static List<Path> filesIn(Path folder) {
        try (Stream<Path> walk = Files.walk(folder)) {
            return walk.filter(VectorFile::isNamedLikeOne)
                    .filter(Files::isRegularFile)
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new InputException(folder + ": cannot be read: " + FileFailures.reason(e));
        }
    }

    private static String line(Result result) {
        Outcome outcome = result.outcome;
        if (outcome instanceof Passed passed) {
            return "passed   " + result.file + "  (" + passed.operations() + " operations)";
        }
        if (outcome instanceof Skipped skipped) {
            return "skipped  " + result.file + "  (needs " + skipped.needs() + ")";
        }
        Failed f = (Failed) outcome;
        return "FAILED   " + result.file + ":" + f.line() + ": " + f.operation() + ": " + f.what() + ": recorded "
                + f.expected() + ", model " + f.found();
    }

    private static String totals(List<Result> results) {
        return count(results, Passed.class) + " passed, " + count(results, Failed.class) + " failed, "
                + count(results, Skipped.class) + " skipped";
    }

    private static long count(List<Result> results, Class<? extends Outcome> kind) {
        return results.stream().filter(r -> kind.isInstance(r.outcome)).count();
    }

    private static String document(List<Result> results) {
        ObjectNode root = new ObjectMapper().createObjectNode();
        root.put("schema", "vcpusim.conform/1");
        root.put("passed", count(results, Passed.class));
        root.put("failed", count(results, Failed.class));
        root.put("skipped", count(results, Skipped.class));
        ArrayNode vectors = root.putArray("vectors");
        results.forEach(result -> describe(vectors.addObject(), result));
        return root.toPrettyString();
    }

    private static void describe(ObjectNode node, Result result) {
        node.put("file", result.file.toString());
        Outcome outcome = result.outcome;
        if (outcome instanceof Passed passed) {
            node.put("outcome", "passed").put("operations", passed.operations());
        } else if (outcome instanceof Skipped skipped) {
            node.put("outcome", "skipped").put("needs", skipped.needs());
        } else if (outcome instanceof Failed f) {
            node.put("outcome", "failed").put("line", f.line()).put("operation", f.operation());
            node.put("what", f.what()).put("recorded", f.expected()).put("model", f.found());
        }
    }
}
