package org.vcpusim.sim;

import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.kvm.Event;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.TraceSink;

/**
 * What is left of a schedule when nothing moves any more, as far as a trace tells: every vCPU's bitmap and verdict, pins that
 * are stuck, and how often each vCPU took each vector.
 */
final class FinalState implements TraceSink {
    private static final int VECTORS = 256;

    private final long vcpuSalt;
    private long taken;
    private long audited;

    FinalState(int vcpuCount) {
        vcpuSalt = Hash.mixed(vcpuCount);
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        if (event instanceof Event.VirtualInterruptDelivered d) {
            took(d.vcpu(), d.vector());
        } else if (event instanceof Event.InterruptTaken t) {
            took(t.vcpu(), t.vector());
        } else if (event instanceof Event.EoiExitBitmapAudited a) {
            VectorBitmap bitmap = a.actual();
            long hash = Hash.mixed(vcpuSalt + a.vcpu(), a.verdict().ordinal());
            for (int i = 0; i < VectorBitmap.WORDS; i++) {
                hash = Hash.mixed(hash, bitmap.word(i));
            }
            audited += hash;
        } else if (event instanceof Event.LevelPinStuck s) {
            audited += Hash.mixed(~vcpuSalt, s.pin());
        }
    }

    /** A sum, so that it does not matter in which order vectors were taken. */
    private void took(int vcpu, int vector) {
        taken += Hash.mixed(vcpu * VECTORS + vector);
    }

    long hash() {
        return Hash.mixed(taken, audited);
    }

    @Override
    public void close() {}
}
