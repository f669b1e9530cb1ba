package org.vcpusim.trace;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class AsciiBufferTest {
    private final AsciiBuffer buffer = new AsciiBuffer(1);

    @ParameterizedTest
    @ValueSource(
            longs = {
                0,
                1,
                9,
                10,
                99,
                100,
                999_999_999,
                1_000_000_000,
                Integer.MAX_VALUE,
                0x8000_0000L,
                10_000_000_007L,
                Long.MAX_VALUE,
                -1,
                -10,
                Integer.MIN_VALUE,
                Long.MIN_VALUE
            })
    void numbersReadAsJavaWritesThem(long value) {
        buffer.decimal(value).character(' ').hex(value).character(' ').hex(value, 16);
        assertEquals(value + " " + Long.toHexString(value) + " " + String.format("%016x", value), buffer.toString());
    }

    @Test
    void numbersOfEveryLengthReadAsJavaWritesThem() {
        SplittableRandom random = new SplittableRandom(1);
        for (int i = 0; i < 10_000; i++) {
            long value = random.nextLong() >>> random.nextInt(64);
            AsciiBuffer one = new AsciiBuffer(32);
            assertEquals(Long.toString(value), one.decimal(value).toString());
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 7, 10, 123_456_789, 999_999_999})
    void fractionsOfASecondHaveNineDigits(int nanos) {
        assertEquals(String.format("%09d", nanos), buffer.nineDigits(nanos).toString());
    }
}
