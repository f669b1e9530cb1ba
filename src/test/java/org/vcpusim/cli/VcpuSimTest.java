package org.vcpusim.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class VcpuSimTest {

    private record Outcome(int exitCode, String out, String err) {}

    private static Outcome run(String... args) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        int exitCode = VcpuSim.run(new PrintWriter(out, true), new PrintWriter(err, true), args);
        return new Outcome(exitCode, out.toString(), err.toString());
    }

    @Test
    void theVersionNamesTheProgramAndTheJvm() {
        String jvm = "JVM " + System.getProperty("java.runtime.version") + " (" + System.getProperty("java.vm.name")
                + ", " + System.getProperty("java.vendor") + ")";
        assertEquals(new Outcome(ExitCode.OK, "vcpusim 0.1.0\n" + jvm + "\n", ""), run("--version"));
    }

    @Test
    void theHelpListsTheCommands() {
        Outcome outcome = run("--help");
        assertEquals(new Outcome(ExitCode.OK, outcome.out(), ""), outcome);
        assertTrue(outcome.out().startsWith("Usage: vcpusim [-hV] COMMAND\n"), outcome.out());
        assertTrue(outcome.out().contains("  completion  "), outcome.out());
    }

    @Test
    void everyCommandHasAHelp() {
        Outcome outcome = run("completion", "--help");
        assertEquals(new Outcome(ExitCode.OK, outcome.out(), ""), outcome);
        assertTrue(outcome.out().startsWith("Usage: vcpusim completion [-hV] [SHELL]\n"), outcome.out());
    }

    @Test
    void anUnknownOptionIsOneLineAndAPointerToTheHelp() {
        assertEquals(new Outcome(ExitCode.USAGE, "", """
                        vcpusim: Unknown option: '--frobnicate'
                        Try 'vcpusim --help'.
                        """), run("--frobnicate"));
    }

    @Test
    void aMistypedCommandIsAnsweredWithTheNearestOne() {
        assertEquals(new Outcome(ExitCode.USAGE, "", """
                        vcpusim: no command 'completio': must be one of run, stress, hunt, bugs, replay, scenarios, \
                        conform, bench, completion; did you mean completion?
                        Try 'vcpusim --help'.
                        """), run("completio"));
    }

    @Test
    void theHelpOfNoCommandIsNotTheProgramsHelp() {
        Outcome outcome = run("explore", "--help");
        assertEquals(ExitCode.USAGE, outcome.exitCode());
        assertEquals("", outcome.out());
        assertTrue(outcome.err().startsWith("vcpusim: no command 'explore': must be one of run, "), outcome.err());
    }

    @Test
    void aVectorThatCannotBeUsedDoesNotHideTheOthers(@TempDir Path folder) throws IOException {
        Path bad = Files.writeString(folder.resolve("a.vec"), "nonsense\n");
        Path good = folder.resolve("b.vec");
        try (InputStream vector = VcpuSimTest.class.getResourceAsStream("/vectors/hand/dest-nobody.vec")) {
            Files.write(good, Objects.requireNonNull(vector).readAllBytes());
        }
        Outcome outcome = run("conform", folder.toString());
        assertEquals(ExitCode.USAGE, outcome.exitCode());
        assertTrue(outcome.out().endsWith("1 passed, 0 failed, 0 skipped\n"), outcome.out());
        assertTrue(outcome.err().startsWith("vcpusim conform: " + bad + ":1: "), outcome.err());
        assertEquals("", run("conform", bad.toString()).out());
    }

    @Test
    void anOptionUnknownToACommandPointsToThatCommandsHelp() {
        assertEquals(new Outcome(ExitCode.USAGE, "", """
                        vcpusim completion: Unknown option: '--frobnicate'
                        Try 'vcpusim completion --help'.
                        """), run("completion", "bash", "--frobnicate"));
    }

    @Test
    void noCommandIsAUsageError() {
        assertEquals(new Outcome(ExitCode.USAGE, "", """
                        vcpusim: a command is missing
                        Try 'vcpusim --help'.
                        """), run());
    }

    @Test
    void theCompletionScriptCompletesTheProgram() {
        Outcome outcome = run("completion", "zsh");
        assertEquals(new Outcome(ExitCode.OK, outcome.out(), ""), outcome);
        assertTrue(outcome.out().startsWith("#!/usr/bin/env bash\n"), outcome.out());
        assertTrue(outcome.out().contains("complete -F _complete_vcpusim "), outcome.out());
    }

    @Test
    void wrongInputIsNamedWithTheCommandThatCannotUseIt() {
        assertEquals(
                new Outcome(
                        ExitCode.USAGE,
                        "",
                        "vcpusim run: nowhere: must be a scenario file, or one of those that 'vcpusim scenarios' lists\n"),
                run("run", "nowhere"));
    }

    @Test
    void theScenariosOfBugsAreListedWhereAllAreWanted() {
        assertFalse(run("scenarios").out().contains("b02-level-eoi-after-move"));
        Outcome all = run("scenarios", "--all");
        assertTrue(all.out().contains("\nb02-level-eoi-after-move "), all.out());
        assertTrue(all.out().contains("\nfirst "), all.out());
    }

    @ParameterizedTest
    @CsvSource({"90, 70, 90", ", 70, 70", ", 7, 40", ", wide, 120", ", '', 120", ", , 120"})
    void aLineIsAsWideAsTheTerminalOrElseAsColumnsSays(@Nullable String terminal, @Nullable String columns, int width) {
        Map<String, String> environment = columns == null ? Map.of() : Map.of("COLUMNS", columns);
        assertEquals(width, Terminal.width(Optional.ofNullable(terminal), environment));
    }

    @Test
    void theLastColumnOfATableGoesBelowWhereItWouldBeTooNarrow() {
        String words = "one two three four five six seven eight nine ten";
        assertEquals("B25   " + words, Terminal.row("B25   ", words, 60));
        assertEquals(
                "B25   one two three four five six seven eight\n        nine ten", Terminal.row("B25   ", words, 48));
        assertEquals(
                "B25\n      one two three four five six seven eight\n        nine ten",
                Terminal.row("B25   ", words, 45));
    }

    @Test
    void anEmptyNoColorIsNotSet() {
        assertFalse(Terminal.refused(Map.of("NO_COLOR", "")));
        assertTrue(Terminal.refused(Map.of("NO_COLOR", "1")));
        assertTrue(Terminal.refused(Map.of("TERM", "dumb")));
        assertFalse(Terminal.refused(Map.of("TERM", "xterm")));
    }
}
