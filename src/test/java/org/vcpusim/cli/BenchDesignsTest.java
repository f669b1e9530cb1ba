package org.vcpusim.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code vcpusim bench designs}. */
class BenchDesignsTest {
    private record Outcome(int exitCode, String out, String err) {}

    private static Outcome bench(String... options) {
        List<String> args = new ArrayList<>(List.of("bench", "designs"));
        args.addAll(List.of(options));
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        int exitCode = VcpuSim.run(new PrintWriter(out), new PrintWriter(err), args.toArray(new String[0]));
        return new Outcome(exitCode, out.toString(), err.toString());
    }

    @Test
    void theTableHasARowForEachDesignAndAColumnForEachProtocol() {
        Outcome outcome = bench("--schedules", "20");
        assertEquals(ExitCode.OK, outcome.exitCode(), outcome.err());
        List<String> lines = outcome.out().lines().toList();
        assertEquals(6, lines.size(), outcome.out());
        assertEquals(
                "3 vCPUs, 20 random schedules each, seed 1: how many show a violation, and the first that does",
                lines.get(0));
        assertTrue(lines.get(2).matches("design +right protocol +no re-check +kick before request"), lines.get(2));
        assertTrue(lines.get(3).matches("stimuli sent at the start +0 +0 +0"), lines.get(3));
        assertTrue(lines.get(4).matches("a broadcast in one handler +0 +\\d+ \\(first \\d+\\) +0"), lines.get(4));
        assertTrue(
                lines.get(5).matches("one operation a message +0 +\\d+ \\(first \\d+\\) +\\d+ \\(first \\d+\\)"),
                lines.get(5));
    }

    @Test
    void theDocumentHoldsEveryCell() throws JsonProcessingException {
        Outcome outcome = bench("--schedules", "20", "--seed", "2", "--json");
        assertEquals(ExitCode.OK, outcome.exitCode(), outcome.err());
        JsonNode root = new ObjectMapper().readTree(outcome.out());
        assertEquals(20, root.get("schedules").asInt());
        assertEquals(2, root.get("seed").asInt());
        assertEquals(9, root.get("cells").size());
        JsonNode broken = root.get("cells").get(7);
        assertEquals("one-operation-a-message", broken.get("design").asText());
        assertEquals("no-recheck", broken.get("protocol").asText());
        assertTrue(broken.get("found").asInt() > 0);
        assertTrue(broken.get("firstSchedule").isNumber());
        assertTrue(root.get("cells").get(0).get("firstSchedule").isNull());
    }

    @ParameterizedTest
    @ValueSource(strings = {"0", "1000001", "-1"})
    void aNumberOfSchedulesOutOfRangeIsRefused(String schedules) {
        Outcome outcome = bench("--schedules", schedules);
        assertEquals(ExitCode.USAGE, outcome.exitCode());
        assertEquals(
                "vcpusim bench designs: --schedules = " + schedules + ": must be 1 to 1000000",
                outcome.err().strip());
    }
}
