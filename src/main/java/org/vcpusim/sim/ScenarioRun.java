package org.vcpusim.sim;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.BooleanSupplier;
import java.util.function.LongConsumer;
import org.vcpusim.scenario.Scenario;
import org.vcpusim.schedule.RandomChooser;
import org.vcpusim.trace.LineTraceWriter;
import org.vcpusim.trace.TraceFormat;
import org.vcpusim.trace.TraceSink;

/** One run of a scenario on one executor, with its statistics and, if wanted, its trace. */
public final class ScenarioRun {
    private static final int STEPS_PER_REPORT = 4096;

    private final Scenario scenario;
    private final Executor executor;
    private final long seed;
    private final List<TraceSink> sinks = new ArrayList<>();

    /** What the actors run on. */
    public enum Executor {
        /** Pekko's dispatcher, in parallel. */
        LIVE,
        /** One message at a time, in an order that the seed decides. */
        CONTROLLED;

        /** As the command line and summaries have it. */
        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** How the run ended, and what it showed. */
    public record Result(RunOutcome outcome, RunSummary summary) {}

    /** A run that has not started. */
    public ScenarioRun(Scenario scenario, Executor executor, long seed) {
        this.scenario = scenario;
        this.executor = executor;
        this.seed = seed;
    }

    /**
     * Writes every event to {@code file}, up to the scenario's bound on trace records.
     *
     * @throws java.io.UncheckedIOException where it cannot be opened
     */
    public void writeTrace(Path file, TraceFormat format) {
        LineTraceWriter writer = format.writer(file, scenario.machine().vcpuCount());
        writer.limit(scenario.limits().traceRecords());
        sinks.add(writer);
    }

    /** Runs until nothing moves any more, a bound is reached or {@code stopped}; {@code progress} is told of the steps. */
    public Result execute(BooleanSupplier stopped, LongConsumer progress) {
        RunStatistics statistics = new RunStatistics(scenario.machine().vcpuCount());
        List<TraceSink> all = new ArrayList<>(sinks);
        all.add(statistics);
        Reporter reporter = new Reporter(stopped, progress);
        Bounds bounds = new Bounds(scenario.limits().steps(), reporter);
        long start = System.nanoTime();
        RunOutcome outcome = executed(all, bounds);
        RunSummary summary = new RunSummary(
                scenario.name(),
                executor,
                seed,
                scenario.machine().vcpuCount(),
                outcome.steps(),
                System.nanoTime() - start,
                statistics.figures());
        return new Result(outcome, summary);
    }

    private RunOutcome executed(List<TraceSink> all, Bounds bounds) {
        Assembly assembly = ScenarioAssembly.of(scenario);
        if (executor == Executor.LIVE) {
            try (LiveSimulation simulation = new LiveSimulation()) {
                return simulation.run(assembly, all, bounds);
            }
        }
        try (ControlledSimulation simulation = new ControlledSimulation()) {
            return simulation.run(assembly, new RandomChooser(seed), all, bounds);
        }
    }

    /** Asked before every step, it tells the progress now and then. */
    private static final class Reporter implements BooleanSupplier {
        private final BooleanSupplier stopped;
        private final LongConsumer progress;
        private long asked;

        Reporter(BooleanSupplier stopped, LongConsumer progress) {
            this.stopped = stopped;
            this.progress = progress;
        }

        @Override
        public boolean getAsBoolean() {
            asked++;
            if (asked % STEPS_PER_REPORT == 0) {
                progress.accept(asked);
            }
            return stopped.getAsBoolean();
        }
    }
}
