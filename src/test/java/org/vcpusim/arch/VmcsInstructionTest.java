package org.vcpusim.arch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.vcpusim.arch.ProcessorMode.LONG_64_BIT;
import static org.vcpusim.arch.ProcessorMode.PROTECTED_32_BIT;
import static org.vcpusim.arch.VmInstructionError.UNSUPPORTED_VMCS_COMPONENT;
import static org.vcpusim.arch.VmInstructionError.VMWRITE_READ_ONLY_VMCS_COMPONENT;

import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** VMREAD and VMWRITE of every field, by either encoding, in either mode. */
class VmcsInstructionTest {

    private static final long OLD = 0x8122_3344_9566_f788L;
    private static final long SOURCE = 0xaabb_ccdd_eeff_0011L;
    private static final Vmcs FILLED = filled();

    private static Vmcs filled() {
        Vmcs vmcs = Vmcs.cleared();
        for (VmcsField field : VmcsField.values()) {
            vmcs = vmcs.write(field, OLD & field.width().valueMask());
        }
        return vmcs;
    }

    private static List<VmcsField> fields(VmcsEncoding.Width width) {
        List<VmcsField> fields = Arrays.stream(VmcsField.values())
                .filter(field -> field.width() == width)
                .toList();
        assertTrue(fields.size() >= 3, "a width without fields tests nothing");
        return fields;
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        width   | mode             | read               | written            | reason
        BITS_16 | LONG_64_BIT      | 0xf788             | 0x0011             | zero-extended; source 63:16 unused
        BITS_16 | PROTECTED_32_BIT | 0xf788             | 0x0011             | zero-extended; source 31:16 unused
        BITS_32 | LONG_64_BIT      | 0x9566f788         | 0xeeff0011         | zero-extended; source 63:32 unused
        BITS_32 | PROTECTED_32_BIT | 0x9566f788         | 0xeeff0011         | as wide as the operand
        BITS_64 | LONG_64_BIT      | 0x81223344_9566f788 | 0xaabbccdd_eeff0011 | all 64 bits
        BITS_64 | PROTECTED_32_BIT | 0x9566f788         | 0x81223344_eeff0011 | low half, high half kept
        NATURAL | LONG_64_BIT      | 0x81223344_9566f788 | 0xaabbccdd_eeff0011 | all 64 bits
        NATURAL | PROTECTED_32_BIT | 0x9566f788         | 0x81223344_eeff0011 | low half, high half kept
        """)
    void theFullEncodingMovesAsMuchAsFieldAndOperandHold(
            VmcsEncoding.Width width, ProcessorMode mode, String read, String written) {
        for (VmcsField field : fields(width)) {
            int encoding = field.encoding();
            assertEquals(new VmreadResult.Read(bits(read)), FILLED.vmread(encoding, mode), field.name());
            assertEquals(written(field, bits(written)), FILLED.vmwrite(encoding, SOURCE, mode), field.name());
        }
    }

    @ParameterizedTest
    @EnumSource
    void theHighEncodingMovesBits63To32AsA32BitValueInAnyMode(ProcessorMode mode) {
        for (VmcsField field : fields(VmcsEncoding.Width.BITS_64)) {
            int encoding = field.highEncoding().orElseThrow();
            assertEquals(new VmreadResult.Read(0x8122_3344L), FILLED.vmread(encoding, mode), field.name());
            assertEquals(written(field, 0xeeff_0011_9566_f788L), FILLED.vmwrite(encoding, SOURCE, mode), field.name());
        }
    }

    @ParameterizedTest
    @EnumSource
    void aHighAccessToAFieldThatIsNot64BitsWideFails(ProcessorMode mode) {
        VmFail failure = new VmFail(UNSUPPORTED_VMCS_COMPONENT);
        for (VmcsField field : VmcsField.values()) {
            if (field.width() != VmcsEncoding.Width.BITS_64) {
                assertEquals(failure, FILLED.vmread(field.encoding() + 1, mode), field.name());
                assertEquals(failure, FILLED.vmwrite(field.encoding() + 1, 0, mode), field.name());
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void onlyTheEncodingsOfTheFieldsSucceed(ProcessorMode mode) {
        int succeeded = 0;
        for (int encoding = 0; encoding <= 0x1_ffff; encoding++) {
            boolean reads = FILLED.vmread(encoding, mode) instanceof VmreadResult.Read;
            succeeded += reads ? 1 : 0;
            boolean unsupported = FILLED.vmwrite(encoding, SOURCE, mode).equals(new VmFail(UNSUPPORTED_VMCS_COMPONENT));
            assertEquals(reads, !unsupported, "0x%x".formatted(encoding));
        }
        long highEncodings = fields(VmcsEncoding.Width.BITS_64).size();
        assertEquals(VmcsField.values().length + highEncodings, succeeded);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
        0x1000201c  | reserved bit 28
        -0x7fffdfe4 | reserved bit 31
        0x301c      | reserved bit 12
        0x2018      | no such field
        """)
    void anEncodingThatNamesNoFieldFails(int encoding) {
        VmFail failure = new VmFail(UNSUPPORTED_VMCS_COMPONENT);
        assertEquals(failure, FILLED.vmread(encoding, LONG_64_BIT));
        assertEquals(failure, FILLED.vmwrite(encoding, SOURCE, LONG_64_BIT));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
        GUEST_PHYSICAL_ADDRESS   | 0x2400 | LONG_64_BIT
        GUEST_PHYSICAL_ADDRESS   | 0x2401 | PROTECTED_32_BIT
        VM_INSTRUCTION_ERROR     | 0x4400 | LONG_64_BIT
        VM_EXIT_REASON           | 0x4402 | LONG_64_BIT
        VM_EXIT_INTR_INFO        | 0x4404 | PROTECTED_32_BIT
        VM_EXIT_INTR_ERROR_CODE  | 0x4406 | LONG_64_BIT
        IDT_VECTORING_INFO_FIELD | 0x4408 | LONG_64_BIT
        IDT_VECTORING_ERROR_CODE | 0x440a | LONG_64_BIT
        EXIT_QUALIFICATION       | 0x6400 | PROTECTED_32_BIT
        """)
    void aReadOnlyFieldRefusesVmwrite(VmcsField field, int encoding, ProcessorMode mode) {
        assertEquals(new VmFail(VMWRITE_READ_ONLY_VMCS_COMPONENT), FILLED.vmwrite(encoding, SOURCE, mode));
    }

    @Test
    void aHighAccessToAReadOnlyFieldThatIsNot64BitsWideFailsAsUnsupported() {
        assertEquals(new VmFail(UNSUPPORTED_VMCS_COMPONENT), FILLED.vmwrite(0x4403, SOURCE, LONG_64_BIT));
    }

    @ParameterizedTest
    @CsvSource({"0x201c, 0x201d", "0x201d, 0x201c"})
    void twoHalvesWrittenOutside64BitModeMakeTheWholeInEitherOrder(int first, int second) {
        Vmcs vmcs = Vmcs.cleared();
        for (int encoding : new int[] {first, second}) {
            long half = encoding == 0x201d ? SOURCE >>> 32 : SOURCE;
            vmcs = ((VmwriteResult.Written) vmcs.vmwrite(encoding, half, PROTECTED_32_BIT)).vmcs();
        }
        assertEquals(new VmreadResult.Read(SOURCE), vmcs.vmread(0x201c, LONG_64_BIT));
        assertEquals(new VectorBitmap(SOURCE, 0, 0, 0), vmcs.eoiExitBitmap());
    }

    private static VmwriteResult written(VmcsField field, long value) {
        return field.type() == VmcsEncoding.Type.READ_ONLY_DATA
                ? new VmFail(VMWRITE_READ_ONLY_VMCS_COMPONENT)
                : new VmwriteResult.Written(FILLED.write(field, value));
    }

    private static long bits(String hexadecimal) {
        return Long.parseUnsignedLong(hexadecimal.replace("0x", "").replace("_", ""), 16);
    }
}
