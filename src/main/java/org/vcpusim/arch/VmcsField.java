package org.vcpusim.arch;

import java.util.Arrays;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * The VMCS fields that take part in virtual-interrupt delivery and in the VM exits around it, in order of encoding.
 *
 * <p>Models SDM vol. 3D, appendix B, "Field Encoding in VMCS"; the names are those of {@code enum vmcs_field} in the
 * kernel's {@code arch/x86/include/asm/vmx.h}. A processor has many more fields; to the model those do not exist.
 */
@SuppressWarnings("ImmutableEnumChecker") // an encoding is a record of one int
public enum VmcsField {
    /** Vector whose arrival starts posted-interrupt processing. */
    POSTED_INTR_NV(0x0002),
    /** Highest usable index into the table at {@link #PID_POINTER_TABLE}. */
    LAST_PID_POINTER_INDEX(0x0008),
    /** RVI in bits 7:0, SVI in bits 15:8. */
    GUEST_INTR_STATUS(0x0810),
    /** Physical address of the virtual-APIC page. */
    VIRTUAL_APIC_PAGE_ADDR(0x2012),
    /** Physical address of the APIC-access page. */
    APIC_ACCESS_ADDR(0x2014),
    /** Physical address of the posted-interrupt descriptor. */
    POSTED_INTR_DESC_ADDR(0x2016),
    /** EOI-exit bits of vectors 0 to 63. */
    EOI_EXIT_BITMAP0(0x201c),
    /** EOI-exit bits of vectors 64 to 127. */
    EOI_EXIT_BITMAP1(0x201e),
    /** EOI-exit bits of vectors 128 to 191. */
    EOI_EXIT_BITMAP2(0x2020),
    /** EOI-exit bits of vectors 192 to 255. */
    EOI_EXIT_BITMAP3(0x2022),
    /** Tertiary processor-based controls, see {@link TertiaryProcessorControl}. */
    TERTIARY_VM_EXEC_CONTROL(0x2034),
    /** Physical address of the table of posted-interrupt descriptors that IPI virtualization uses. */
    PID_POINTER_TABLE(0x2042),
    /** Guest-physical address of an EPT violation or misconfiguration. */
    GUEST_PHYSICAL_ADDRESS(0x2400),
    /** Pin-based controls, see {@link PinBasedControl}. */
    PIN_BASED_VM_EXEC_CONTROL(0x4000),
    /** Primary processor-based controls, see {@link PrimaryProcessorControl}. */
    CPU_BASED_VM_EXEC_CONTROL(0x4002),
    /** VM-exit controls, see {@link VmExitControl}. */
    VM_EXIT_CONTROLS(0x400c),
    /** Event to inject on VM entry, see {@link EventInjection}. */
    VM_ENTRY_INTR_INFO_FIELD(0x4016),
    /** Error code of the event to inject. */
    VM_ENTRY_EXCEPTION_ERROR_CODE(0x4018),
    /** Virtual TPR below which the guest exits. */
    TPR_THRESHOLD(0x401c),
    /** Secondary processor-based controls, see {@link SecondaryProcessorControl}. */
    SECONDARY_VM_EXEC_CONTROL(0x401e),
    /** Number of the last VMX instruction error, see {@link VmInstructionError}. */
    VM_INSTRUCTION_ERROR(0x4400),
    /** Basic exit reason in bits 15:0, see {@link ExitReason}. */
    VM_EXIT_REASON(0x4402),
    /** Event that caused the exit, see {@link EventInjection}. */
    VM_EXIT_INTR_INFO(0x4404),
    /** Error code of the event that caused the exit. */
    VM_EXIT_INTR_ERROR_CODE(0x4406),
    /** Event whose delivery the exit interrupted, see {@link EventInjection}. */
    IDT_VECTORING_INFO_FIELD(0x4408),
    /** Error code of the event whose delivery the exit interrupted. */
    IDT_VECTORING_ERROR_CODE(0x440a),
    /** Blocking by STI, MOV SS, SMI and NMI. */
    GUEST_INTERRUPTIBILITY_INFO(0x4824),
    /** 0 active, 1 HLT, 2 shutdown, 3 wait-for-SIPI. */
    GUEST_ACTIVITY_STATE(0x4826),
    /** What the exit reason leaves open, see {@link ExitQualification}. */
    EXIT_QUALIFICATION(0x6400),
    /** Guest RIP. */
    GUEST_RIP(0x681e),
    /** Guest RFLAGS. */
    GUEST_RFLAGS(0x6820);

    private static final VmcsField[] FIELDS = values();
    private static final int[] ENCODINGS =
            Arrays.stream(FIELDS).mapToInt(VmcsField::encoding).toArray();

    private final VmcsEncoding encoding;

    VmcsField(int encoding) {
        this.encoding = new VmcsEncoding(encoding);
    }

    /** Returns the encoding that accesses the whole field; always even. */
    public int encoding() {
        return encoding.value();
    }

    /** Returns the encoding that accesses bits 63:32, or empty unless the field is 64 bits wide. */
    public OptionalInt highEncoding() {
        return width() == VmcsEncoding.Width.BITS_64 ? OptionalInt.of(encoding() + 1) : OptionalInt.empty();
    }

    /** Returns the width of the field, from its encoding. */
    public VmcsEncoding.Width width() {
        return encoding.width();
    }

    /** Returns the type of the field, from its encoding. */
    public VmcsEncoding.Type type() {
        return encoding.type();
    }

    /**
     * Finds the field of a full-access encoding.
     *
     * @param full any int; a high encoding names no field here
     */
    public static Optional<VmcsField> ofEncoding(int full) {
        int position = Arrays.binarySearch(ENCODINGS, full);
        return position < 0 ? Optional.empty() : Optional.of(FIELDS[position]);
    }

    /**
     * Returns the field with one 64-bit word of the EOI-exit bitmap.
     *
     * @param wordIndex 0 to 3; word {@code i} holds vectors {@code 64 * i} to {@code 64 * i + 63}
     * @throws IllegalArgumentException if there is no such word
     */
    public static VmcsField eoiExitBitmap(int wordIndex) {
        if (wordIndex < 0 || wordIndex > 3) {
            throw new IllegalArgumentException("wordIndex = " + wordIndex + ": must be 0 to 3");
        }
        return FIELDS[EOI_EXIT_BITMAP0.ordinal() + wordIndex];
    }
}
