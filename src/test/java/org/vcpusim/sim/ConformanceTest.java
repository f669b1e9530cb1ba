package org.vcpusim.sim;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The model answers as recorded kernels did. */
class ConformanceTest {
    private static final Path VECTORS = Path.of("src", "test", "resources", "vectors");

    @ParameterizedTest
    @EnumSource(Conformance.Path.class)
    void everyVectorAgrees(Conformance.Path executor) throws IOException {
        List<String> failed = new ArrayList<>();
        int passed = 0;
        int skipped = 0;
        try (Conformance conformance = Conformance.on(executor)) {
            for (Path file : vectors()) {
                Conformance.Outcome outcome = conformance.replay(VectorFile.read(file));
                if (outcome instanceof Conformance.Failed) {
                    failed.add(file + ": " + outcome);
                }
                passed += outcome instanceof Conformance.Passed ? 1 : 0;
                skipped += outcome instanceof Conformance.Skipped ? 1 : 0;
            }
        }
        assertEquals(List.of(), failed);
        assertEquals(280, passed);
        assertEquals(0, skipped);
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
        Path file = folder.resolve("sipi.vec");
        Files.writeString(file, """
                # INIT, then a start-up IPI
                vm vcpus=2
                ~ v0.mp=0x0 v1.mp=0x0
                > lapic_write 0 0x310 0x1000000
                = ok
                > lapic_write 0 0x300 0x4500
                = ok
                ~ v1.mp=0x2
                > enter 1
                = notrunnable=2
                > lapic_write 0 0x300 0x4612
                = ok
                ~ v1.mp=0x0
                > resume 1
                = sipi=0x12
                > resume 1
                = notblocked
                """);
        try (Conformance conformance = Conformance.on(Conformance.Path.CORE)) {
            assertEquals(new Conformance.Passed(6), conformance.replay(VectorFile.read(file)));
        }
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
