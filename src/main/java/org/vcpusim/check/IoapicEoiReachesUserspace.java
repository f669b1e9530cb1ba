package org.vcpusim.check;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.Event;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * An EOI that user space's IOAPIC wants makes KVM_RUN return before the vCPU enters the guest again.
 *
 * <p>Models why {@code vcpu_enter_guest} checks KVM_REQ_IOAPIC_EOI_EXIT before KVM_REQ_SCAN_IOAPIC, arch/x86/kvm/x86.c: the
 * EOI was accepted by the vectors of the last scan, and a new scan may not want it any more.
 */
public final class IoapicEoiReachesUserspace extends Invariant {
    /** The vector whose EOI is on its way, by vCPU. */
    private final Map<Integer, Integer> pending = new TreeMap<>();

    /** One that has seen nothing. */
    public IoapicEoiReachesUserspace() {
        super(
                "E3",
                "An EOI that user space's IOAPIC wants makes KVM_RUN return before the vCPU enters the guest again",
                Tracepoint.IOAPIC_EOI_PENDED,
                Tracepoint.KVM_USERSPACE_EXIT,
                Tracepoint.IOAPIC_EOI_DROPPED,
                Tracepoint.KVM_ENTRY);
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.its(Kind.HANDLED, Kind.VECTOR);
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        if (event instanceof Event.IoapicEoiPended pended) {
            Integer before = pending.put(pended.vcpu(), pended.vector());
            if (before != null) {
                lost(
                        record,
                        pended.vcpu(),
                        before,
                        "was overwritten by that of vector " + Vectors.hex(pended.vector()));
            }
        } else if (event instanceof Event.UserspaceExited exited) {
            if (exited.reason() == Event.UserspaceExit.KVM_EXIT_IOAPIC_EOI) {
                pending.remove(exited.vcpu());
            }
        } else if (event instanceof Event.IoapicEoiDropped dropped) {
            Integer vector = pending.remove(dropped.vcpu());
            lost(record, dropped.vcpu(), vector == null ? dropped.vector() : vector, "was dropped");
        } else if (event instanceof Event.GuestEntered entry) {
            Integer vector = pending.remove(entry.vcpu());
            if (vector != null) {
                lost(record, entry.vcpu(), vector, "had not left KVM when the guest was entered");
            }
        }
    }

    private void lost(TraceRecord record, int vcpu, int vector, String how) {
        violated(record, "the EOI of vector " + Vectors.hex(vector) + " by vcpu" + vcpu + " " + how, "");
    }
}
