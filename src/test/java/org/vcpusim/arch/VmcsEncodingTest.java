package org.vcpusim.arch;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class VmcsEncodingTest {

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        encoding | access | index | type           | width   | field
        0x0002   | FULL   | 1     | CONTROL        | BITS_16 | notification vector
        0x0810   | FULL   | 8     | GUEST_STATE    | BITS_16 | guest interrupt status
        0x0c00   | FULL   | 0     | HOST_STATE     | BITS_16 | host ES selector
        0x201c   | FULL   | 14    | CONTROL        | BITS_64 | EOI-exit bitmap 0
        0x2023   | HIGH   | 17    | CONTROL        | BITS_64 | EOI-exit bitmap 3, high
        0x2401   | HIGH   | 0     | READ_ONLY_DATA | BITS_64 | guest-physical address, high
        0x4404   | FULL   | 2     | READ_ONLY_DATA | BITS_32 | exit interruption information
        0x4826   | FULL   | 19    | GUEST_STATE    | BITS_32 | activity state
        0x6820   | FULL   | 16    | GUEST_STATE    | NATURAL | RFLAGS
        0x2ffe   | FULL   | 511   | HOST_STATE     | BITS_64 | largest index
        """)
    void takesAnEncodingApart(
            int encoding, VmcsEncoding.AccessType access, int index, VmcsEncoding.Type type, VmcsEncoding.Width width) {
        VmcsEncoding anatomy = new VmcsEncoding(encoding);
        assertEquals(access, anatomy.accessType());
        assertEquals(index, anatomy.index());
        assertEquals(type, anatomy.type());
        assertEquals(width, anatomy.width());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        encoding   | wellFormed | reason
        0x201c     | true       | full access to a 64-bit field
        0x201d     | true       | high access to a 64-bit field
        0x0002     | true       | full access to a 16-bit field
        0x0003     | false      | high access to a 16-bit field
        0x4001     | false      | high access to a 32-bit field
        0x6401     | false      | high access to a natural-width field
        0x301c     | false      | bit 12 is reserved
        0xa01c     | false      | bit 15 is reserved
        0x1201c    | false      | bit 16 is reserved
        -0x7fffdfe4 | false     | bit 31 is reserved
        0x6ffe     | true       | every bit that a full access may set
        """)
    void isWellFormedOnlyWithReservedBitsClearAndHighAccessToA64BitField(int encoding, boolean wellFormed) {
        assertEquals(wellFormed, new VmcsEncoding(encoding).isWellFormed());
    }

    @Test
    void everyReservedBitAloneMakesAnEncodingMalformed() {
        long malformed = 0;
        for (int bit = 0; bit < Integer.SIZE; bit++) {
            if (!new VmcsEncoding(0x2000 ^ 1 << bit).isWellFormed()) {
                malformed |= 1L << bit;
            }
        }
        assertEquals(0xffff_9000L, malformed);
    }

    @Test
    void fullClearsTheAccessTypeOnly() {
        assertEquals(new VmcsEncoding(0x201e), new VmcsEncoding(0x201f).full());
        assertEquals(new VmcsEncoding(0x201e), new VmcsEncoding(0x201e).full());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
        BITS_16 | 0xffff
        BITS_32 | 0xffffffff
        BITS_64 | -1
        NATURAL | -1
        """)
    void aWidthMasksTheBitsOfItsFields(VmcsEncoding.Width width, long mask) {
        assertEquals(mask, width.valueMask());
    }
}
