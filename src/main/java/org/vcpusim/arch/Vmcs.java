package org.vcpusim.arch;

import java.util.Arrays;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The virtual-machine control structure of one vCPU, as an immutable value.
 *
 * <p>Models SDM vol. 3C, chapter 25, "Virtual Machine Control Structures". {@link #read} and {@link #write} are the
 * path of the kernel's typed {@code vmcs_read64}, {@code vmcs_write64} and their kin, and of the processor itself,
 * which alone stores exit information; {@link #vmread} and {@link #vmwrite} are the two instructions, with their
 * encodings and failures.
 *
 * <p>It differs from a processor's in three ways. A cleared VMCS holds zeros, where a processor leaves what it held.
 * All read-only fields refuse VMWRITE, as on a processor without "VMWRITE to any supported field". And a VMWRITE of the
 * full encoding outside 64-bit mode moves bits 31:0 and leaves bits 63:32 as they are, so that the two halves of a
 * field are independent; the SDM clears bits 63:32. A 32-bit host writes the low half first and the high half next, so
 * both rules end with the same field; they differ only between its two steps.
 */
public final class Vmcs {

    private static final long LOW_HALF = 0xffff_ffffL;
    private static final VmcsField[] FIELDS = VmcsField.values();
    private static final Vmcs CLEARED = new Vmcs(new long[FIELDS.length]);

    /** One value a field, zero-extended, by ordinal. Never written after construction. */
    private final long[] values;

    /** What {@link #virtualApicControls} returns, once asked for; whoever asks at the same time decodes the same. */
    private @Nullable VirtualApicControls controls;

    private Vmcs(long[] values) {
        this.values = values;
    }

    /** Returns the VMCS with 0 in every field; always the same instance. */
    public static Vmcs cleared() {
        return CLEARED;
    }

    /** Returns the whole field, zero-extended to 64 bits. */
    public long read(VmcsField field) {
        return values[field.ordinal()];
    }

    /**
     * Returns this VMCS with a whole field replaced; read-only fields included, since the processor writes those.
     *
     * @param value of the field's width, zero-extended; any long for 64-bit and natural-width fields
     * @throws IllegalArgumentException if the value does not fit the field
     */
    public Vmcs write(VmcsField field, long value) {
        long mask = field.width().valueMask();
        if ((value & ~mask) != 0) {
            throw new IllegalArgumentException("%s = 0x%x: must be 0 to 0x%x".formatted(field, value, mask));
        }
        if (read(field) == value) {
            return this;
        }
        long[] next = values.clone();
        next[field.ordinal()] = value;
        return new Vmcs(next);
    }

    /** Returns the 256 EOI-exit bits: fields EOI_EXIT_BITMAP0 to 3, as words 0 to 3. */
    public VectorBitmap eoiExitBitmap() {
        return new VectorBitmap(
                read(VmcsField.EOI_EXIT_BITMAP0),
                read(VmcsField.EOI_EXIT_BITMAP1),
                read(VmcsField.EOI_EXIT_BITMAP2),
                read(VmcsField.EOI_EXIT_BITMAP3));
    }

    /** Returns what this VMCS says about APIC virtualization, decoded once. */
    public VirtualApicControls virtualApicControls() {
        VirtualApicControls decoded = controls;
        if (decoded == null) {
            decoded = VirtualApicControls.of(this);
            controls = decoded;
        }
        return decoded;
    }

    /**
     * Executes VMREAD: the full encoding reads the field, or outside 64-bit mode its bits 31:0; the high encoding reads
     * bits 63:32 as a 32-bit value in either mode.
     *
     * @param encoding any int; one that names no field fails with error 12
     */
    public VmreadResult vmread(int encoding, ProcessorMode mode) {
        VmcsEncoding component = new VmcsEncoding(encoding);
        Optional<VmcsField> field = fieldOf(component);
        if (field.isEmpty()) {
            return new VmFail(VmInstructionError.UNSUPPORTED_VMCS_COMPONENT);
        }
        long value = read(field.get());
        if (component.accessType() == VmcsEncoding.AccessType.HIGH) {
            return new VmreadResult.Read(value >>> 32);
        }
        return new VmreadResult.Read(mode == ProcessorMode.LONG_64_BIT ? value : value & LOW_HALF);
    }

    /**
     * Executes VMWRITE: the full encoding writes the field, or outside 64-bit mode its bits 31:0; the high encoding
     * writes bits 63:32 from bits 31:0 of the source in either mode. Source bits above the part written are ignored.
     *
     * @param encoding any int; one that names no field fails with error 12, a read-only field with error 13
     * @param value the source operand, any long
     */
    public VmwriteResult vmwrite(int encoding, long value, ProcessorMode mode) {
        VmcsEncoding component = new VmcsEncoding(encoding);
        Optional<VmcsField> field = fieldOf(component);
        if (field.isEmpty()) {
            return new VmFail(VmInstructionError.UNSUPPORTED_VMCS_COMPONENT);
        }
        if (component.type() == VmcsEncoding.Type.READ_ONLY_DATA) {
            return new VmFail(VmInstructionError.VMWRITE_READ_ONLY_VMCS_COMPONENT);
        }
        long next = merge(component, mode, read(field.get()), value);
        return new VmwriteResult.Written(write(field.get(), next));
    }

    /** Returns this VMCS with the error recorded in {@link VmcsField#VM_INSTRUCTION_ERROR}, as VMfailValid does. */
    public Vmcs failValid(VmInstructionError error) {
        return write(VmcsField.VM_INSTRUCTION_ERROR, error.number());
    }

    private static Optional<VmcsField> fieldOf(VmcsEncoding component) {
        return component.isWellFormed() ? VmcsField.ofEncoding(component.full().value()) : Optional.empty();
    }

    private static long merge(VmcsEncoding component, ProcessorMode mode, long old, long source) {
        if (component.accessType() == VmcsEncoding.AccessType.HIGH) {
            return source << 32 | old & LOW_HALF;
        }
        long fieldMask = component.width().valueMask();
        long moved = mode == ProcessorMode.LONG_64_BIT ? fieldMask : fieldMask & LOW_HALF;
        return old & ~moved | source & moved;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Vmcs that && Arrays.equals(values, that.values);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(values);
    }

    /** Returns the fields that are not 0, in hexadecimal, in order of encoding. */
    @Override
    public String toString() {
        StringBuilder text = new StringBuilder("Vmcs[");
        String separator = "";
        for (VmcsField field : FIELDS) {
            if (read(field) != 0) {
                text.append(separator).append(field).append("=0x").append(Long.toHexString(read(field)));
                separator = ", ";
            }
        }
        return text.append(']').toString();
    }
}
