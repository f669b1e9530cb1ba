package org.vcpusim.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.vcpusim.arch.VectorBitmap;

class HvSynicTest {
    /** Writes SINT:VALUE, each followed by a look at the old and the new vector. */
    private static HvSynic written(String writes) {
        HvSynic synic = HvSynic.reset();
        for (String write : writes.split(" ", -1)) {
            int sint = Integer.parseInt(write.substring(0, 1));
            long value = Long.parseLong(write.substring(2), 16);
            int old = HvSynic.vectorField(synic.sints().get(sint));
            synic = synic.withSint(sint, value).withVectorUpdated(old).withVectorUpdated(HvSynic.vectorField(value));
        }
        return synic;
    }

    private static String hex(VectorBitmap bitmap) {
        return String.join(" ", bitmap.vectors().mapToObj(Integer::toHexString).toList());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        writes                | vectors | autoEoi | reason
        0:52                  | 52      | ''      | a source
        0:10052               | ''      | ''      | masked
        0:20052               | 52      | 52      | AutoEOI
        0:30052               | ''      | ''      | masked, AutoEOI or not
        0:52 0:53             | 53      | ''      | the old vector goes
        0:52 1:52 0:53        | 52 53   | ''      | another source still has it
        0:20052 1:52          | 52      | 52      | one of two has AutoEOI
        0:20052 1:52 0:10052  | 52      | ''      | the one that had it is masked
        0:20052 0:20053       | 53      | 53      | AutoEOI moves
        0:20052 0:52          | 52      | ''      | the same vector without AutoEOI
        0:10000               | ''      | ''      | what Hyper-V writes at boot
        """)
    void theBitmapsFollowTheRegisters(String writes, String vectors, String autoEoi, String reason) {
        HvSynic synic = written(writes);
        assertEquals(vectors, hex(synic.vectors()), reason);
        assertEquals(autoEoi, hex(synic.autoEoi()), reason);
    }

    @Test
    void everySourceIsMaskedAfterReset() {
        assertEquals(
                16,
                HvSynic.reset().sints().stream().filter(sint -> sint == 0x10000).count());
    }

    @Test
    void aSourceForEachVectorFromSourceZeroOn() {
        HvSynic synic = HvSynic.of(VectorBitmap.of(0x52, 0xf3));
        assertEquals(List.of(0x52, 0xf3, -1), List.of(synic.vector(0), synic.vector(1), synic.vector(2)));
        assertEquals(VectorBitmap.of(0x52, 0xf3), synic.vectors());
        assertEquals(VectorBitmap.EMPTY, synic.autoEoi());
        VectorBitmap tooMany = VectorBitmap.of(IntStream.rangeClosed(0x30, 0x40).toArray());
        assertThrows(IllegalArgumentException.class, () -> HvSynic.of(tooMany));
    }

    @Test
    void allSourcesOfAVector() {
        assertEquals(List.of(1, 3), written("1:52 2:53 3:52").sintsOf(0x52));
    }
}
