package org.vcpusim.sim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.vcpusim.scenario.InputException;

/** A vector file that cannot be used is refused with one line. */
class VectorFileTest {
    private static final String HEAD = "# about\nvm vcpus=1\n~ v0.mp=0x0\n";

    @TempDir
    private Path folder;

    @Test
    void aFileThatEndsAfterAnOperationIsTruncated() throws IOException {
        assertEquals(
                "x.vec:4: ends after the operation of line 4: a line with its result must follow",
                refusal("x.vec", HEAD + "> enter 0\n"));
    }

    @Test
    void aFileCutInTheMiddleOfALineIsTruncated() throws IOException {
        assertEquals(
                "x.vec:6: ends in the middle of a line: the last line must end as the others do",
                refusal("x.vec", HEAD + "> enter 0\n= ok\n~ v0.mp=0x1"));
    }

    @Test
    void aStateBeforeTheResultIsRefused() throws IOException {
        assertEquals(
                "x.vec:5: a state before the result: the operation of line 4 needs its result first",
                refusal("x.vec", HEAD + "> enter 0\n~ v0.mp=0x1\n"));
    }

    @Test
    void aFileWithoutAMachineIsRefused() throws IOException {
        assertEquals(
                "x.vec:1: has no vm line: a vector file starts with comments and a vm line", refusal("x.vec", "# a\n"));
    }

    @Test
    void aFileThatIsNoGzipFileOrACutOneIsRefused() throws IOException {
        String expected = "x.vec.gz: is not a whole gzip file: must be a vector file packed with gzip";
        assertEquals(expected, refusal("x.vec.gz", "not gzip"));
        ByteArrayOutputStream packed = new ByteArrayOutputStream();
        try (GZIPOutputStream gzip = new GZIPOutputStream(packed)) {
            gzip.write((HEAD + "> enter 0\n= ok\n").getBytes(StandardCharsets.US_ASCII));
        }
        Path file = folder.resolve("x.vec.gz");
        for (int length = 1; length < packed.size(); length++) {
            Files.write(file, Arrays.copyOf(packed.toByteArray(), length));
            assertEquals(expected, refusal(file), "the first " + length + " bytes");
        }
    }

    @Test
    void aBinaryFileIsRefused() throws IOException {
        Path file = folder.resolve("x.vec");
        Files.write(file, new byte[] {(byte) 0xff, (byte) 0xfe, 0, 1});
        assertEquals("x.vec: holds bytes that are not ASCII: must be a vector file", refusal(file));
    }

    private String refusal(String name, String text) throws IOException {
        Path file = folder.resolve(name);
        Files.write(file, text.getBytes(StandardCharsets.US_ASCII));
        return refusal(file);
    }

    private String refusal(Path file) {
        InputException e = assertThrows(InputException.class, () -> VectorFile.read(file));
        return String.valueOf(e.getMessage()).replace(folder + "/", "");
    }
}
