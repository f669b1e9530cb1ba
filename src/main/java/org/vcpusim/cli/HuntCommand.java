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
import java.util.stream.Stream;
import org.vcpusim.kvm.Fix;
import org.vcpusim.kvm.Hazard;
import org.vcpusim.scenario.InputException;
import org.vcpusim.schedule.StrategyKind;
import org.vcpusim.sim.Hunt;
import org.vcpusim.sim.Hunt.Catch;
import org.vcpusim.sim.Hunt.Prey;
import org.vcpusim.sim.SelfCheckFailedException;
import org.vcpusim.sim.StoryText;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code vcpusim hunt}: leaves fixes out, one at a time, and shows what breaks. */
@Command(
        name = "hunt",
        description =
                "Leaves fixes out, or looks for hazards, in the scenarios bundled for each, and finds and shortens what "
                        + "breaks.",
        footer = {
            "",
            "A fix that ended several faults is found when each of them, alone, is. A hazard is something that Linux, as it is "
                    + "modelled, does today: it is found in a machine with every fix.",
            "",
            "Exit code: 0 each was found by a rule that the catalogue names or as the hazard, 2 a fix, a hazard or "
                    + "an option cannot be used, 4 one was not found in its time, 70 where one was not found a planted bug was not found "
                    + "either, 130 it was interrupted."
        })
final class HuntCommand implements Callable<Integer> {
    private static final long POLL_MILLIS = 20;

    @Parameters(
            paramLabel = "BUG",
            arity = "0..*",
            description = "Fixes to leave out and hazards to look for, such as B02 B25 O3.")
    private List<String> bugs = List.of();

    @Option(names = "--all", description = "Every fix that can be hunted, and no hazard.")
    private boolean all;

    @Option(
            names = "--time",
            paramLabel = "TIME",
            defaultValue = "30s",
            description = "Most time for each, shortening included (default: ${DEFAULT-VALUE}).")
    private String time = "30s";

    @Mixin
    private SearchOptions search = new SearchOptions();

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
        List<Prey> wanted = wanted();
        long nanos = Durations.nanos("--time", time);
        Hunters hunters = new Hunters(search.strategy(), search.seed(), nanos, search.jobs());
        Interruption interruption = Interruption.onSignal();
        try {
            List<Catch> catches = hunt(wanted, hunters, interruption);
            print(HuntReport.of(catches, wanted));
            if (interruption.requested()) {
                return ExitCode.INTERRUPTED;
            }
            return catches.stream().allMatch(each -> each.found().isPresent()) ? ExitCode.OK : ExitCode.INCONCLUSIVE;
        } catch (SelfCheckFailedException e) {
            spec.commandLine().getErr().println("vcpusim hunt: " + e.getMessage());
            return ExitCode.INTERNAL;
        } finally {
            interruption.done();
        }
    }

    private record Hunters(StrategyKind kind, long seed, long nanos, int threads) {}

    private List<Prey> wanted() {
        if (all && !bugs.isEmpty()) {
            throw new ParameterException(
                    spec.commandLine(), "--all and " + String.join(" ", bugs) + ": must be one of them");
        }
        if (!all && bugs.isEmpty()) {
            throw new ParameterException(spec.commandLine(), "name fixes or hazards, or say --all");
        }
        Stream<String> names =
                all ? Arrays.stream(Fix.values()).filter(Fix::isVisible).map(Fix::id) : bugs.stream();
        return names.map(String::toUpperCase)
                .distinct()
                .flatMap(name -> preys(name).stream())
                .toList();
    }

    private static List<Prey> preys(String name) {
        Optional<Fix> fix = Fix.of(name);
        Optional<Hazard> hazard = Hazard.of(name);
        if (fix.isPresent() && fix.get().isVisible()) {
            return Prey.of(fix.get(), ScenarioOption.of(name));
        }
        if (hazard.isPresent() && hazard.get().isVisible()) {
            return List.of(Prey.of(hazard.get(), ScenarioOption.of(name)));
        }
        throw new InputException("BUG = " + name + ": "
                + hazard.map(unseen -> "no run shows it: " + unseen.unseen())
                        .or(() -> fix.map(unseen -> "its absence cannot be seen in any run; docs/model.md says why"))
                        .orElse("must be a fix, B01 to B49 or B27b, or a hazard, O1 to O8"));
    }

    /** A thread takes the next when it is done with one; each has an actor system of its own. */
    private List<Catch> hunt(List<Prey> preys, Hunters hunters, Interruption interruption) {
        int threads = Math.min(hunters.threads, preys.size());
        ExecutorService pool = Executors.newFixedThreadPool(threads);
        AtomicInteger next = new AtomicInteger();
        AtomicInteger done = new AtomicInteger();
        List<Future<List<Catch>>> shares = new ArrayList<>();
        try (Progress progress = Progress.of("hunt", " faults and hazards", preys.size(), noProgress)) {
            for (int i = 0; i < threads; i++) {
                shares.add(pool.submit(() -> share(preys, hunters, next, done, interruption)));
            }
            while (!shares.stream().allMatch(Future::isDone)) {
                TimeUnit.MILLISECONDS.sleep(POLL_MILLIS);
                progress.at(done.get());
            }
            List<Catch> catches = new ArrayList<>();
            for (Future<List<Catch>> share : shares) {
                catches.addAll(share.get());
            }
            catches.sort(Comparator.comparingInt(each -> preys.indexOf(each.prey())));
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
            List<Prey> preys, Hunters hunters, AtomicInteger next, AtomicInteger done, Interruption interruption) {
        List<Catch> catches = new ArrayList<>();
        try (Hunt hunt = new Hunt(hunters.kind, hunters.seed)) {
            for (int i = next.getAndIncrement(); i < preys.size(); i = next.getAndIncrement()) {
                if (interruption.requested()) {
                    break;
                }
                catches.add(hunt.hunt(preys.get(i), hunters.nanos, interruption::requested));
                done.incrementAndGet();
            }
        }
        return catches;
    }

    private void print(HuntReport report) {
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            out.println(report.json().toPrettyString());
        } else {
            if (report.isOfOne() || story) {
                report.stories().forEach(told -> out.println(StoryText.of(told, Terminal.width(), Terminal.colour())));
            }
            out.print(report.table());
            out.println();
            report.sum()
                    .lines()
                    .flatMap(line -> StoryText.wrapped(line, Terminal.width()).stream())
                    .forEach(out::println);
        }
        out.flush();
    }
}
