package org.vcpusim.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code vcpusim stress} as its users see it. */
class StressCommandTest {
    private static final String SCENARIO = "conf/scenarios/bugs/b02-level-eoi-after-move.conf";

    @TempDir
    private Path folder = Path.of("");

    private record Outcome(int exitCode, String out, String err) {}

    private Outcome stress(String... options) {
        List<String> args =
                new ArrayList<>(List.of("stress", "--findings", findings().toString()));
        args.addAll(List.of(options));
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        int exitCode = VcpuSim.run(new PrintWriter(out, true), new PrintWriter(err, true), args.toArray(new String[0]));
        return new Outcome(exitCode, out.toString(), err.toString());
    }

    private Path findings() {
        return folder.resolve("findings");
    }

    @Test
    void aRightMachineIsSampledAndLeavesNoFiles() {
        Outcome outcome = stress(SCENARIO, "--schedules", "100");
        assertEquals(ExitCode.OK, outcome.exitCode(), outcome.err());
        assertTrue(outcome.out().contains("self-check: the planted bug was found within "), outcome.out());
        assertTrue(
                outcome.out()
                        .endsWith("sampled: 100 schedules of b02-level-eoi-after-move, strategy portfolio, seed 1;"
                                + " no violation in them\n"),
                outcome.out());
        assertFalse(Files.exists(findings()));
    }

    @Test
    void aFixLeftOutIsAFindingWithAFileOfItsOwn() throws IOException {
        Outcome outcome = stress(SCENARIO, "--schedules", "100", "--without", "b02");
        assertEquals(ExitCode.FINDING, outcome.exitCode(), outcome.err());
        assertTrue(outcome.out().contains("  I3  A vCPU handles every vector that "), outcome.out());
        List<Path> files;
        try (Stream<Path> listed = Files.list(findings())) {
            files = listed.sorted().toList();
        }
        assertEquals(
                List.of("I3-1.conf", "I3-1.json", "I7-1.conf", "I7-1.json"),
                files.stream()
                        .map(file -> file.getFileName().toString().replace("b02-level-eoi-after-move-", ""))
                        .toList());
        JsonNode finding = new ObjectMapper().readTree(files.get(1).toFile());
        assertEquals("I3", finding.get("invariant").asText());
        assertEquals("portfolio", finding.get("strategy").asText());
        assertEquals("scan-forgets-pending-level", finding.get("faults").get(0).asText());
        assertEquals(
                Files.readString(Path.of(SCENARIO)), finding.get("scenarioText").asText());
    }

    @Test
    void timeThatEndsBeforeTheSchedulesLeavesItOpen() {
        Outcome outcome = stress(SCENARIO, "--schedules", "1000000000", "--time", "100ms");
        assertEquals(ExitCode.INCONCLUSIVE, outcome.exitCode(), outcome.err());
        assertTrue(outcome.out().contains(", until time was up; no violation in them"), outcome.out());
        assertEquals(ExitCode.OK, stress(SCENARIO, "--time", "100ms").exitCode());
    }

    @Test
    void aFindingIsShortenedToldAndReplayedByItsToken() throws IOException {
        Path own = Files.copy(Path.of(SCENARIO), folder.resolve("b02-level-eoi-after-move.conf"));
        Outcome outcome = stress(own.toString(), "--schedules", "64", "--without", "B02", "--shrink", "1s");
        assertTrue(outcome.out().contains("\nI3 is broken: "), outcome.out());
        String command = outcome.out()
                .lines()
                .filter(line -> line.startsWith("Replay: vcpusim replay "))
                .findFirst()
                .orElseThrow();
        assertTrue(command.endsWith(" --scenario " + own), command);
        StringWriter out = new StringWriter();
        int exitCode = VcpuSim.run(
                new PrintWriter(out),
                new PrintWriter(out),
                command.substring("Replay: vcpusim ".length()).split(" "));
        assertEquals(ExitCode.FINDING, exitCode, out.toString());
        assertTrue(out.toString().contains("I3: vcpu0 scanned"), out.toString());
    }

