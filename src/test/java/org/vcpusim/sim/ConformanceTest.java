package org.vcpusim.sim;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.vcpusim.kvm.Machine;

/** The model answers as recorded kernels did. */
class ConformanceTest {
    private static final Path VECTORS = Path.of("src", "test", "resources", "vectors");

    @ParameterizedTest
    @EnumSource(Conformance.Path.class)
    void everyVectorAgrees(Conformance.Path executor) throws IOException {
        assertEquals(List.of(), othersThanPassed(executor, Machine.Apicv.INACTIVE));
    }

    @ParameterizedTest
    @EnumSource(Conformance.Path.class)
    void withApicvEveryVectorAgreesThatDoesNotDependOnItsBeingInactive(Conformance.Path executor) throws IOException {
        String tmr = ": a self-IPI that clears a bit of TMR";
        String disabled = ": a self-IPI of a local APIC that is software-disabled";
        List<String> expected = List.of(
                "lapic-global-disable: an EOI after IA32_APIC_BASE enabled a local APIC again",
                "level-vector-as-ipi" + tmr,
                "split-dests" + tmr,
                "vendor-tpr-low-bits: the low bits of a TPR that is kept as CR8",
                "x2apic-basic: WRMSR of another value than 0 to the EOI register",
                "rnd-level-0021" + tmr,
                "rnd-level-0061" + tmr,
                "rnd-logical-0015" + disabled,
                "rnd-sources-0038" + tmr,
                "rnd-x2apic-0016" + disabled,
                "rnd-x2apic-0146" + tmr);
        assertEquals(
                expected.stream()
                        .map(line -> line.replace(": ", ": Skipped[needs=APICv inactive: ") + "]")
                        .toList(),
                othersThanPassed(executor, Machine.Apicv.ACTIVE));
    }

