package org.vcpusim.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code vcpusim bench schedules}, with measurements too short to mean anything. */
class BenchSchedulesTest {
    private record Outcome(int exitCode, String out, String err) {}

    private static Outcome bench(String... options) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        String[] args = new String[options.length + 2];
        args[0] = "bench";
        args[1] = "schedules";
        System.arraycopy(options, 0, args, 2, options.length);
        int exitCode = VcpuSim.run(new PrintWriter(out), new PrintWriter(err), args);
        return new Outcome(exitCode, out.toString(), err.toString());
    }

    @Test
    void itPrintsATableForEachNumberOfVcpus() {
        Outcome outcome = bench("--vcpus", "1,2", "--time", "1ms", "--rounds", "1");
        assertEquals(ExitCode.OK, outcome.exitCode(), outcome.err());
        List<String> lines = outcome.out().lines().toList();
        assertEquals(17, lines.size(), outcome.out());
        assertTrue(lines.get(0).matches("1 vCPUs, 6 actors, \\d+ messages a schedule; jobs 1, .*"), lines.get(0));
        assertTrue(lines.get(9).matches("2 vCPUs, 9 actors, \\d+ messages a schedule; jobs 1, .*"), lines.get(9));
        assertTrue(lines.get(2).matches(" +schedules/s +messages/s +of bare actors"), lines.get(2));
        assertTrue(lines.get(3).matches("bare actors +[\\d,]+ +[\\d,]+"), lines.get(3));
        for (int subject = 4; subject < 8; subject++) {
            assertTrue(lines.get(subject).matches("[a-z ,]+ [\\d,]+ +[\\d,]+ +\\d+\\.\\d\\d"), lines.get(subject));
        }
    }

    @Test
    void theDocumentHoldsEveryRoundOfEverySubject() throws JsonProcessingException {
        Outcome outcome = bench("--vcpus", "2", "--time", "1ms", "--rounds", "3", "--jobs", "2", "--json");
        assertEquals(ExitCode.OK, outcome.exitCode(), outcome.err());
        JsonNode root = new ObjectMapper().readTree(outcome.out());
        assertEquals("vcpusim.bench-schedules/1", root.get("schema").asText());
        assertEquals(2, root.get("jobs").asInt());
        assertEquals(1, root.get("sizes").size());
        JsonNode size = root.get("sizes").get(0);
        assertEquals(2, size.get("vcpus").asInt());
        assertEquals(9, size.get("actors").asInt());
        for (String subject : List.of("bare", "unwatched", "watched", "stress", "plain")) {
            JsonNode measured = size.get(subject);
            assertEquals(3, measured.get("rounds").size(), subject);
            for (JsonNode round : measured.get("rounds")) {
                assertTrue(round.get("schedulesPerSecond").asDouble() > 0, subject);
                assertTrue(round.get("messagesPerSecond").asDouble() > 0, subject);
            }
            assertTrue(measured.get("ratio").asDouble() > 0, subject);
        }
        assertEquals(1, size.get("bare").get("ratio").asDouble());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            --vcpus  | 0     | --vcpus = 0: must be 1 to 256
            --vcpus  | 2,257 | --vcpus = 257: must be 1 to 256
            --rounds | 0     | --rounds = 0: must be 1 to 100
            --rounds | 101   | --rounds = 101: must be 1 to 100
            --jobs   | 0     | --jobs = 0: must be 1 to 256
            --jobs   | 257   | --jobs = 257: must be 1 to 256
            --time   | 61s   | --time = 61s: must be 1ms to 60s
            --time   | 2     | --time = 2: must be a number and ms, s, m or h, such as 60s
            """)
    void anOptionOutOfItsRangeIsRefused(String option, String value, String error) {
        Outcome outcome = bench(option, value);
        assertEquals(ExitCode.USAGE, outcome.exitCode());
        assertEquals("vcpusim bench schedules: " + error, outcome.err().strip());
        assertEquals("", outcome.out());
    }

    @Test
    void aNumberThatIsNoneIsRefused() {
        Outcome outcome = bench("--vcpus", "2,four");
        assertEquals(ExitCode.USAGE, outcome.exitCode());
        assertTrue(outcome.err().contains("--vcpus"), outcome.err());
    }
}
