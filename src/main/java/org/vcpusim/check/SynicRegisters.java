package org.vcpusim.check;

import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.kvm.HvSynic;

/**
 * The source registers of one vCPU's SynIC, as events have told of them. Those of a vCPU whose creation the trace has are all known:
 * the lowest vector that the SynIC has then is that of source 0, the next that of source 1, and the other sources are masked.
 */
final class SynicRegisters {
    private static final int VECTOR = 0xff;
    private static final int ALL = (1 << HvSynic.SINTS) - 1;
    private static final int NONE = -1;

    private final long[] sints = new long[HvSynic.SINTS];
    /** The sources whose register is known, a bit a source. */
    private int known;
    /** The vCPU was created, and has entered no guest and written no register since. */
    private boolean fresh;

    /** The vCPU is created. */
    void created() {
        fresh = true;
    }

    /** Its SynIC has {@code vectors}. */
    void has(VectorBitmap vectors) {
        if (!fresh) {
            return;
        }
        fresh = false;
        known = ALL;
        int sint = 0;
        for (int vector : vectors.vectors().toArray()) {
            sints[sint] = vector;
            sint++;
        }
        for (; sint < sints.length; sint++) {
            sints[sint] = HvSynic.MASKED;
        }
    }

    /** Whether {@code msr} is a source's register and takes {@code value}, which it has now. */
    boolean write(int msr, long value) {
        int sint = msr - HvSynic.MSR_SINT0;
        boolean refused = (value & HvSynic.MASKED) == 0 && (value & VECTOR) < HvSynic.FIRST_VALID_VECTOR;
        if (sint < 0 || sint >= HvSynic.SINTS || refused) {
            return false;
        }
        sints[sint] = value;
        known |= 1 << sint;
        return true;
    }

    /** Whether the register of {@code sint} is known. */
    boolean isKnown(int sint) {
        return (known & 1 << sint) != 0;
    }

    /** The vector by which {@code sint} interrupts, -1 if it is masked. */
    int vector(int sint) {
        return (sints[sint] & HvSynic.MASKED) != 0 ? NONE : (int) sints[sint] & VECTOR;
    }

    /** Whether {@code vectors} are those of the registers, as far as these are known. */
    boolean explain(VectorBitmap vectors) {
        VectorBitmap all = VectorBitmap.EMPTY;
        for (int sint = 0; sint < HvSynic.SINTS; sint++) {
            all = isKnown(sint) && vector(sint) != NONE ? all.with(vector(sint)) : all;
        }
        return known == ALL ? all.equals(vectors) : all.andNot(vectors).isEmpty();
    }

    /** Whether some source ends its interrupts itself. */
    boolean endAny() {
        for (int sint = 0; sint < HvSynic.SINTS; sint++) {
            if (endsItself(sint)) {
                return true;
            }
        }
        return false;
    }

    /** Whether some source has {@code vector} and ends it itself. */
    boolean end(int vector) {
        for (int sint = 0; sint < HvSynic.SINTS; sint++) {
            if (vector(sint) == vector && endsItself(sint)) {
                return true;
            }
        }
        return false;
    }

    private boolean endsItself(int sint) {
        return isKnown(sint) && vector(sint) != NONE && (sints[sint] & HvSynic.AUTO_EOI) != 0;
    }
}
