package org.vcpusim.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code hunt}, {@code bugs} and {@code replay} as a user calls them. */
class HuntAndReplayTest {
    private record Called(int code, String out, String err) {}

    private static Called call(String... args) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        int code = VcpuSim.run(new PrintWriter(out), new PrintWriter(err), args);
        return new Called(code, out.toString(), err.toString());
    }

    private static String token(Called hunt) {
        String[] words = hunt.out.split("\\s+");
        return Stream.of(words)
                .filter(word -> word.startsWith("v1."))
                .findFirst()
                .orElseThrow();
    }

    @Test
    void aFixLeftOutIsFoundToldAndReplayed(@TempDir Path folder) throws IOException {
        Called hunt = call("hunt", "B05", "--no-progress");
        assertEquals(ExitCode.OK, hunt.code, hunt.err);
        assertTrue(hunt.out.contains("commit e40ff1d6608d of 2018, Linux 4.17"), hunt.out);
        assertTrue(hunt.out.contains("1 of 1 found"), hunt.out);
        assertTrue(hunt.out.contains("\nI11 is broken: "), hunt.out);

        Path actors = folder.resolve("actors.jsonl");
        Path values = folder.resolve("values.jsonl");
        String token = token(hunt);
        Called replay = call("replay", token, "--trace", actors.toString(), "--format", "jsonl");
        assertEquals(ExitCode.FINDING, replay.code, replay.err);
        call("replay", token, "--executor", "plain", "--trace", values.toString(), "--format", "jsonl");
        assertEquals(-1, Files.mismatch(actors, values));
    }

    @Test
    void aFindingsFileIsReplayedAndShortened(@TempDir Path folder) throws IOException {
        String scenario = "conf/scenarios/bugs/b48-eoi-msr-forgets-svi.conf";
        Called stress = call(
                "stress",
                scenario,
                "--without",
                "B48",
                "--schedules",
                "20",
                "--findings",
                folder.toString(),
                "--jobs",
                "1");
        assertEquals(ExitCode.FINDING, stress.code, stress.err);
        List<Path> files;
        try (Stream<Path> listed = Files.list(folder)) {
            files = listed.sorted().toList();
        }
        String file = files.get(0).toString();
        Called whole = call("replay", file, "--story");
        assertTrue(whole.out.contains("\nReplay: vcpusim replay " + file + "\n"), whole.out);
        Called replay = call("replay", file, "--shrink", "--story");
        assertEquals(ExitCode.FINDING, replay.code, replay.err);
        assertTrue(replay.out.contains("B48 was fixed by"), replay.out);
        assertEquals(ExitCode.FINDING, call("replay", token(replay)).code);
    }

    @Test
    void everyFixThatHasAScenarioIsListedWithIt() {
        Called bugs = call("bugs");
        assertEquals(ExitCode.OK, bugs.code);
        assertTrue(bugs.out.contains("B49"), bugs.out);
        assertTrue(bugs.out.contains("O8"), bugs.out);
    }

    @Test
    void aHazardIsShownWithItsCureAndItsStory() {
        Called one = call("bugs", "o4");
        assertEquals(ExitCode.OK, one.code, one.err);
        assertTrue(one.out.contains("cure      none\nscenario  o4-nobody-there: "), one.out);
        assertTrue(one.out.contains("\nI7 is broken: "), one.out);

        Called none = call("bugs", "O6");
        assertEquals(ExitCode.OK, none.code, none.err);
        assertTrue(none.out.contains("\nno story  "), none.out);
    }

    @Test
    void aStoryThatIsNotFoundInTimeIsSaidToBeMissing() {
        Called bugs = call("bugs", "O8", "--time", "1ms");
        assertEquals(ExitCode.INCONCLUSIVE, bugs.code, bugs.err);
        assertTrue(bugs.out.contains("rteWrite.scanBeforeService"), bugs.out);
        assertTrue(bugs.out.contains("\nNo story: time is up after "), bugs.out);

        Called hunt = call("hunt", "B05", "--time", "1ms", "--no-progress");
        assertEquals(ExitCode.FINDING, hunt.code, hunt.err);
        assertTrue(hunt.out.contains("\n0 of 1 found"), hunt.out);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "hunt",
                "hunt B99",
                "hunt B08",
                "hunt B05 --all",
                "hunt B05 --time soon",
                "hunt B05 --jobs 0",
                "bugs B99",
                "replay nothing-here.json",
                "replay pom.xml",
                "replay v1.x",
                "replay v1.0-1-0.first.000000000000.n8f0c0g0s.00000000.AA",
                "replay v1.9-9-9.first.000000000000.n8f0c0g0s.00000000.AA",
            })
    void whatCannotBeUsedIsOneClearLine(String line) {
        Called called = call(line.split(" "));
        assertEquals(ExitCode.USAGE, called.code, called.err);
        assertTrue(called.err.lines().count() <= 2, called.err);
        assertTrue(!called.err.contains("\tat "), called.err);
    }
}
