package org.vcpusim.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RunTest {
    private static final String TWO = "vcpus = 2, devices { nic { line = 3 } }";

    @TempDir
    private Path folder = Path.of("");

    private record Outcome(int exitCode, String out, String err) {}

    private Outcome run(String scenario, String... options) throws IOException {
        Path file = Files.writeString(folder.resolve("x.conf"), scenario);
        List<String> args = new ArrayList<>(List.of("run", file.toString()));
        args.addAll(Arrays.asList(options));
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        int exitCode = VcpuSim.run(new PrintWriter(out, true), new PrintWriter(err, true), args.toArray(new String[0]));
        return new Outcome(exitCode, out.toString(), err.toString());
    }

    @ParameterizedTest
    @ValueSource(strings = {"controlled", "live"})
    void aGuestThatLeavesForUserSpaceComesBack(String executor) throws IOException {
        Path trace = folder.resolve("x.trace");
        Outcome outcome = run(
                "vcpus = 2, guests { a { vcpus = 0, do = [exit, ipi vector 0x99 to 1] } }",
                "--executor",
                executor,
                "--trace",
                trace.toString());
        assertEquals(ExitCode.OK, outcome.exitCode(), outcome.err());
        String text = Files.readString(trace);
        assertTrue(text.contains("kvm_userspace_exit: reason KVM_EXIT_IO (2)"), text);
        assertTrue(text.contains("kvm_apic_accept_irq: apicid 1 vec 153 (Fixed|edge)"), text);
    }

    @Test
    void aTraceThatCannotBeOpenedIsToldOnceAndWithAReason() throws IOException {
        Path nowhere = folder.resolve("nowhere").resolve("x.trace");
        Outcome outcome = run(TWO, "--trace", nowhere.toString());
        assertEquals(ExitCode.USAGE, outcome.exitCode());
        assertEquals("vcpusim run: " + nowhere + ": cannot be written: no such folder\n", outcome.err());
    }

    @ParameterizedTest
    @ValueSource(strings = {"vcpu.2", "vcpu.x", "device.disk", "foo", "vm.0", "all.1"})
    void aLogOfNobodyIsRefused(String actor) throws IOException {
        Outcome outcome = run(TWO, "--log", actor + "=DEBUG");
        assertEquals(ExitCode.USAGE, outcome.exitCode());
        assertTrue(outcome.err().startsWith("vcpusim run: --log " + actor + "=DEBUG: must be all, "), outcome.err());
    }

    @Test
    void aFormatWithoutATraceIsAUsageError() throws IOException {
        assertEquals(ExitCode.USAGE, run(TWO, "--format", "jsonl").exitCode());
    }

    @ParameterizedTest
    @ValueSource(strings = {"controlled", "live"})
    void aFullDiskIsOneLine(String executor) throws IOException {
        assumeTrue(Files.exists(Path.of("/dev/full")), "this system has no /dev/full");
        Outcome outcome = run(
                "vcpus = 1, apic = x2apic, guests { a { do = [{ repeat = 2000, do = [wrmsr 0x80b 0] }] } }",
                "--executor",
                executor,
                "--trace",
                "/dev/full");
        assertEquals(
                new Outcome(
                        ExitCode.USAGE,
                        "",
                        "vcpusim run: /dev/full: cannot be written: cannot write the trace: No space left on device\n"),
                outcome);
    }

    @Test
    void aRunThatIsCutShortIsNotAudited() throws IOException {
        Outcome outcome = run(TWO + "\nlimits.steps = 5");
        assertEquals(ExitCode.INCONCLUSIVE, outcome.exitCode());
        assertTrue(outcome.out().contains("\n           not audited\nLevel pins not audited\n"), outcome.out());
    }
}
