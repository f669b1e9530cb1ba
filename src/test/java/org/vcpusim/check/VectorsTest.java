package org.vcpusim.check;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;
import org.vcpusim.arch.VectorBitmap;

class VectorsTest {
    @Test
    void vectorsAreHexadecimalAndManyAreCounted() {
        assertEquals("0x31", Vectors.hex(0x31));
        assertEquals("none", Vectors.hex(-1));
        assertEquals("[0x31, 0xef]", Vectors.hex(VectorBitmap.of(0xef, 0x31)));
        assertEquals(
                "[0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27 and 2 more]",
                Vectors.hex(VectorBitmap.of(0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28, 0x29)));
    }
}
