package org.vcpusim.check;

import org.vcpusim.arch.ExitReason;
import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.kvm.Event;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * An EOI that the processor carries out leaves the guest if and only if the vector's bit is set in the EOI-exit bitmap.
 *
 * <p>SDM volume 3, "EOI Virtualization". In L2 the bitmap is that of vmcs12.
 */
public final class BitmapDecidesEoiExits extends Invariant {
    private static final int VECTOR = 0xff;

    private final ObservedMachine machine;

    /** One that has seen nothing but what {@code machine} has. */
    BitmapDecidesEoiExits(ObservedMachine machine) {
        super(
                "E2",
                "An EOI that the processor carries out leaves the guest if and only if the vector's bit is set in the EOI-exit bitmap",
                Tracepoint.KVM_EXIT,
                Tracepoint.EOI_VIRTUALIZED);
        this.machine = machine;
    }

    @Override
    public void accept(TraceRecord record) {
        if (record.event() instanceof Event.GuestExited exit && exit.reason() == ExitReason.EOI_INDUCED) {
            check(exit.vcpu(), (int) exit.qualification() & VECTOR, true, record);
        } else if (record.event() instanceof Event.EoiVirtualized eoi) {
            check(eoi.vcpu(), eoi.vector(), false, record);
        }
    }

    @SuppressWarnings("TooManyParameters") // whose EOI, of what, how it went, and where
    private void check(int vcpu, int vector, boolean exits, TraceRecord record) {
        ObservedVcpu v = machine.vcpu(vcpu);
        VectorBitmap bitmap = v.ofL2 == null ? v.loaded : v.ofL2;
        if (v.initialised && bitmap.get(vector) != exits) {
            violated(
                    record,
                    "the EOI of vector " + vector + " by vcpu" + vcpu
                            + (exits
                                    ? " left the guest, though its bit is clear"
                                    : " did not leave the guest, though its bit is set"),
                    "");
        }
    }
}
