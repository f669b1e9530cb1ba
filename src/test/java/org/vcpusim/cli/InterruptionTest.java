package org.vcpusim.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What a signal leaves behind. It is SIGTERM, which the JVM answers as it does SIGINT, but with 143: a test that runs in the
 * background may have inherited that SIGINT is ignored.
 */
class InterruptionTest {
    private static final int TERMINATED = 128 + 15;
    private static final long MOST_SECONDS = 60;

    @TempDir
    private Path folder = Path.of("");

    private Process vcpusim(String... args) throws IOException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Dlogback.configurationFile=" + Path.of("conf", "logback.xml").toAbsolutePath(),
                "-cp",
                System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
                VcpuSim.class.getName()));
        command.addAll(List.of(args));
        return new ProcessBuilder(command).start();
    }

    /** Reads on to a line with {@code words}. */
    private static void await(BufferedReader reader, String words) throws IOException {
        for (String line = reader.readLine(); line != null; line = reader.readLine()) {
            if (line.contains(words)) {
                return;
            }
        }
        throw new AssertionError("ended without: " + words);
    }

    private static void assertTerminated(Process process) throws InterruptedException {
        assertTrue(process.waitFor(MOST_SECONDS, TimeUnit.SECONDS), "does not end");
        assertEquals(TERMINATED, process.exitValue());
    }

    @ParameterizedTest
    @ValueSource(strings = {"controlled", "live"})
    void aRunThatIsInterruptedPrintsItsSummaryAndClosesItsTrace(String executor)
            throws IOException, InterruptedException {
        Path scenario = Files.writeString(
                folder.resolve("endless.conf"),
                "vcpus = 4, guests { a { vcpus = 0..3, do = [{ repeat = 1000000, do = [exit] }] } }");
        Path trace = folder.resolve("trace.jsonl");
        Process process = vcpusim(
                "run", scenario.toString(), "--executor", executor, "--trace", trace.toString(), "--format", "jsonl");
        BufferedReader err = process.errorReader();
        await(err, "started: 4 vCPUs");
        interrupt(process);
        await(err, "vcpusim run: interrupted after ");
        String summary = String.join("\n", process.inputReader().lines().toList());
        assertTerminated(process);
        assertTrue(summary.endsWith("Level pins not audited"), summary);
        ObjectMapper json = new ObjectMapper();
        for (String line : Files.readAllLines(trace)) {
            assertTrue(json.readTree(line).isObject(), line);
        }
    }

    private static void interrupt(Process process) {
        process.toHandle().destroy(); // destroy() of the process would close its streams
    }

    @Test
    void aStoryThatIsInterruptedSaysHowFarItWas() throws IOException, InterruptedException {
        Process process = vcpusim("bugs", "B01", "--time", "10m");
        BufferedReader out = process.inputReader();
        await(out, "scenario  b01-");
        interrupt(process);
        String rest = String.join("\n", out.lines().toList());
        assertTerminated(process);
        assertTrue(rest.contains("interrupted"), rest);
    }

    @Test
    void aBenchmarkThatIsInterruptedPrintsWhatItHas() throws IOException, InterruptedException {
        Process process = vcpusim("bench", "designs", "--schedules", "20000");
        BufferedReader err = process.errorReader();
        await(err, ", no re-check");
        interrupt(process);
        await(err, "vcpusim bench designs: interrupted after 1 of 9 cells");
        List<String> table = process.inputReader().lines().toList();
        assertTerminated(process);
        assertTrue(table.get(3).matches(".* 0 +- +-"), table::toString);
        assertTrue(table.get(4).matches(".* - +- +-"), table::toString);
    }

    @Test
    void aReplayOfVectorsThatIsInterruptedCountsWhatItDid() throws IOException, InterruptedException {
        Process process = vcpusim("conform", "src/test/resources/vectors", "--executor", "controlled");
        BufferedReader out = process.inputReader();
        await(out, "passed ");
        interrupt(process);
        await(process.errorReader(), " of 280 files");
        String last = "";
        for (String line = out.readLine(); line != null; line = out.readLine()) {
            last = line;
        }
        assertTerminated(process);
        assertTrue(last.matches("[1-9][0-9]* passed, 0 failed, 0 skipped"), last);
    }
}
