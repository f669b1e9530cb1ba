package org.vcpusim.check;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.Event;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * While L2 runs, the EOI-exit bitmap of the current VMCS is the one that L1 wrote to vmcs12.
 *
 * <p>Models what {@code prepare_vmcs02_rare} sets up and nothing may change until L2 is left, arch/x86/kvm/vmx/nested.c: which
 * EOIs of L2 exit is for L1 to say.
 */
public final class NestedBitmapIsKept extends Invariant {
    private final Map<Integer, VectorBitmap> ofL2 = new TreeMap<>();

    /** One that has seen nothing. */
    public NestedBitmapIsKept() {
        super(
                "I11",
                "While L2 runs, the EOI-exit bitmap of the current VMCS is the one of vmcs12, whose interrupt status goes to L2 and comes back",
                Tracepoint.VMCS02_PREPARED,
                Tracepoint.NESTED_STATE_SYNC,
                Tracepoint.KVM_NESTED_VMEXIT_INJECT,
                Tracepoint.VCPU_RESET,
                Tracepoint.EOI_EXITMAP_LOAD);
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.its(Kind.BITMAP, Kind.NESTED);
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        if (event instanceof Event.Vmcs02Prepared prepared) {
            prepared(record, prepared);
        } else if (event instanceof Event.NestedStateSynced synced) {
            if (synced.left() != synced.found()) {
                violated(
                        record,
                        "L1 of vcpu" + synced.vcpu() + " does not find the interrupt status that its L2 has left",
                        "it finds " + synced.found() + " and L2 left " + synced.left());
            }
        } else if (event instanceof Event.NestedExitInjected exit) {
            ofL2.remove(exit.vcpu());
        } else if (event instanceof Event.VcpuReset reset) {
            ofL2.remove(reset.vcpu());
        } else if (event instanceof Event.EoiExitmapLoaded loaded) {
            VectorBitmap own = ofL2.get(loaded.vcpu());
            if (own != null && !own.equals(loaded.bitmap())) {
                violated(
                        record,
                        "the load of vcpu" + loaded.vcpu() + " wrote vmcs02 while L2 ran",
                        BitmapDifference.of(loaded.bitmap(), own));
            }
        }
    }

    private void prepared(TraceRecord record, Event.Vmcs02Prepared prepared) {
        ofL2.put(prepared.vcpu(), prepared.wantedBitmap());
        String of = "vmcs02 of vcpu" + prepared.vcpu();
        if (!prepared.bitmap().equals(prepared.wantedBitmap())) {
            String difference = BitmapDifference.of(prepared.bitmap(), prepared.wantedBitmap());
            violated(record, of + " has another EOI-exit bitmap than vmcs12", difference);
        }
        if (prepared.status() != prepared.wantedStatus()) {
            violated(record, of + " has another interrupt status than vmcs12", "status " + prepared.status());
        }
        if (prepared.threshold() != prepared.wantedThreshold()) {
            violated(record, of + " has another TPR threshold than vmcs12", "threshold " + prepared.threshold());
        }
    }
}
