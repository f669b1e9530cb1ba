package org.vcpusim.sim;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Locale;

/**
 * A run's summary as one JSON object. {@code schema} is its version: it changes when a key goes or changes its meaning, not
 * when one comes.
 */
public final class SummaryJson {
    private static final int SCHEMA = 1;
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private SummaryJson() {}

    /** The object, indented, with a line end. */
    public static String of(RunSummary run) {
        RunFigures figures = run.figures();
        ObjectNode root = MAPPER.createObjectNode()
                .put("schema", SCHEMA)
                .put("scenario", run.scenario())
                .put("executor", run.executor().toString())
                .put("seed", run.seed())
                .put("vcpus", run.vcpus())
                .put("steps", run.steps())
                .put("events", run.events())
                .put("virtual_ns", figures.nanos())
                .put("elapsed_ns", run.elapsedNanos())
                .put("finding", run.isFinding());
        requests(root.putArray("requests"), figures.requests());
        exits(root.putArray("exits"), figures.exits());
        root.putObject("eois")
                .put("induced", figures.eois().induced())
                .put("software", figures.eois().software())
                .put("virtualized", figures.eois().virtualized());
        root.putObject("entries")
                .put("entered", figures.entries().entered())
                .put("cancelled", figures.entries().cancelled());
        root.putObject("ipis")
                .put("sent", figures.entries().ipisSent())
                .put("elided", figures.entries().ipisElided());
        bitmaps(root.putObject("bitmaps"), figures.bitmaps());
        integers(root.putArray("stuck_pins"), figures.stuckPins());
        integers(root.putArray("lost_interrupts"), figures.lostInterrupts());
        return print(root);
    }

    private static void requests(ArrayNode array, List<RunFigures.RequestRow> rows) {
        for (RunFigures.RequestRow row : rows) {
            array.addObject()
                    .put("request", row.request().name())
                    .put("made", row.made())
                    .put("coalesced", row.coalesced())
                    .put("applied", row.applied())
                    .put("pending", row.pending())
                    .put("p50_ns", row.latency().p50Nanos())
                    .put("p99_ns", row.latency().p99Nanos())
                    .put("max_ns", row.latency().maxNanos());
        }
    }

    private static void exits(ArrayNode array, List<RunFigures.ExitRow> rows) {
        for (RunFigures.ExitRow row : rows) {
            array.addObject()
                    .put("reason", row.reason().traceName())
                    .put("samples", row.samples())
                    .put("total_ns", row.totalNanos())
                    .put("min_ns", row.minNanos())
                    .put("max_ns", row.maxNanos())
                    .put("mean_ns", row.meanNanos())
                    .put("stderr_ns", row.standardErrorNanos());
        }
    }

    private static void bitmaps(ObjectNode object, RunFigures.Bitmaps bitmaps) {
        object.put("scans", bitmaps.scans()).put("loads", bitmaps.loads());
        ObjectNode skipped = object.putObject("loads_skipped");
        bitmaps.skipped().forEach((why, count) -> skipped.put(key(why), count));
        ObjectNode verdicts = object.putObject("verdicts");
        bitmaps.verdicts().forEach((verdict, count) -> verdicts.put(key(verdict), count));
        integers(object.putArray("wrong_vcpus"), bitmaps.wrong());
        integers(object.putArray("stale_vcpus"), bitmaps.stale());
        integers(object.putArray("pending_vcpus"), bitmaps.pending());
    }

    private static void integers(ArrayNode array, List<Integer> values) {
        values.forEach(array::add);
    }

    private static String key(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT);
    }

    private static String print(ObjectNode root) {
        try {
            return MAPPER.writerWithDefaultPrettyPrinter().writeValueAsString(root) + "\n";
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a tree of plain values is always written", e);
        }
    }
}