    @Test
    void theCutScenarioIsAFileThatShowsTheSameByItself() throws IOException {
        Outcome outcome = stress(SCENARIO, "--schedules", "64", "--without", "B02");
        assertTrue(outcome.out().contains("\nOf the scenario only what this needs is left"), outcome.out());
        Path cut = findings().resolve("b02-level-eoi-after-move-I3-1.conf");
        String text = Files.readString(cut);
        assertTrue(Files.readString(Path.of(SCENARIO)).contains("hlt"));
        assertFalse(text.contains("hlt"), text);
        Outcome again = stress(cut.toString(), "--schedules", "64", "--no-shrink", "--steps", "2000");
        assertEquals(ExitCode.FINDING, again.exitCode(), again.err());
        assertTrue(again.out().contains("\n  I3  "), again.out());
        String replay = text.lines()
                .filter(line -> line.startsWith("# vcpusim replay "))
                .findFirst()
                .orElseThrow();
        Path played = folder.resolve("played.conf");
        String[] line = (replay.substring("# vcpusim ".length()) + " --write-scenario " + played).split(" ");
        StringWriter out = new StringWriter();
        assertEquals(ExitCode.FINDING, VcpuSim.run(new PrintWriter(out), new PrintWriter(out), line), out.toString());
        assertEquals(
                text.lines().filter(each -> !each.startsWith("#")).toList(),
                Files.readString(played)
                        .lines()
                        .filter(each -> !each.startsWith("#"))
                        .toList());
    }

    @Test
    void ofAKernelsMissingFixesTheOneThatTheFindingsNeedIsTheirRootCause() {
        Outcome outcome = stress("retarget-in-service", "--schedules", "32", "--kernel", "4.14");
        String out = outcome.out();
        assertTrue(
                out.contains("\n  root cause B02 is left out: A vCPU keeps a level vector in its bitmap while that is"
                        + " pending, though its entry leads\n    elsewhere\n"),
                out);
        assertEquals(1, out.split("root cause ", -1).length - 1, out);
        assertEquals(
                Set.of("B02"),
                out.lines()
                        .filter(line -> line.contains(" was fixed by "))
                        .map(line -> line.substring(0, 3))
                        .collect(Collectors.toSet()),
                out);
    }

    @Test
    void storiesAreLeftOutWhereTheyAreNotWanted() {
        Outcome outcome = stress(SCENARIO, "--schedules", "64", "--without", "B02", "--no-shrink");
        assertFalse(outcome.out().contains("vcpusim replay"), outcome.out());
        assertTrue(outcome.out().contains("2 findings"), outcome.out());
    }

    @Test
    void jsonHasTheStoryOfAFinding() throws IOException {
        Outcome outcome = stress(SCENARIO, "--schedules", "64", "--without", "B02", "--shrink", "1s", "--json");
        JsonNode finding = new ObjectMapper().readTree(outcome.out()).at("/findings/0");
        assertTrue(finding.at("/story/steps").size() > 0, outcome.out());
        assertEquals("[\"B02\"]", finding.get("rootCauses").toString());
        assertTrue(finding.at("/story/replay").asText().startsWith("vcpusim replay v2."), outcome.out());
    }

    @Test
    void theFirstFindingCanEndIt() {
        Outcome outcome = stress(SCENARIO, "--without", "B02", "--stop-on-first", "--jobs", "2");
        assertEquals(ExitCode.FINDING, outcome.exitCode(), outcome.err());
        assertTrue(outcome.out().contains("sampled: 64 schedules of "), outcome.out());
    }

