package org.vcpusim.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.vcpusim.scenario.InputException;
import org.vcpusim.sim.ScheduleBench;
import org.vcpusim.sim.ScheduleBench.Rate;
import org.vcpusim.sim.ScheduleBench.Result;
import org.vcpusim.sim.ScheduleBench.Size;
import org.vcpusim.sim.ScheduleBench.Subject;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code vcpusim bench schedules}. */
@Command(
        name = "schedules",
        description = "Schedules of a small race, beside bare actors that exchange as many messages.",
        footer = {
            "",
            "In the race vCPU 0 writes a redirection entry that addresses all vCPUs, and each enters the guest and halts. The",
            "bare actors are as many, on the same executor, and each tells the same others as often, with empty messages."
        })
final class BenchSchedules implements Callable<Integer> {
    private static final int MOST_VCPUS = 256;
    private static final long LEAST_NANOS = 1_000_000;
    private static final long MOST_NANOS = 60_000_000_000L;

    @Option(
            names = "--vcpus",
            paramLabel = "N",
            split = ",",
            defaultValue = "2,4,16,64",
            description = "Numbers of vCPUs, each 1 to 256 (default: ${DEFAULT-VALUE}).")
    private List<Integer> vcpus = List.of();

    @Option(
            names = "--time",
            paramLabel = "TIME",
            defaultValue = "200ms",
            description = "How long each measurement takes, 1ms to 60s (default: ${DEFAULT-VALUE}).")
    private String time = "";

    @Option(
            names = "--rounds",
            paramLabel = "N",
            defaultValue = "9",
            description = "How often all of it is measured in turn, 1 to 100 (default: ${DEFAULT-VALUE}).")
    private int rounds;

    @Option(
            names = "--jobs",
            paramLabel = "N",
            defaultValue = "1",
            description = "Threads, 1 to 256, whose rates are added up (default: ${DEFAULT-VALUE}).")
    private int jobs;

    @Option(names = "--json", description = "Print one JSON document instead of tables.")
    private boolean json;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before call
    private CommandSpec spec;

    @Override
    public Integer call() {
        vcpus.forEach(count -> OptionRange.require("--vcpus", count, 1, MOST_VCPUS));
        OptionRange.require("--rounds", rounds, 1, 100);
        OptionRange.require("--jobs", jobs, 1, OptionRange.MOST_JOBS);
        long nanos = Durations.nanos("--time", time);
        if (nanos < LEAST_NANOS || nanos > MOST_NANOS) {
            throw new InputException("--time = " + time + ": must be 1ms to 60s");
        }
        return Measurement.run(
                spec,
                new ScheduleBench(vcpus, nanos, rounds, jobs)::measure,
                result -> result.sizes().isEmpty() ? "" : json ? document(result) : text(result),
                result -> "in size " + result.sizes().size() + " of " + vcpus.size());
    }

    private static String text(Result result) {
        StringBuilder text = new StringBuilder();
        for (Size size : result.sizes()) {
            text.append(text.isEmpty() ? "" : "\n").append(table(size, result.jobs()));
        }
        return text.toString();
    }

    private static String table(Size size, int jobs) {
        StringBuilder table = new StringBuilder(String.format(
                Locale.ROOT,
                "%d vCPUs, %d actors, %d messages a schedule; jobs %d, random orders, median of %d rounds%n%n%-28s%14s%14s%17s%n",
                size.vcpus(),
                size.actors(),
                size.messages(),
                jobs,
                size.rounds().size(),
                "",
                "schedules/s",
                "messages/s",
                "of bare actors"));
        for (Subject subject : Subject.values()) {
            table.append(String.format(
                    Locale.ROOT,
                    "%-28s%,14.0f%,14.0f%17s%n",
                    subject.label(),
                    size.median(round -> round.rate(subject).schedulesPerSecond()),
                    size.median(round -> round.rate(subject).messagesPerSecond()),
                    subject == Subject.BARE
                            ? ""
                            : String.format(Locale.ROOT, "%.2f", size.median(round -> round.ratio(subject)))));
        }
        return table.toString().replaceAll(" +\\R", System.lineSeparator());
    }

    private static String document(Result result) {
        ObjectNode root = new ObjectMapper().createObjectNode();
        root.put("schema", "vcpusim.bench-schedules/1").put("jobs", result.jobs());
        for (Size size : result.sizes()) {
            ObjectNode one = root.withArray("/sizes").addObject();
            one.put("vcpus", size.vcpus()).put("actors", size.actors()).put("messagesPerSchedule", size.messages());
            for (Subject subject : Subject.values()) {
                ObjectNode measured = one.putObject(key(subject));
                for (ScheduleBench.Round round : size.rounds()) {
                    Rate rate = round.rate(subject);
                    measured.withArray("/rounds")
                            .addObject()
                            .put("schedulesPerSecond", rate.schedulesPerSecond())
                            .put("messagesPerSecond", rate.messagesPerSecond());
                }
                measured.put(
                        "schedulesPerSecond", size.median(r -> r.rate(subject).schedulesPerSecond()));
                measured.put(
                        "messagesPerSecond", size.median(r -> r.rate(subject).messagesPerSecond()));
                measured.put("ratio", size.median(r -> r.ratio(subject)));
            }
        }
        return root.toPrettyString() + System.lineSeparator();
    }

    private static String key(Subject subject) {
        return subject.name().toLowerCase(Locale.ROOT);
    }
}
