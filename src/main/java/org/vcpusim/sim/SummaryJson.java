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
    private static final String SCHEMA = "vcpusim.run/1";
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
                .put("virtualNanos", figures.nanos())
                .put("elapsedNanos", run.elapsedNanos())
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
        integers(root.putArray("stuckPins"), figures.stuckPins());
        integers(root.putArray("lostInterrupts"), figures.lostInterrupts());
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
                    .put("p50Nanos", row.latency().p50Nanos())
                    .put("p99Nanos", row.latency().p99Nanos())
                    .put("maxNanos", row.latency().maxNanos());
        }
    }

    private static void exits(ArrayNode array, List<RunFigures.ExitRow> rows) {
        for (RunFigures.ExitRow row : rows) {
            array.addObject()
                    .put("reason", row.reason().traceName())
                    .put("samples", row.samples())
                    .put("totalNanos", row.totalNanos())
                    .put("minNanos", row.minNanos())
                    .put("maxNanos", row.maxNanos())
                    .put("meanNanos", row.meanNanos())
                    .put("stderrNanos", row.standardErrorNanos());
        }
    }

    private static void bitmaps(ObjectNode object, RunFigures.Bitmaps bitmaps) {
        object.put("scans", bitmaps.scans()).put("loads", bitmaps.loads());
        ObjectNode skipped = object.putObject("loadsSkipped");
        bitmaps.skipped().forEach((why, count) -> skipped.put(key(why), count));
        ObjectNode verdicts = object.putObject("verdicts");
        bitmaps.verdicts().forEach((verdict, count) -> verdicts.put(key(verdict), count));
        integers(object.putArray("wrongVcpus"), bitmaps.wrong());
        integers(object.putArray("staleVcpus"), bitmaps.stale());
        integers(object.putArray("pendingVcpus"), bitmaps.pending());
    }

    private static void integers(ArrayNode array, List<Integer> values) {
        values.forEach(array::add);
    }

    private static String key(Enum<?> constant) {
        String[] words = constant.name().toLowerCase(Locale.ROOT).split("_", -1);
        StringBuilder key = new StringBuilder(words[0]);
        for (int i = 1; i < words.length; i++) {
            key.append(words[i].substring(0, 1).toUpperCase(Locale.ROOT)).append(words[i].substring(1));
        }
        return key.toString();
    }

    private static String print(ObjectNode root) {
        try {
            return MAPPER.writerWithDefaultPrettyPrinter().writeValueAsString(root) + "\n";
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a tree of plain values is always written", e);
        }
    }
}
