package org.vcpusim.kvm;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.vcpusim.arch.VectorBitmap;

/**
 * One vCPU's synthetic interrupt controller: sixteen sources, and which vectors they use.
 *
 * <p>Source: {@code struct kvm_vcpu_hv_synic}, arch/x86/include/asm/kvm_host.h; {@code synic_set_sint},
 * {@code synic_update_vector}, {@code synic_has_vector_connected}, {@code synic_has_vector_auto_eoi},
 * arch/x86/kvm/hyperv.c; Hypervisor Top Level Functional Specification, "Synthetic Interrupt Controller".
 *
 * @param sints the SINT registers
 * @param vectors {@code vec_bitmap}: vectors of some source that is not masked
 * @param autoEoi {@code auto_eoi_bitmap}: those of them that end themselves when they are taken
 * @param control the register SCONTROL
 * @param ending the vector whose EOI the sources' GSIs are told of now, or -1; a local variable in KVM
 */
public record HvSynic(List<Long> sints, VectorBitmap vectors, VectorBitmap autoEoi, long control, int ending) {
    /** Number of sources. */
    public static final int SINTS = 16;
    /** HV_X64_MSR_SINT0; the registers of the other sources follow. */
    public static final int MSR_SINT0 = 0x40000090;
    /** SINT registers, bit 16: masked. */
    public static final long MASKED = 1 << 16;
    /** SINT registers, bit 17: AutoEOI. */
    public static final long AUTO_EOI = 1 << 17;
    /** The lowest vector that a source may have: HV_SYNIC_FIRST_VALID_VECTOR. */
    public static final int FIRST_VALID_VECTOR = 16;

    private static final int VECTOR_MASK = 0xff;
    private static final int NONE = -1;

    public HvSynic {
        sints = List.copyOf(sints);
    }

    /** After reset: every source is masked. */
    public static HvSynic reset() {
        return new HvSynic(Collections.nCopies(SINTS, MASKED), VectorBitmap.EMPTY, VectorBitmap.EMPTY, 0, NONE);
    }

    /**
     * With a source for each of {@code vectors}, from source 0 on.
     *
     * @throws IllegalArgumentException where there are more vectors than sources
     */
    public static HvSynic of(VectorBitmap vectors) {
        HvSynic synic = reset();
        int sint = 0;
        for (int vector : vectors.vectors().toArray()) {
            if (sint == SINTS) {
                throw new IllegalArgumentException("vectors = " + vectors + ": must be at most " + SINTS);
            }
            synic = synic.withSint(sint++, vector).withVectorUpdated(vector);
        }
        return synic;
    }

    /** The vector of a SINT register's value, masked or not. */
    static int vectorField(long value) {
        return (int) value & VECTOR_MASK;
    }

    /** The vector of source {@code sint}, or -1 where it is masked; {@code synic_get_sint_vector}. */
    int vector(int sint) {
        long value = sints.get(sint);
        return (value & MASKED) != 0 ? NONE : vectorField(value);
    }

    /** With a register replaced; the bitmaps follow by {@link #withVectorUpdated}. */
    HvSynic withSint(int sint, long value) {
        List<Long> changed = new ArrayList<>(sints);
        changed.set(sint, value);
        return new HvSynic(changed, vectors, autoEoi, control, ending);
    }

    /** With the bitmaps' bits of {@code vector} as the registers have them. */
    HvSynic withVectorUpdated(int vector) {
        if (vector < FIRST_VALID_VECTOR) {
            return this;
        }
        boolean connected = false;
        boolean endsItself = false;
        for (int sint = 0; sint < SINTS; sint++) {
            boolean uses = vector(sint) == vector;
            connected |= uses;
            endsItself |= uses && (sints.get(sint) & AUTO_EOI) != 0;
        }
        return new HvSynic(
                sints,
                connected ? vectors.with(vector) : vectors.without(vector),
                endsItself ? autoEoi.with(vector) : autoEoi.without(vector),
                control,
                ending);
    }

    /** The sources that use {@code vector}. */
    List<Integer> sintsOf(int vector) {
        List<Integer> using = new ArrayList<>();
        for (int sint = 0; sint < SINTS; sint++) {
            if (vector(sint) == vector) {
                using.add(sint);
            }
        }
        return using;
    }

    HvSynic withControl(long value) {
        return new HvSynic(sints, vectors, autoEoi, value, ending);
    }

    HvSynic withEnding(int vector) {
        return new HvSynic(sints, vectors, autoEoi, control, vector);
    }
}
