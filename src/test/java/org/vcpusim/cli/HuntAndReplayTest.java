package org.vcpusim.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.vcpusim.kvm.Fix;
import org.vcpusim.sim.Hunt;

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
                .filter(word -> word.startsWith("v2."))
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
        assertTrue(replay.out.contains("\n    rule: While L2 runs, the EOI-exit bitmap "), replay.out);
    }

    /** The run of B25's story breaks I2 before it breaks R2, which is what it is shown for. */
    @Test
    void aTokenTellsTheStoryThatItWasPrintedWith() {
        Called hunt = call("hunt", "B25", "--no-progress");
        assertTrue(hunt.out.contains("\nR2 is broken: "), hunt.out);
        Called replay = call("replay", token(hunt), "--story");
        assertTrue(replay.out.indexOf("I2: ") < replay.out.indexOf("R2: "), replay.out);
        assertTrue(replay.out.contains("\nR2 is broken: "), replay.out);
    }

    /** .ci/run looks at all that README.md shows, but takes long. */
    @Test
    void theStoryThatTheReadmeShowsIsWhatHuntPrints() throws IOException {
        String readme = Files.readString(Path.of("README.md"));
        String shown = readme.replaceAll("(?s).*\\n\\$ \\./vcpusim hunt B25 \\| sed [^\\n]*\\n(.*?)```\\n.*", "$1");
        String printed = call("hunt", "B25", "--no-progress").out;
        assertEquals(shown, printed.replaceAll("(?s)(\\nHere[^\\n]*\\n).*", "$1"));
    }

    @Test
    void aFixThatEndedTwoFaultsIsFoundWhenEachOfThemIs() {
        Called hunt = call("hunt", "b34", "--no-progress");
        assertEquals(ExitCode.OK, hunt.code, hunt.err);
        assertTrue(hunt.out.contains("\nB34 was fixed by commit 755c2bf87860 of 2022, Linux 5.17: "), hunt.out);
        assertTrue(hunt.out.contains("\nB34 was fixed by commit d3ddef46f22e of 2024, Linux 6.13: "), hunt.out);
        assertEquals(
                List.of("irr-hint-recomputed", "irr-hint-untouched"),
                hunt.out
                        .lines()
                        .filter(line -> line.startsWith("B34   "))
                        .map(line -> line.replaceAll(".*s  (irr-hint-\\w+): The.*", "$1"))
                        .toList());
        assertTrue(hunt.out.contains("\n1 of 1 found; "), hunt.out);
    }

    @Test
    void whatAnInterruptedHuntHasNotTriedIsSaid() {
        List<Hunt.Prey> wanted = Stream.of("B25", "B34")
                .flatMap(id -> Hunt.Prey.of(Fix.of(id).orElseThrow(), ScenarioOption.of(id)).stream())
                .toList();
        Hunt.Catch half = new Hunt.Catch(wanted.get(0), Optional.empty(), 3, 0, 0, "pos", 1, true);
        assertEquals(
                "0 of 2 found\ninterrupted, not tried to the end: B25, B34",
                HuntReport.of(List.of(half), wanted).sum());
        Hunt.Catch whole = new Hunt.Catch(wanted.get(0), Optional.empty(), 3, 0, 0, "pos", 1, false);
        HuntReport report = HuntReport.of(List.of(whole), wanted);
        assertEquals("0 of 2 found\ninterrupted, not tried to the end: B34", report.sum());
        assertEquals("INTERRUPTED", report.json().get("end").asText());
        assertEquals("[\"B34\"]", report.json().get("notTriedToTheEnd").toString());
        assertEquals(
                "0 of 1 found",
                HuntReport.of(List.of(whole), wanted.subList(0, 1)).sum());
    }

    @Test
    void namesAndAllAreNotForOneHunt() {
        Called both = call("hunt", "B25", "--all");
        assertEquals(ExitCode.USAGE, both.code);
        assertTrue(both.err.startsWith("vcpusim hunt: --all and B25: must be one of them\n"), both.err);
    }

    @Test
    void aHazardIsHuntedInAMachineWithEveryFix() {
        Called hunt = call("hunt", "o4", "--no-progress");
        assertEquals(ExitCode.OK, hunt.code, hunt.err);
        assertTrue(hunt.out.contains("\nA known hazard of Linux as it is modelled, O4: "), hunt.out);
        assertTrue(hunt.out.contains("\nO4    I7 "), hunt.out);
        assertTrue(hunt.out.contains("\n1 of 1 found"), hunt.out);

        Called unseen = call("hunt", "O6", "--no-progress");
        assertEquals(ExitCode.USAGE, unseen.code);
        assertEquals(
                "vcpusim hunt: BUG = O6: no run shows it: a bit too many costs exits until the next scan, and breaks no rule",
                unseen.err.strip());
    }

    @Test
    void eachRepairOfAFixIsListedWithItsCommitAndRelease() {
        Called bugs = call("bugs");
        assertTrue(
                bugs.out.contains(
                        "\nB34   2022  5.17    755c2bf87860  P5 L3        The hint that IRR has a bit is raised"),
                bugs.out);
        assertTrue(bugs.out.contains("\n      2024  6.13    d3ddef46f22e\n"), bugs.out);
        assertTrue(
                bugs.out.contains("\nB01   2015  4.4     db2bdcbbbd32  I3 L2        A vCPU keeps an edge"), bugs.out);
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
            files = listed.filter(file -> file.toString().endsWith(".json"))
                    .sorted()
                    .toList();
        }
        String file = files.get(0).toString();
        Called whole = call("replay", file, "--story");
        assertTrue(whole.out.contains("\nReplay: vcpusim replay " + file + "\n"), whole.out);
        Called replay = call("replay", file, "--shrink", "--story");
        assertEquals(ExitCode.FINDING, replay.code, replay.err);
        assertTrue(replay.out.contains("B48 was fixed by"), replay.out);
        assertEquals(ExitCode.FINDING, call("replay", token(replay)).code);
    }

    /** A findings file of a run that breaks more than one rule; the name says which one it is of. */
    private static Path file(Path folder, String invariant) throws IOException {
        call(("stress b02-level-eoi-after-move --without B02 --schedules 64 --jobs 1 --no-shrink --findings " + folder)
                .split(" "));
        try (Stream<Path> listed = Files.list(folder)) {
            return listed.filter(file -> file.toString().endsWith(".json"))
                    .filter(file -> file.toString().contains("-" + invariant + "-"))
                    .findFirst()
                    .orElseThrow();
        }
    }

    @Test
    void aFindingsFileIsToldByItsOwnRuleThoughOthersBreakBefore(@TempDir Path folder) throws IOException {
        for (String invariant : List.of("I3", "I7")) {
            String file = file(folder, invariant).toString();
            Called whole = call("replay", file, "--story");
            assertTrue(whole.out.contains("\n" + invariant + " is broken: "), whole.out);
            Called shorter = call("replay", file, "--shrink", "--story", "--time", "5s");
            assertTrue(shorter.out.contains("\n" + invariant + " is broken: "), shorter.out);
            assertTrue(shorter.out.contains("\nOf the scenario only what this needs is left"), shorter.out);
            assertEquals(ExitCode.FINDING, call("replay", token(shorter)).code);
        }
    }

    @Test
    void aFindingsFileWhoseTraceHasChangedIsRefused(@TempDir Path folder) throws IOException {
        Path file = file(folder, "I3");
        ObjectNode finding = (ObjectNode) new ObjectMapper().readTree(file.toFile());
        String[] parts = finding.get("token").asText().split("\\.");
        parts[5] = parts[5].equals("00000000") ? "00000001" : "00000000";
        Files.writeString(file, finding.put("token", checked(parts)).toString());
        Called replay = call("replay", file.toString());
        assertEquals(ExitCode.USAGE, replay.code, replay.err);
        assertTrue(replay.err.contains("recorded with trace " + parts[5]), replay.err);
        assertTrue(replay.err.contains("the rules of this program, or the token, have changed since"), replay.err);
    }

    @Test
    void optionsThatDoNotFitThePicksAreOneClearLine(@TempDir Path folder) throws IOException {
        ObjectNode finding =
                (ObjectNode) new ObjectMapper().readTree(file(folder, "I3").toFile());
        String[] parts = finding.get("token").asText().split("\\.");
        parts[4] = "n1" + parts[4].substring(2);
        Called replay = call("replay", checked(parts));
        assertEquals(ExitCode.USAGE, replay.code, replay.err);
        assertEquals(1, replay.err.lines().count(), replay.err);
    }

    /** {@code parts} of a token with the check that belongs to them. */
    private static String checked(String[] parts) {
        String said = String.join(".", List.of(parts).subList(0, parts.length - 1));
        CRC32 crc = new CRC32();
        crc.update(said.getBytes(StandardCharsets.UTF_8));
        return said + String.format(Locale.ROOT, ".%04x", crc.getValue() >>> 16);
    }

    @Test
    void aTokenOfAScenarioThatIsNotBundledSaysThatItsFileIsWanted(@TempDir Path folder) throws IOException {
        ObjectNode finding =
                (ObjectNode) new ObjectMapper().readTree(file(folder, "I3").toFile());
        String[] parts = finding.get("token").asText().split("\\.");
        parts[2] = "mine";
        Called replay = call("replay", checked(parts));
        assertEquals(ExitCode.USAGE, replay.code, replay.err);
        assertTrue(
                replay.err.contains(
                        "token of scenario 'mine', which is not a bundled one: --scenario must name its file"),
                replay.err);
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
        assertEquals(ExitCode.INCONCLUSIVE, hunt.code, hunt.err);
        assertTrue(hunt.out.contains("\n0 of 1 found"), hunt.out);
    }

    @Test
    void whatIsNoTokenAndNoFileIsSaid(@TempDir Path folder) throws IOException {
        Path binary = Files.write(folder.resolve("binary"), new byte[] {0x7f, 'E', 'L', 'F', (byte) 0xb7, 0});
        assertEquals(
                "vcpusim replay: TOKEN|FILE = '': must be a token that stress or hunt has printed, or a file\n",
                call("replay", "").err);
        assertEquals(
                "vcpusim replay: " + binary + ": must be the JSON of a finding; it is no text\n",
                call("replay", binary.toString()).err);
        assertEquals(ExitCode.USAGE, call("replay", binary.toString()).code);
        assertEquals(
                "vcpusim hunt: --time = 0s: must be more than nothing, at least 1ms\n",
                call("hunt", "B05", "--time", "0s").err);
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
                "replay v2.x",
                "replay v3.x",
                "replay v2.0-1-0.first.000000000000.n8_g0_s.00000000.AA",
                "replay v2.0-1-0.first.000000000000.n8_g0_s.00000000.AQAAPMk.0000",
                "replay v2.x --executor plain --log",
                "replay v2.x --markdown --json",
                "replay pom.xml --scenario first",
                "replay pom.xml --time 5s",
                "hunt B05 --time 0s",
                "hunt B05 --time 1234567s",
            })
    void whatCannotBeUsedIsOneClearLine(String line) {
        Called called = call(line.split(" "));
        assertEquals(ExitCode.USAGE, called.code, called.err);
        assertTrue(called.err.lines().count() <= 2, called.err);
        assertTrue(!called.err.contains("\tat "), called.err);
    }
}
