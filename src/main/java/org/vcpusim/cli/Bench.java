package org.vcpusim.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.concurrent.Callable;
import org.vcpusim.sim.LiveBench;
import org.vcpusim.sim.LiveBench.Result;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code vcpusim bench}: measures the program beside something else in the same process. */
@Command(
        name = "bench",
        description = "Measures, beside something else in the same process.",
        subcommands = {Bench.Live.class, BenchSchedules.class, BenchDesigns.class})
final class Bench implements Runnable {

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before run
    private CommandSpec spec;

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "a benchmark is missing: live, schedules or designs");
    }

    /** {@code vcpusim bench live}. */
    @Command(
            name = "live",
            description = "Simulated vCPUs under a steady rate of table writes, beside bare Pekko actors.")
    static final class Live implements Callable<Integer> {
        private static final int MOST_VCPUS = 4096;
        private static final long SECOND = 1_000_000_000L;

        @Option(
                names = "--vcpus",
                paramLabel = "N",
                defaultValue = "64",
                description = "How many vCPUs, and bare actors, 2 to 4096 (default: ${DEFAULT-VALUE}).")
        private int vcpus;

        @Option(
                names = "--seconds",
                paramLabel = "N",
                defaultValue = "3",
                description = "How long each measurement takes, 1 to 60 (default: ${DEFAULT-VALUE}).")
        private int seconds;

        @Option(
                names = "--rounds",
                paramLabel = "N",
                defaultValue = "5",
                description = "How often all of it is measured in turn, 1 to 100 (default: ${DEFAULT-VALUE}).")
        private int rounds;

        @Option(names = "--json", description = "Print one JSON document instead of a table.")
        private boolean json;

        @Spec
        @SuppressWarnings("NullAway.Init") // picocli sets it before call
        private CommandSpec spec;

        @Override
        public Integer call() {
            OptionRange.require("--vcpus", vcpus, 2, MOST_VCPUS);
            OptionRange.require("--seconds", seconds, 1, 60);
            OptionRange.require("--rounds", rounds, 1, 100);
            return Measurement.run(
                    spec,
                    new LiveBench(vcpus, seconds * SECOND, rounds)::measure,
                    result -> result.rounds().isEmpty() ? "" : json ? document(result) : table(result),
                    result -> "after " + result.rounds().size() + " of " + rounds + " rounds");
        }

        private static String table(Result r) {
            return String.format(
                    "%d vCPUs, median of %d rounds%n%n"
                            + "                        messages/s     entries/s   of bare actors%n"
                            + "bare Pekko actors     %,12.0f%n"
                            + "vCPUs, trace off      %,12.0f  %,12.0f  %15.2f%n"
                            + "vCPUs, trace on       %,12.0f  %,12.0f  %15.2f%n%s",
                    r.vcpus(),
                    r.rounds().size(),
                    r.median(LiveBench.Round::bare),
                    r.median(x -> x.untraced().messagesPerSecond()),
                    r.median(x -> x.untraced().entriesPerSecond()),
                    r.median(LiveBench.Round::untracedRatio),
                    r.median(x -> x.traced().messagesPerSecond()),
                    r.median(x -> x.traced().entriesPerSecond()),
                    r.median(LiveBench.Round::tracedRatio),
                    r.bytesPerVcpu().isEmpty()
                            ? ""
                            : String.format(
                                    "%nheap per vCPU         %,12.0f bytes, at %,d vCPUs%n",
                                    r.bytesPerVcpu().getAsDouble(), r.memoryVcpus()));
        }

        private static String document(Result r) {
            ObjectNode root = new ObjectMapper().createObjectNode();
            root.put("schema", "vcpusim.bench-live/1").put("vcpus", r.vcpus());
            for (LiveBench.Round round : r.rounds()) {
                root.withArray("/rounds")
                        .addObject()
                        .put("bareMessagesPerSecond", round.bare())
                        .put("untracedMessagesPerSecond", round.untraced().messagesPerSecond())
                        .put("untracedEntriesPerSecond", round.untraced().entriesPerSecond())
                        .put("tracedMessagesPerSecond", round.traced().messagesPerSecond())
                        .put("tracedEntriesPerSecond", round.traced().entriesPerSecond());
            }
            root.put("untracedRatio", r.median(LiveBench.Round::untracedRatio));
            root.put("tracedRatio", r.median(LiveBench.Round::tracedRatio));
            r.bytesPerVcpu()
                    .ifPresent(bytes -> root.put("memoryVcpus", r.memoryVcpus()).put("bytesPerVcpu", bytes));
            return root.toPrettyString() + System.lineSeparator();
        }
    }
}
