package org.vcpusim.check;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.Hazard;
import org.vcpusim.kvm.VcpuRequest;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * A vCPU whose APICv is active enters L1 with an EOI-exit bitmap of exactly the vectors that it handles and those of its SynIC.
 *
 * <p>Models what {@code vcpu_load_eoi_exitmap} and {@code vmx_load_eoi_exitmap} see to, arch/x86/kvm/x86.c and vmx/vmx.c. Not
 * judged are entries before the first scan, L2, whose bitmap is L1's, and vCPUs without APICv or a local APIC that is enabled,
 * since no processor reads theirs. A bitmap that is older because the last load found APICv inactive is hazard O1.
 */
public final class LoadedIsHandledAndSynic extends Invariant {
    private final ObservedMachine machine;
    /** What the audit has found in the VMCS of the vCPU that it looks at. */
    private @Nullable VectorBitmap found;

    /** One that has seen nothing but what {@code machine} has. */
    LoadedIsHandledAndSynic(ObservedMachine machine) {
        super(
                "I1",
                "A vCPU enters L1 with an EOI-exit bitmap of exactly the vectors that it handles and those of its SynIC",
                Tracepoint.KVM_ENTRY,
                Tracepoint.EOI_EXITMAP_AUDIT,
                Tracepoint.VCPU_AUDIT);
        this.machine = machine;
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.its(Kind.BITMAP, Kind.HANDLED, Kind.SYNIC);
    }

    @Override
    public void accept(TraceRecord record) {
        if (record.event() instanceof Event.GuestEntered entry) {
            boolean used =
                    entry.apicv() == Event.ApicvAtEntry.ACTIVE || entry.apicv() == Event.ApicvAtEntry.CONTROLS_DIFFER;
            ObservedVcpu v = machine.vcpu(entry.vcpu());
            if (used && v.apicv && v.initialised && v.scanned && v.ofL2 == null) {
                compare(v, v.loaded, record, "entered the guest with an EOI-exit bitmap that is not what it handles");
            }
        } else if (record.event() instanceof Event.EoiExitBitmapAudited audit) {
            found = audit.actual();
        } else if (record.event() instanceof Event.VcpuAudited audit) {
            audited(machine.vcpu(audit.vcpu()), audit.requests(), record);
        }
    }

    /** Whoever has been asked to scan or to load will. */
    private void audited(ObservedVcpu v, long requests, TraceRecord record) {
        VectorBitmap actual = found;
        boolean asked = (requests & (machine.tableRequest().mask() | VcpuRequest.LOAD_EOI_EXITMAP.mask())) != 0;
        if (actual != null && !asked && v.apicv && v.initialised && v.scanned && v.isPresent() && v.ofL2 == null) {
            compare(v, actual, record, "was left with an EOI-exit bitmap that is not what it handles");
        }
    }

    @SuppressWarnings("TooManyParameters") // whose, what, when and how it is said
    private void compare(ObservedVcpu v, VectorBitmap actual, TraceRecord record, String what) {
        VectorBitmap right = v.handled.or(v.synic);
        if (!actual.equals(right)) {
            violated(
                    record,
                    v.loadSkipped == null ? v.scan : v.loadSkipped,
                    "vcpu" + v.index + " " + what,
                    BitmapDifference.of(actual, right),
                    v.loadSkipped == null ? null : Hazard.O1);
        }
    }
}
