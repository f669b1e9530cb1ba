package org.vcpusim.arch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class VmcsFieldTest {

    private static final String TABLE = """
        POSTED_INTR_NV                | 0x0002 | -      | BITS_16 | CONTROL
        LAST_PID_POINTER_INDEX        | 0x0008 | -      | BITS_16 | CONTROL
        GUEST_INTR_STATUS             | 0x0810 | -      | BITS_16 | GUEST_STATE
        VIRTUAL_APIC_PAGE_ADDR        | 0x2012 | 0x2013 | BITS_64 | CONTROL
        APIC_ACCESS_ADDR              | 0x2014 | 0x2015 | BITS_64 | CONTROL
        POSTED_INTR_DESC_ADDR         | 0x2016 | 0x2017 | BITS_64 | CONTROL
        EOI_EXIT_BITMAP0              | 0x201c | 0x201d | BITS_64 | CONTROL
        EOI_EXIT_BITMAP1              | 0x201e | 0x201f | BITS_64 | CONTROL
        EOI_EXIT_BITMAP2              | 0x2020 | 0x2021 | BITS_64 | CONTROL
        EOI_EXIT_BITMAP3              | 0x2022 | 0x2023 | BITS_64 | CONTROL
        TERTIARY_VM_EXEC_CONTROL      | 0x2034 | 0x2035 | BITS_64 | CONTROL
        PID_POINTER_TABLE             | 0x2042 | 0x2043 | BITS_64 | CONTROL
        GUEST_PHYSICAL_ADDRESS        | 0x2400 | 0x2401 | BITS_64 | READ_ONLY_DATA
        PIN_BASED_VM_EXEC_CONTROL     | 0x4000 | -      | BITS_32 | CONTROL
        CPU_BASED_VM_EXEC_CONTROL     | 0x4002 | -      | BITS_32 | CONTROL
        VM_EXIT_CONTROLS              | 0x400c | -      | BITS_32 | CONTROL
        VM_ENTRY_INTR_INFO_FIELD      | 0x4016 | -      | BITS_32 | CONTROL
        VM_ENTRY_EXCEPTION_ERROR_CODE | 0x4018 | -      | BITS_32 | CONTROL
        TPR_THRESHOLD                 | 0x401c | -      | BITS_32 | CONTROL
        SECONDARY_VM_EXEC_CONTROL     | 0x401e | -      | BITS_32 | CONTROL
        VM_INSTRUCTION_ERROR          | 0x4400 | -      | BITS_32 | READ_ONLY_DATA
        VM_EXIT_REASON                | 0x4402 | -      | BITS_32 | READ_ONLY_DATA
        VM_EXIT_INTR_INFO             | 0x4404 | -      | BITS_32 | READ_ONLY_DATA
        VM_EXIT_INTR_ERROR_CODE       | 0x4406 | -      | BITS_32 | READ_ONLY_DATA
        IDT_VECTORING_INFO_FIELD      | 0x4408 | -      | BITS_32 | READ_ONLY_DATA
        IDT_VECTORING_ERROR_CODE      | 0x440a | -      | BITS_32 | READ_ONLY_DATA
        GUEST_INTERRUPTIBILITY_INFO   | 0x4824 | -      | BITS_32 | GUEST_STATE
        GUEST_ACTIVITY_STATE          | 0x4826 | -      | BITS_32 | GUEST_STATE
        EXIT_QUALIFICATION            | 0x6400 | -      | NATURAL | READ_ONLY_DATA
        GUEST_RIP                     | 0x681e | -      | NATURAL | GUEST_STATE
        GUEST_RFLAGS                  | 0x6820 | -      | NATURAL | GUEST_STATE
        """;

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = TABLE)
    void aFieldHasTheEncodingsWidthAndTypeOfTheManual(
            VmcsField field, int full, String high, VmcsEncoding.Width width, VmcsEncoding.Type type) {
        assertEquals(full, field.encoding());
        assertEquals(
                high.equals("-") ? OptionalInt.empty() : OptionalInt.of(Integer.decode(high)), field.highEncoding());
        assertEquals(width, field.width());
        assertEquals(type, field.type());
    }

    @Test
    void theTableHasEveryField() {
        assertEquals(VmcsField.values().length, TABLE.lines().count());
    }

    @Test
    void anEncodingNamesAFieldOnlyIfItIsTheFullEncodingOfOne() {
        VmcsField[] fields = VmcsField.values();
        int next = 0;
        for (int encoding = 0; encoding <= 0xffff; encoding++) {
            boolean named = next < fields.length && fields[next].encoding() == encoding;
            assertEquals(named ? Optional.of(fields[next++]) : Optional.empty(), VmcsField.ofEncoding(encoding));
        }
        assertEquals(fields.length, next, "fields are declared in order of encoding");
    }

    @ParameterizedTest
    @ValueSource(ints = {Integer.MIN_VALUE, -1, 0x1_201c, Integer.MAX_VALUE})
    void anEncodingBeyond16BitsNamesNoField(int encoding) {
        assertEquals(Optional.empty(), VmcsField.ofEncoding(encoding));
    }

    @ParameterizedTest
    @CsvSource({"0, EOI_EXIT_BITMAP0", "1, EOI_EXIT_BITMAP1", "2, EOI_EXIT_BITMAP2", "3, EOI_EXIT_BITMAP3"})
    void theWordsOfTheEoiExitBitmapAreTwoEncodingsApart(int wordIndex, VmcsField field) {
        assertEquals(field, VmcsField.eoiExitBitmap(wordIndex));
        assertEquals(0x201c + 2 * wordIndex, field.encoding());
    }

    @ParameterizedTest
    @ValueSource(ints = {-1, 4})
    void theEoiExitBitmapHasFourWords(int wordIndex) {
        IllegalArgumentException refusal =
                assertThrows(IllegalArgumentException.class, () -> VmcsField.eoiExitBitmap(wordIndex));
        assertEquals("wordIndex = " + wordIndex + ": must be 0 to 3", refusal.getMessage());
    }
}
