package org.vcpusim.cli;

import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.vcpusim.kvm.Fix;
import org.vcpusim.scenario.InputException;
import org.vcpusim.schedule.StrategyKind;
import org.vcpusim.sim.Hunt;
import org.vcpusim.sim.Hunt.Catch;
import org.vcpusim.sim.SelfCheckFailedException;
import org.vcpusim.sim.StoryText;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code vcpusim hunt}: leaves fixes out, one at a time, and shows what breaks. */
@Command(
        name = "hunt",
        description = "Leaves fixes out, each in the scenarios bundled for it, and finds and shortens what breaks.",
        footer = {
            "",
            "Exit code: 0 each was found by a rule that the catalogue names, 1 one was not found in its "
                    + "time, 2 a fix or an option cannot be used, 70 where one was not found a planted bug was not found "
                    + "either, 130 it was interrupted."
        })
final class HuntCommand implements Callable<Integer> {
    private static final long POLL_MILLIS = 20;

    @Parameters(paramLabel = "BUG", arity = "0..*", description = "Fixes to leave out, such as B02 B25.")
    private List<String> bugs = List.of();

    @Option(names = "--all", description = "Every fix that can be hunted.")
    private boolean all;

    @Option(
            names = "--time",
            paramLabel = "TIME",
            defaultValue = "30s",
            description = "Most time for each, shortening included (default: ${DEFAULT-VALUE}).")
    private String time = "30s";

    @Option(
            names = "--strategy",
            paramLabel = "NAME",
            description = "How orders are chosen: ${COMPLETION-CANDIDATES} (default: portfolio).",
            completionCandidates = StrategyNames.class)
    private Optional<String> strategy = Optional.empty();

    @Option(
            names = "--seed",
            paramLabel = "N",
            defaultValue = "1",
            description = "Root seed (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Option(
            names = "--jobs",
            paramLabel = "N",
            description = "Threads, 1 to 256, a fix each (default: the processors there are).")
    private Optional<Integer> jobs = Optional.empty();

    @Option(names = "--story", description = "Tell each as a story; always done for a single one.")
    private boolean story;

    @Option(names = "--no-progress", description = "Show no progress bar.")
    private boolean noProgress;

    @Option(names = "--json", description = "Print one JSON document.")
    private boolean json;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before call
    private CommandSpec spec;

    @Override
    public Integer call() {
        List<Fix> wanted = wanted();
        StrategyKind kind = StrategyNames.kind(strategy);
        long nanos = Durations.nanos("--time", time);
        int threads = OptionRange.jobs(jobs);
        Interruption interruption = Interruption.onSignal();
        try {
            List<Catch> catches = hunt(wanted, new Hunters(kind, seed, nanos, threads), interruption);
            print(catches, wanted.size());
            if (interruption.requested()) {
                return ExitCode.INTERRUPTED;
            }
            return catches.stream().allMatch(each -> each.found().isPresent()) ? ExitCode.OK : ExitCode.FINDING;
        } catch (SelfCheckFailedException e) {
            spec.commandLine().getErr().println("vcpusim hunt: " + e.getMessage());
            return ExitCode.INTERNAL;
        } finally {
            interruption.done();
        }
    }

    private record Hunters(StrategyKind kind, long seed, long nanos, int threads) {}

    private List<Fix> wanted() {
        if (all == !bugs.isEmpty()) {
            throw new ParameterException(spec.commandLine(), "name fixes, or say --all");
        }
        if (all) {
            return Arrays.stream(Fix.values()).filter(Fix::isVisible).toList();
        }
        return bugs.stream().map(HuntCommand::fix).distinct().toList();
    }

    static Fix fix(String name) {
        Fix fix = Fix.of(name)
                .orElseThrow(() -> new InputException("BUG = " + name + ": must be one of "
                        + String.join(
                                ", ", Arrays.stream(Fix.values()).map(Fix::id).toList())));
        if (!fix.isVisible()) {
            throw new InputException(
                    "BUG = " + fix.id() + ": its absence cannot be seen in any run; docs/model.md says why");
        }
        return fix;
    }

    /** A thread takes the next fix when it is done with one; each has an actor system of its own. */
    private List<Catch> hunt(List<Fix> fixes, Hunters hunters, Interruption interruption) {
        int threads = Math.min(hunters.threads, fixes.size());
        ExecutorService pool = Executors.newFixedThreadPool(threads);
        AtomicInteger next = new AtomicInteger();
        AtomicInteger done = new AtomicInteger();
        List<Future<List<Catch>>> shares = new ArrayList<>();
        try (Progress progress = Progress.of("hunt", " fixes", fixes.size(), noProgress)) {
            for (int i = 0; i < threads; i++) {
                shares.add(pool.submit(() -> share(fixes, hunters, next, done, interruption)));
            }
            while (!shares.stream().allMatch(Future::isDone)) {
                TimeUnit.MILLISECONDS.sleep(POLL_MILLIS);
                progress.at(done.get());
            }
            List<Catch> catches = new ArrayList<>();
            for (Future<List<Catch>> share : shares) {
                catches.addAll(share.get());
            }
            List<String> order = fixes.stream().map(Fix::id).toList();
            catches.sort(
                    Comparator.comparingInt(each -> order.indexOf(each.prey().name())));
            return catches;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        } catch (ExecutionException e) {
            throw e.getCause() instanceof RuntimeException r ? r : new IllegalStateException(e.getCause());
        } finally {
            pool.shutdownNow();
        }
    }

    @SuppressWarnings("TooManyParameters") // what the threads share
    private static List<Catch> share(
            List<Fix> fixes, Hunters hunters, AtomicInteger next, AtomicInteger done, Interruption interruption) {
        List<Catch> catches = new ArrayList<>();
        try (Hunt hunt = new Hunt(hunters.kind, hunters.seed)) {
            for (int i = next.getAndIncrement(); i < fixes.size(); i = next.getAndIncrement()) {
                if (interruption.requested()) {
                    break;
                }
                Fix fix = fixes.get(i);
                Hunt.Prey prey = Hunt.Prey.of(fix, ScenarioOption.of(fix.id()));
                catches.add(hunt.hunt(prey, hunters.nanos, interruption::requested));
                done.incrementAndGet();
            }
        }
        return catches;
    }

    private void print(List<Catch> catches, int wanted) {
        PrintWriter out = spec.commandLine().getOut();
        HuntReport report = HuntReport.of(catches, wanted);
        if (json) {
            out.println(report.json().toPrettyString());
        } else {
            if (catches.size() == 1 || story) {
                report.stories().forEach(told -> out.println(StoryText.of(told, Terminal.width(), Terminal.colour())));
            }
            out.print(report.table());
            out.println();
            out.println(report.sum());
        }
        out.flush();
    }
}
