package org.vcpusim.check;

import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.Machine;
import org.vcpusim.trace.Source;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * Where user space has enabled the suppression of EOI broadcasts, the EOI of a local APIC that its guest has told to suppress them
 * does not go to user space's IOAPIC; and a suppressed EOI ends no pin of the kernel's.
 *
 * <p>Models {@code kvm_lapic_suppress_eoi_broadcast} and the flag KVM_X2APIC_ENABLE_SUPPRESS_EOI_BROADCAST, arch/x86/kvm/lapic.c.
 * Without the flag KVM broadcasts, as it always has. Which EOI has ended a pin is not told: one of its vector must have been broadcast.
 */
public final class SuppressedEoisStay extends Invariant {
    private final Set<Integer> suppressing = new TreeSet<>();
    /** The vectors of which an EOI was broadcast. */
    private VectorBitmap broadcast = VectorBitmap.EMPTY;

    private boolean enabled;
    private boolean known;

    /** One that has seen nothing. */
    public SuppressedEoisStay() {
        super(
                "E4",
                "The EOI of a local APIC that may suppress its broadcast, and is told to, does not go to user space's IOAPIC and ends no pin of the kernel's, and no other is suppressed",
                Tracepoint.VM_CREATED,
                Tracepoint.KVM_APIC,
                Tracepoint.KVM_MSR,
                Tracepoint.VCPU_RESET,
                Tracepoint.LAPIC_STATE_SET,
                Tracepoint.EOI_FORWARDED,
                Tracepoint.REMOTE_IRR_CLEARED,
                Tracepoint.IOAPIC_EOI_PENDED);
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.its(Kind.BITMAP, Kind.VECTOR);
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        if (event instanceof Event.VmCreated created) {
            known = true;
            enabled = (created.x2apicApi() & Machine.X2APIC_ENABLE_SUPPRESS_EOI_BROADCAST) != 0;
        } else if (event instanceof Event.OfVcpu access && Spiv.written(event) != Spiv.NOT_WRITTEN) {
            written(access.vcpu(), Spiv.written(event));
        } else if (event instanceof Event.VcpuReset reset) {
            suppressing.remove(reset.vcpu());
        } else if (event instanceof Event.LapicStateSet set) {
            written(set.vcpu(), set.spiv());
        } else if (event instanceof Event.RemoteIrrCleared ended) {
            boolean inKernel = record.source().kind() != Source.Kind.USERSPACE;
            if (known && inKernel && !broadcast.get(ended.entry().vector())) {
                violated(record, "the interrupt of pin " + ended.pin() + " ends, and no EOI of it was broadcast", "");
            }
        } else if (event instanceof Event.EoiForwarded eoi) {
            broadcast = eoi.suppressed() ? broadcast : broadcast.with(eoi.vector());
            if (known && eoi.suppressed() && !suppressing.contains(eoi.vcpu())) {
                violated(
                        record,
                        "the broadcast of the EOI of vector " + Vectors.hex(eoi.vector()) + " by vcpu" + eoi.vcpu()
                                + " is suppressed, which nobody has asked for",
                        "");
            }
        } else if (event instanceof Event.IoapicEoiPended eoi && enabled && suppressing.contains(eoi.vcpu())) {
            violated(
                    record,
                    "vcpu" + eoi.vcpu() + " suppresses the broadcast of its EOIs, and that of vector "
                            + Vectors.hex(eoi.vector()) + " goes to user space",
                    "");
        }
    }

    private void written(int vcpu, long value) {
        if (Spiv.suppressesEois(value)) {
            suppressing.add(vcpu);
        } else {
            suppressing.remove(vcpu);
        }
    }
}
