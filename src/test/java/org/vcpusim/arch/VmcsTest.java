package org.vcpusim.arch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class VmcsTest {

    @ParameterizedTest
    @EnumSource
    void aClearedVmcsHoldsZero(VmcsField field) {
        assertEquals(0, Vmcs.cleared().read(field));
    }

    @Test
    void aClearedVmcsIsShared() {
        assertSame(Vmcs.cleared(), Vmcs.cleared());
    }

    @ParameterizedTest
    @EnumSource
    void aWriteChangesOneFieldOfTheNextVmcsAndNothingOfThis(VmcsField written) {
        long value = written.width().valueMask();
        Vmcs next = Vmcs.cleared().write(written, value);
        for (VmcsField field : VmcsField.values()) {
            assertEquals(field == written ? value : 0, next.read(field), field.name());
            assertEquals(0, Vmcs.cleared().read(field), field.name());
        }
    }

    @ParameterizedTest
    @EnumSource
    void aWriteOfTheSameValueReturnsTheSameVmcs(VmcsField field) {
        Vmcs vmcs = Vmcs.cleared().write(field, 1);
        assertSame(vmcs, vmcs.write(field, 1));
        assertNotEquals(vmcs, vmcs.write(field, 0));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
        POSTED_INTR_NV | 0x10000     | POSTED_INTR_NV = 0x10000: must be 0 to 0xffff
        POSTED_INTR_NV | -1          | POSTED_INTR_NV = 0xffffffffffffffff: must be 0 to 0xffff
        TPR_THRESHOLD  | 0x100000000 | TPR_THRESHOLD = 0x100000000: must be 0 to 0xffffffff
        TPR_THRESHOLD  | -1          | TPR_THRESHOLD = 0xffffffffffffffff: must be 0 to 0xffffffff
        """)
    void aWriteRefusesAValueWiderThanTheField(VmcsField field, long value, String message) {
        IllegalArgumentException refusal = assertThrows(
                IllegalArgumentException.class, () -> Vmcs.cleared().write(field, value));
        assertEquals(message, refusal.getMessage());
    }

    @Test
    void eachVectorHasItsBitInItsWordOfTheEoiExitBitmap() {
        for (int vector = 0; vector < 256; vector++) {
            Vmcs vmcs = Vmcs.cleared().write(VmcsField.eoiExitBitmap(vector >> 6), 1L << (vector & 63));
            assertEquals(VectorBitmap.EMPTY.with(vector), vmcs.eoiExitBitmap());
        }
    }

    @Test
    void theEoiExitBitmapHoldsTheFourFieldsInOrder() {
        Vmcs vmcs = Vmcs.cleared()
                .write(VmcsField.EOI_EXIT_BITMAP0, 0xa0)
                .write(VmcsField.EOI_EXIT_BITMAP1, 0xa1)
                .write(VmcsField.EOI_EXIT_BITMAP2, 0xa2)
                .write(VmcsField.EOI_EXIT_BITMAP3, 0xa3);
        assertEquals(new VectorBitmap(0xa0, 0xa1, 0xa2, 0xa3), vmcs.eoiExitBitmap());
    }

    @ParameterizedTest
    @EnumSource
    void vmfailValidStoresTheErrorNumberAndNothingElse(VmInstructionError error) {
        Vmcs vmcs = Vmcs.cleared().write(VmcsField.TPR_THRESHOLD, 3);
        assertEquals(vmcs.write(VmcsField.VM_INSTRUCTION_ERROR, error.number()), vmcs.failValid(error));
    }

    @ParameterizedTest
    @CsvSource({
        "7, ENTRY_INVALID_CONTROL_FIELD",
        "8, ENTRY_INVALID_HOST_STATE_FIELD",
        "12, UNSUPPORTED_VMCS_COMPONENT",
        "13, VMWRITE_READ_ONLY_VMCS_COMPONENT"
    })
    void anInstructionErrorHasTheNumberOfTheManual(int number, VmInstructionError error) {
        assertEquals(number, error.number());
    }

    @Test
    void equalFieldsMakeEqualVmcses() {
        Vmcs one = Vmcs.cleared().write(VmcsField.GUEST_RIP, 7).write(VmcsField.TPR_THRESHOLD, 2);
        Vmcs other = Vmcs.cleared().write(VmcsField.TPR_THRESHOLD, 2).write(VmcsField.GUEST_RIP, 7);
        assertEquals(one, other);
        assertEquals(one.hashCode(), other.hashCode());
        assertNotEquals(one, other.write(VmcsField.GUEST_RIP, 8));
        assertNotEquals(one, other.write(VmcsField.GUEST_RIP, 0));
    }

    @Test
    void printsTheFieldsThatAreNotZero() {
        Vmcs vmcs = Vmcs.cleared().write(VmcsField.TPR_THRESHOLD, 0xf).write(VmcsField.EOI_EXIT_BITMAP3, 1L << 63);
        assertEquals("Vmcs[EOI_EXIT_BITMAP3=0x8000000000000000, TPR_THRESHOLD=0xf]", vmcs.toString());
        assertEquals("Vmcs[]", Vmcs.cleared().toString());
    }
}