    private static List<String> othersThanPassed(Conformance.Path executor, Machine.Apicv apicv) throws IOException {
        List<String> others = new ArrayList<>();
        int passed = 0;
        try (Conformance conformance = Conformance.on(executor, apicv)) {
            for (Path path : vectors()) {
                VectorFile file = VectorFile.read(path);
                Conformance.Outcome outcome = conformance.replay(file);
                if (outcome instanceof Conformance.Passed) {
                    passed++;
                } else {
                    others.add(String.valueOf(path.getFileName()).replaceFirst("\\..*", "") + ": " + outcome);
                }
            }
        }
        assertEquals(280, passed + others.size());
        return others;
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        before                   | operation            | what   | needs                                   | reason
        wrmsr 1 0x1b 0xfee00000  | eoi 1                | io.10  | an EOI after IA32_APIC_BASE enabled a local APIC again | disabled before
        wrmsr 1 0x1b 0xfee00800  | eoi 1                | io.10  |                                         | never disabled
        wrmsr 1 0x1b 0xfee00000  | run 1                | v1.irr |                                         | no EOI
        lapic_write 0 0x80 0x3f  | enter 0              | v0.tpr | the low bits of a TPR that is kept as CR8 | the state shows it
        lapic_write 0 0x80 0x3f  | lapic_read 0 0x80    | =      | the low bits of a TPR that is kept as CR8 | a read shows it
        wrmsr 0 0x808 0x3f       | rdmsr 0 0x808        | =      | the low bits of a TPR that is kept as CR8 | in x2APIC mode too
        lapic_write 0 0x80 0x30  | lapic_read 0 0x80    | =      |                                         | no low bits
        lapic_write 0 0x80 0x3f  | lapic_read 0 0xa0    | =      |                                         | another register
        enter 0                  | lapic_write 0 0x300 0x40041 | v0.tmr | a self-IPI that clears a bit of TMR | fixed, edge, to self
        enter 0                  | wrmsr 0 0x830 0x40041 | v0.tmr | a self-IPI that clears a bit of TMR     | in x2APIC mode
        enter 0                  | wrmsr 0 0x83f 0x41   | v0.tmr | a self-IPI that clears a bit of TMR     | by its own register
        enter 0                  | lapic_write 0 0x300 0x80041 | v0.tmr |                                  | to all
        enter 0                  | lapic_write 0 0x300 0x44041 | v0.isr |                                  | no other state
        enter 0                  | lapic_write 0 0x300 0x40041 | v0.irr |                                  | nothing more is requested
        enter 0                  | wrmsr 0 0x80b 0x1    | =      |                                         | no #GP
        """)
    void aDifferenceIsExcusedOnlyByItsCause(String before, String operation, String what, String needs) {
        VectorFile file = new VectorFile(
                "x",
                List.of(),
                List.of(),
                List.of(
                        new VectorFile.Operation(1, List.of(before.split(" ", -1)), "ok", List.of()),
                        new VectorFile.Operation(3, List.of(operation.split(" ", -1)), "ok", List.of())));

        Optional<String> found = ApicvDependence.needsOf(file, new Conformance.Failed(3, operation, what, "", ""));

        assertEquals(Optional.ofNullable(needs).map(text -> "APICv inactive: " + text), found);
    }

    @Test
    void aWrongResultIsReportedWithItsLineAndBothValues(@TempDir Path folder) throws IOException {
        assertEquals(
                new Conformance.Failed(4, "irq_line 99 1", "=", "status=1", "status=-1"),
                replayed(folder, "> irq_line 99 1\n= status=1\n"));
    }

    @Test
    void aWrongStateIsReportedWithItsKeyAndBothValues(@TempDir Path folder) throws IOException {
        assertEquals(
                new Conformance.Failed(4, "lapic_write 0 0xf0 0x1ff", "v0.svr", "0x1fe", "0x1ff"),
                replayed(folder, "> lapic_write 0 0xf0 0x1ff\n= ok\n~ v0.svr=0x1fe\n"));
    }

    @Test
    void aChangeThatWasNotRecordedIsADifferenceToo(@TempDir Path folder) throws IOException {
        assertEquals(
                new Conformance.Failed(4, "lapic_write 0 0xf0 0x1ff", "v0.svr", "0xff", "0x1ff"),
                replayed(folder, "> lapic_write 0 0xf0 0x1ff\n= ok\n"));
    }

    @Test
    void anInitStopsAProcessorUntilItsStartUpIpi(@TempDir Path folder) throws IOException {
        assertEquals(new Conformance.Passed(7), ofTwo(folder, """
                > lapic_write 0 0x310 0x1000000
                = ok
                > lapic_write 0 0x300 0x4500
                = ok
                ~ v1.mp=0x2
                > enter 1
                = notrunnable=2
                > resume 1
                = notrunnable=2
                > lapic_write 0 0x300 0x4612
                = ok
                ~ v1.mp=0x0
                > resume 1
                = sipi=0x12
                > resume 1
                = notblocked
                """));
    }

    @Test
    void newRegistersTakeAProcessorAwayFromWhereItsStartUpIpiPutIt(@TempDir Path folder) throws IOException {
        assertEquals(new Conformance.Passed(5), ofTwo(folder, """
                > lapic_write 0 0x310 0x1000000
                = ok
                > lapic_write 0 0x300 0x4500
                = ok
                ~ v1.mp=0x2
                > lapic_write 0 0x300 0x4609
                = ok
                ~ v1.mp=0x0
                > enter 1
                = ok
                > resume 1
                = notblocked
                """));
    }

    @Test
    void userSpaceCannotSendAProcessorToItsStartUpWhileAnSmiWaits(@TempDir Path folder) throws IOException {
        assertEquals(new Conformance.Passed(6), ofTwo(folder, """
                > smi 1
                = ok
                ~ v1.smi=1/0
                > mp_state 1 2
                = error=22
                > mp_state 1 4
                = error=22
                > mp_state 1 1
                = ok
                ~ v1.mp=0x1
                > mp_state 1 0
                = ok
                ~ v1.mp=0x0
                > enter 1
                = smi
                ~ v1.smi=0/0
                """));
    }

    @Test
    void aResetAndAnInitInterceptWritesOfCr8UntilSomethingMayBeInjected(@TempDir Path folder) throws IOException {
        assertEquals(new Conformance.Passed(9), ofTwo(folder, """
                > lapic_write 0 0x80 0x3f
                = ok
                ~ v0.tpr=0x3f
                > lapic_write 0 0xf0 0x1ff
                = ok
                > enter 0
                = ok
                ~ v0.tpr=0x30
                > lapic_write 0 0x80 0x4f
                = ok
                ~ v0.tpr=0x40
                > lapic_write 1 0x300 0x4500
                = ok
                ~ v0.tpr=0x0
                > lapic_write 0 0x80 0x5f
                = ok
                ~ v0.tpr=0x5f
                > enter 0
                = ok
                > lapic_write 0 0xf0 0x1ff
                = ok
                > enter 0
                = ok
                ~ v0.tpr=0x50
                """));
    }

    private static Conformance.Outcome ofTwo(Path folder, String operations) throws IOException {
        Path file = folder.resolve("two.vec");
        Files.writeString(
                file, "# two vCPUs\nvm vcpus=2\n~ v0.mp=0x0 v1.mp=0x0 v0.smi=0/0 v1.smi=0/0 v0.tpr=0x0\n" + operations);
        try (Conformance conformance = Conformance.on(Conformance.Path.CORE)) {
            return conformance.replay(VectorFile.read(file));
        }
    }

    /** What was recorded and what the model says count too. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        operation                   | what   | recorded | model    | excused | reason
        lapic_write 0 0x300 0x40041 | v0.irr | -        | 41       | true    | requested though software-disabled
        lapic_write 0 0x300 0x40041 | v0.irr | 51       | 41,51    | true    | beside another
        lapic_write 0 0x300 0x40041 | v0.irr | 41       | -        | false   | not requested
        lapic_write 0 0x300 0x40041 | v0.irr | 51       | 41       | false   | another is lost
        lapic_write 0 0x300 0xc0041 | v0.irr | -        | 41       | false   | to all but self
        wrmsr 0 0x80b 0x1           | =      | ok       | vec=0x0d | true    | refused by the processor
        wrmsr 0 0x80b 0x0           | =      | ok       | vec=0x0d | false   | an EOI as it should be
        """)
    void aDifferenceIsExcusedOnlyByItsKind(
            String operation, String what, String recorded, String model, boolean excused) {
        VectorFile file = new VectorFile(
                "x",
                List.of(),
                List.of(),
                List.of(new VectorFile.Operation(1, List.of(operation.split(" ", -1)), "ok", List.of())));
        Conformance.Failed failed = new Conformance.Failed(1, operation, what, recorded, model);

        assertEquals(excused, ApicvDependence.needsOf(file, failed).isPresent());
    }

    private static Conformance.Outcome replayed(Path folder, String operations) throws IOException {
        Path file = folder.resolve("one.vec");
        Files.writeString(file, "# one operation\nvm vcpus=1\n~ v0.svr=0xff\n" + operations);
        try (Conformance conformance = Conformance.on(Conformance.Path.CORE)) {
            return conformance.replay(VectorFile.read(file));
        }
    }

    private static List<Path> vectors() throws IOException {
        try (Stream<Path> files = Files.walk(VECTORS)) {
            return files.filter(VectorFile::isNamedLikeOne).sorted().toList();
        }
    }
}
