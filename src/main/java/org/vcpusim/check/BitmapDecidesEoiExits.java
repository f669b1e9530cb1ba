package org.vcpusim.check;

import java.util.BitSet;
import java.util.List;
import org.vcpusim.arch.ApicRegister;
import org.vcpusim.arch.ExitReason;
import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.Event;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * An EOI that the processor carries out leaves the guest if and only if the vector's bit is set in the EOI-exit bitmap.
 *
 * <p>SDM volume 3, "EOI Virtualization"; a write of more than 32 bits is not virtualized, "Virtualizing Writes to the APIC-Access Page".
 * In L2 the bitmap is that of vmcs12.
 */
public final class BitmapDecidesEoiExits extends Invariant {
    private static final int VECTOR = 0xff;

    private final ObservedMachine machine;
    /** The vCPUs that have entered the guest last with APICv active. */
    private final BitSet active = new BitSet();

    /** One that has seen nothing but what {@code machine} has. */
    BitmapDecidesEoiExits(ObservedMachine machine) {
        super(
                "E2",
                "An EOI that the processor carries out leaves the guest if and only if the vector's bit is set in the EOI-exit bitmap",
                Tracepoint.KVM_EXIT,
                Tracepoint.KVM_ENTRY,
                Tracepoint.KVM_APIC,
                Tracepoint.KVM_MSR,
                Tracepoint.EOI_VIRTUALIZED);
        this.machine = machine;
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.its(Kind.BITMAP, Kind.VECTOR);
    }

    @Override
    public void accept(TraceRecord record) {
        if (record.event() instanceof Event.GuestExited exit && exit.reason() == ExitReason.EOI_INDUCED) {
            check(exit.vcpu(), (int) exit.qualification() & VECTOR, true, record);
        } else if (record.event() instanceof Event.EoiVirtualized eoi) {
            check(eoi.vcpu(), eoi.vector(), false, record);
        } else if (record.event() instanceof Event.GuestEntered entry) {
            active.set(entry.vcpu(), entry.apicv() == Event.ApicvAtEntry.ACTIVE);
        } else if (record.event() instanceof Event.ApicAccessed access) {
            if (access.offset() == ApicRegister.EOI.offset() && access.size() <= Integer.BYTES) {
                emulated(access.vcpu(), access.access(), record);
            }
        } else if (record.event() instanceof Event.MsrAccessed access) {
            if (access.msr() == ApicRegister.EOI.msr() && !access.fault()) {
                emulated(access.vcpu(), access.access(), record);
            }
        }
    }

    /** Where APICv is active no EOI of L1's gets here, but as an EOI-induced exit. */
    private void emulated(int vcpu, Event.Access access, TraceRecord record) {
        if (access == Event.Access.WRITE && active.get(vcpu) && machine.vcpu(vcpu).ofL2 == null) {
            violated(record, "KVM emulates an EOI of vcpu" + vcpu + ", which the processor should carry out", "");
        }
    }

    @SuppressWarnings("TooManyParameters") // whose EOI, of what, how it went, and where
    private void check(int vcpu, int vector, boolean exits, TraceRecord record) {
        ObservedVcpu v = machine.vcpu(vcpu);
        VectorBitmap bitmap = v.ofL2 == null ? v.loaded : v.ofL2;
        if (v.initialised && bitmap.get(vector) != exits) {
            violated(
                    record,
                    "the EOI of vector " + Vectors.hex(vector) + " by vcpu" + vcpu
                            + (exits
                                    ? " left the guest, though its bit is clear"
                                    : " did not leave the guest, though its bit is set"),
                    "");
        }
    }
}
