package org.vcpusim.arch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Optional;
import java.util.function.IntToLongFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class ExitQualificationTest {

    @Test
    void anEoiInducedExitCarriesTheVectorAndNothingElse() {
        for (int vector = 0; vector < 256; vector++) {
            long qualification = ExitQualification.ofEoiInduced(vector);
            assertEquals(vector, qualification);
            assertEquals(vector, ExitQualification.eoiInducedVector(qualification));
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
        LINEAR_READ                  | 0x020 | 0x0020
        LINEAR_WRITE                 | 0x0b0 | 0x10b0
        LINEAR_FETCH                 | 0xfff | 0x2fff
        LINEAR_EVENT_DELIVERY        | 0x000 | 0x3000
        GUEST_PHYSICAL_EVENT_DELIVERY | 0x0b0 | 0xa0b0
        GUEST_PHYSICAL_INSTRUCTION   | 0x0b0 | 0xf0b0
        """)
    void anApicAccessExitCarriesTheOffsetBelowTheType(ApicAccessType type, int offset, long qualification) {
        assertEquals(qualification, ExitQualification.ofApicAccess(type, offset));
    }

    @ParameterizedTest
    @EnumSource
    void everyApicAccessDecodesToWhatItWasMadeOf(ApicAccessType type) {
        for (int offset = 0; offset <= 0xfff; offset++) {
            long qualification = ExitQualification.ofApicAccess(type, offset);
            assertEquals(offset, ExitQualification.apicAccessOffset(qualification));
            assertEquals(Optional.of(type), ExitQualification.apicAccessType(qualification));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {4, 5, 6, 7, 8, 9, 11, 12, 13, 14})
    void theOtherApicAccessTypesAreReserved(int number) {
        assertEquals(Optional.empty(), ExitQualification.apicAccessType((long) number << 12));
        assertEquals(Optional.empty(), ApicAccessType.ofNumber(number));
    }

    @Test
    void anApicWriteExitCarriesTheOffsetAndNothingElse() {
        for (int offset = 0; offset <= 0xfff; offset++) {
            long qualification = ExitQualification.ofApicWrite(offset);
            assertEquals(offset, qualification);
            assertEquals(offset, ExitQualification.apicWriteOffset(qualification));
        }
    }

    @Test
    void decodersIgnoreTheBitsThatAreNotTheirs() {
        assertEquals(0x31, ExitQualification.eoiInducedVector(0xffff_ffff_ffff_ff31L));
        assertEquals(0x0b0, ExitQualification.apicAccessOffset(0xffff_ffff_ffff_10b0L));
        assertEquals(
                Optional.of(ApicAccessType.LINEAR_WRITE), ExitQualification.apicAccessType(0xffff_ffff_ffff_10b0L));
        assertEquals(0x300, ExitQualification.apicWriteOffset(0xffff_ffff_ffff_f300L));
    }

    @Test
    void encodersRefuseWhatDoesNotFitTheirBits() {
        assertRefused("vector = 0x100: must be 0 to 0xff", ExitQualification::ofEoiInduced, 0x100);
        assertRefused("vector = 0xffffffff: must be 0 to 0xff", ExitQualification::ofEoiInduced, -1);
        assertRefused("offset = 0x1000: must be 0 to 0xfff", ExitQualification::ofApicWrite, 0x1000);
        assertRefused("offset = 0xffffffff: must be 0 to 0xfff", ExitQualification::ofApicWrite, -1);
        IntToLongFunction ofApicAccess = offset -> ExitQualification.ofApicAccess(ApicAccessType.LINEAR_READ, offset);
        assertRefused("offset = 0x1000: must be 0 to 0xfff", ofApicAccess, 0x1000);
        assertRefused("offset = 0xffffffff: must be 0 to 0xfff", ofApicAccess, -1);
    }

    private static void assertRefused(String message, IntToLongFunction encoder, int value) {
        IllegalArgumentException refusal =
                assertThrows(IllegalArgumentException.class, () -> encoder.applyAsLong(value));
        assertEquals(message, refusal.getMessage());
    }
}
