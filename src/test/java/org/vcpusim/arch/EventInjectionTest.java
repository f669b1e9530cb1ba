package org.vcpusim.arch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.function.IntFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class EventInjectionTest {

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        word       | vector | type                          | errorCode | valid
        0x00000000 | 0      | EXTERNAL_INTERRUPT            | false     | false
        0x800000ff | 255    | EXTERNAL_INTERRUPT            | false     | true
        0x80000131 | 49     | RESERVED                      | false     | true
        0x80000202 | 2      | NMI                           | false     | true
        0x80000306 | 6      | HARDWARE_EXCEPTION            | false     | true
        0x80000b0e | 14     | HARDWARE_EXCEPTION            | true      | true
        0x80000480 | 128    | SOFTWARE_INTERRUPT            | false     | true
        0x80000501 | 1      | PRIVILEGED_SOFTWARE_EXCEPTION | false     | true
        0x80000603 | 3      | SOFTWARE_EXCEPTION            | false     | true
        0x80000700 | 0      | OTHER_EVENT                   | false     | true
        0x00000b0e | 14     | HARDWARE_EXCEPTION            | true      | false
        0x80001031 | 49     | EXTERNAL_INTERRUPT            | false     | true
        """)
    void decodesEveryPartOfTheWord(long word, int vector, EventInjection.Type type, boolean errorCode, boolean valid) {
        EventInjection event = EventInjection.decode(word);
        assertEquals(vector, event.vector());
        assertEquals(type, event.type());
        assertEquals(errorCode, event.hasErrorCode());
        assertEquals(valid, event.isValid());
        assertEquals(word, event.encode());
    }

    @Test
    void everyExternalInterruptHasItsVectorInTheLowByte() {
        for (int vector = 0; vector < 256; vector++) {
            assertEquals(
                    0x8000_0000L | vector,
                    EventInjection.externalInterrupt(vector).encode());
        }
    }

    @Test
    void everyExceptionHasItsVectorAndWhetherAnErrorCodeFollows() {
        for (int vector = 0; vector < 32; vector++) {
            assertEquals(
                    0x8000_0300L | vector,
                    EventInjection.hardwareException(vector).encode());
            assertEquals(
                    0x8000_0b00L | vector,
                    EventInjection.hardwareExceptionWithErrorCode(vector).encode());
        }
    }

    @Test
    void anNmiHasVector2() {
        assertEquals(0x8000_0202L, EventInjection.nmi().encode());
    }

    @Test
    void noEventIsTheWordZero() {
        assertEquals(0, EventInjection.NONE.encode());
        assertFalse(EventInjection.NONE.isValid());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
        0x100000000         | value = 0x100000000: must be 0 to 0xffffffff
        -1                  | value = 0xffffffffffffffff: must be 0 to 0xffffffff
        0x80002031          | word = 0x80002031: bits 30:13 must be 0
        0xc0000031          | word = 0xc0000031: bits 30:13 must be 0
        """)
    void decodeRefusesReservedBitsAndValuesBeyond32Bits(long value, String message) {
        IllegalArgumentException refusal =
                assertThrows(IllegalArgumentException.class, () -> EventInjection.decode(value));
        assertEquals(message, refusal.getMessage());
    }

    @Test
    void everyReservedBitAloneIsRefused() {
        for (int bit = 13; bit <= 30; bit++) {
            int word = 1 << bit;
            assertThrows(IllegalArgumentException.class, () -> new EventInjection(word));
        }
    }

    @Test
    void vectorsOutsideTheirRangeAreRefused() {
        assertRefused("vector = -1: must be 0 to 255", EventInjection::externalInterrupt, -1);
        assertRefused("vector = 256: must be 0 to 255", EventInjection::externalInterrupt, 256);
        assertRefused("vector = -1: must be 0 to 31", EventInjection::hardwareException, -1);
        assertRefused("vector = 32: must be 0 to 31", EventInjection::hardwareException, 32);
        assertRefused("vector = 32: must be 0 to 31", EventInjection::hardwareExceptionWithErrorCode, 32);
    }

    private static void assertRefused(String message, IntFunction<EventInjection> factory, int vector) {
        IllegalArgumentException refusal = assertThrows(IllegalArgumentException.class, () -> factory.apply(vector));
        assertEquals(message, refusal.getMessage());
    }
}
