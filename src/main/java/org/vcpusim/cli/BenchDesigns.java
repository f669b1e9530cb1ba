package org.vcpusim.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.vcpusim.search.Delivery;
import org.vcpusim.sim.DesignBench;
import org.vcpusim.sim.DesignBench.Cell;
import org.vcpusim.sim.DesignBench.Handshake;
import org.vcpusim.sim.DesignBench.Result;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code vcpusim bench designs}. */
@Command(
        name = "designs",
        description = "How many random schedules show a broken protocol, by the design of the actors.",
        footer = {
            "",
            "Two vCPUs write a redirection entry each that addresses a third, which leaves the guest and enters it again. What",
            "the designs are, and why only one of them is used, is in docs/designs.md."
        })
final class BenchDesigns implements Callable<Integer> {
    @Option(
            names = "--schedules",
            paramLabel = "N",
            defaultValue = "5000",
            description = "How many schedules of each, 1 to 1000000 (default: ${DEFAULT-VALUE}).")
    private int schedules;

    @Option(
            names = "--seed",
            paramLabel = "N",
            defaultValue = "1",
            description = "Root seed; with its index it decides a schedule (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Option(names = "--json", description = "Print one JSON document instead of a table.")
    private boolean json;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before call
    private CommandSpec spec;

    @Override
    public Integer call() {
        OptionRange.require("--schedules", schedules, 1, 1_000_000);
        int cells = Delivery.values().length * Handshake.values().length;
        return Measurement.run(
                spec,
                new DesignBench(schedules, seed)::measure,
                result -> json ? document(result) : table(result),
                result -> "after " + result.cells().size() + " of " + cells + " cells");
    }

    private static String table(Result result) {
        StringBuilder table = new StringBuilder(String.format(
                Locale.ROOT,
                "3 vCPUs, %,d random schedules each, seed %d: how many show a violation, and the first that does%n%n",
                result.schedules(),
                result.seed()));
        table.append(String.format("%-28s", "design"));
        for (Handshake handshake : Handshake.values()) {
            table.append(String.format("%24s", handshake.label()));
        }
        table.append(System.lineSeparator());
        for (Delivery design : Delivery.values()) {
            table.append(String.format("%-28s", design.label()));
            for (Handshake handshake : Handshake.values()) {
                table.append(String.format(
                        "%24s",
                        result.cell(design, handshake).map(BenchDesigns::text).orElse("-")));
            }
            table.append(System.lineSeparator());
        }
        return table.toString();
    }

    private static String text(Cell cell) {
        String found = String.format(Locale.ROOT, "%,d", cell.found());
        return cell.first().isEmpty()
                ? found
                : String.format(
                        Locale.ROOT, "%s (first %,d)", found, cell.first().getAsLong());
    }

    private static String document(Result result) {
        ObjectNode root = new ObjectMapper().createObjectNode();
        root.put("schema", "vcpusim.bench-designs/1")
                .put("schedules", result.schedules())
                .put("seed", result.seed());
        for (Cell cell : result.cells()) {
            ObjectNode one = root.withArray("/cells").addObject();
            one.put("design", name(cell.design()))
                    .put("protocol", name(cell.handshake()))
                    .put("found", cell.found());
            if (cell.first().isPresent()) {
                one.put("firstSchedule", cell.first().getAsLong());
            } else {
                one.putNull("firstSchedule");
            }
        }
        return root.toPrettyString() + System.lineSeparator();
    }

    private static String name(Enum<?> value) {
        return value.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