    @Test
    void jsonHasTheWholeReport() throws IOException {
        Outcome outcome = stress(SCENARIO, "--schedules", "50", "--json");
        JsonNode report = new ObjectMapper().readTree(outcome.out());
        assertEquals(50, report.get("figures").get("schedules").asLong());
        assertTrue(report.get("verdict").asText().startsWith("sampled: "));
        for (String met : List.of("requestsInPhases", "eventOrders")) {
            assertTrue(report.at("/" + met + "/pairs").size() > 0);
            assertEquals(
                    report.at("/" + met + "/pairs").size(),
                    report.at("/" + met + "/reached").asInt());
            assertTrue(report.at("/" + met + "/possible").asInt()
                    > report.at("/" + met + "/reached").asInt());
        }
        assertEquals("R2", report.get("selfCheck").get("invariant").asText());
        long sum = 0;
        for (JsonNode row : report.get("outcomes")) {
            sum += row.get("count").asLong();
        }
        assertEquals(50, sum);
    }

    @Test
    void schedulesThatAreCutShortAreInconclusive() {
        Outcome outcome = stress(SCENARIO, "--schedules", "5", "--steps", "10");
        assertEquals(ExitCode.INCONCLUSIVE, outcome.exitCode(), outcome.out());
    }

    @Test
    void theLeastTimeIsEnoughForASchedule() {
        Outcome outcome = stress(SCENARIO, "--time", "1ms");
        assertEquals(ExitCode.OK, outcome.exitCode(), outcome.out());
        assertFalse(outcome.out().contains("sampled: 0 schedules"), outcome.out());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            --strategy  | foo   | --strategy = foo: must be one of
            --without   | B99   | --without = B99: must be one of B01,
            --with      | O3    | --with = O3: must be one of B01,
            --kernel    | abc   | --kernel = abc: must be a release of Linux
            --kernel    | 99.9  | --kernel = 99.9: must be at most 7.0
            --time      | 5     | --time = 5: must be a number and ms, s, m or h
            --schedules | 0     | --schedules = 0: must be at least 1
            --jobs      | 0     | --jobs = 0: must be 1 to 256
            --shrink    | 0s    | --shrink = 0s: must be more than nothing
            --steps     | -1    | --steps = -1: must be at least 1
            """)
    void whatIsNotKnownIsOneLine(String option, String value, String line) {
        Outcome outcome = stress(SCENARIO, option, value);
        assertEquals(ExitCode.USAGE, outcome.exitCode());
        assertEquals("", outcome.out());
        assertTrue(outcome.err().startsWith("vcpusim stress: " + line), outcome.err());
        assertEquals(1, outcome.err().lines().count());
    }

    @Test
    void aFileInTheWayOfFindingsIsToldBeforeTheFirstSchedule() throws IOException {
        Files.writeString(findings(), "in the way");
        Outcome outcome = stress(SCENARIO);
        assertEquals(ExitCode.USAGE, outcome.exitCode());
        assertEquals("", outcome.out());
        assertEquals(
                "vcpusim stress: --findings " + findings() + ": must be a folder, but " + findings() + " is none\n",
                outcome.err());
    }

    @Test
    void theWordsOfOutcomesAreExplainedOnceBelowTheirTable() {
        String out = stress(SCENARIO, "--schedules", "100", "--without", "B02", "--no-shrink")
                .out();
        assertTrue(out.contains("\noutcome "), out);
        assertTrue(out.contains("\nI3: violated: A vCPU handles every vector that the redirection table wants"), out);
        assertTrue(out.contains("\nI7: violated: No pin waits, remote IRR set, for an EOI that no local APIC"), out);
        out.lines().forEach(line -> assertTrue(line.length() <= 120, line));
    }

    @Test
    void aFixCannotBeThereAndNot() {
        Outcome outcome = stress(SCENARIO, "--with", "B02,O8", "--without", "B03,b02");
        assertEquals(ExitCode.USAGE, outcome.exitCode());
        assertTrue(outcome.err().contains("--without and --with = b02: must be one of them"), outcome.err());
    }
}
