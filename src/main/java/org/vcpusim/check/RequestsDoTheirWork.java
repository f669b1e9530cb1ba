package org.vcpusim.check;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.VcpuRequest;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * A request that was seen does what it is for: KVM_REQ_SCAN_IOAPIC scans, and a scan is followed by a load, by a request for one
 * or by a deferral; KVM_REQ_LOAD_EOI_EXITMAP loads, or has nothing to write; KVM_REQ_APICV_UPDATE looks at the inhibits.
 *
 * <p>Models {@code vcpu_scan_ioapic}, {@code vcpu_load_eoi_exitmap}, {@code kvm_vcpu_update_apicv}, arch/x86/kvm/x86.c. A vCPU whose
 * local APIC is disabled in IA32_APIC_BASE does not scan; that it is, its next entry tells.
 */
public final class RequestsDoTheirWork extends Invariant {
    private final ByVcpu<Pass> byVcpu = new ByVcpu<>(Pass::new);

    private static final class Pass {
        private boolean scanned;
        private boolean loaded;
        private boolean updated;
        /** The last scan, until a load of it is made or asked for. */
        private @Nullable TraceRecord unloaded;
        /** KVM_REQ_EVENT was made since a request was seen. */
        private boolean lookedAgain;

        /** A scan that was asked for and did not happen. */
        private @Nullable TraceRecord unscanned;
    }

    /** One that has seen nothing. */
    public RequestsDoTheirWork() {
        super(
                "X6",
                "A request for a scan scans and leads to a load, one for a load loads, one for APICv looks at its inhibits",
                Tracepoint.REQUEST_MADE,
                Tracepoint.REQUEST_SEEN,
                Tracepoint.REQUEST_APPLIED,
                Tracepoint.IOAPIC_SCAN,
                Tracepoint.EOI_EXITMAP_LOAD,
                Tracepoint.EOI_EXITMAP_LOAD_SKIPPED,
                Tracepoint.EOI_EXITMAP_LOAD_DEFERRED,
                Tracepoint.APICV_UPDATE,
                Tracepoint.KVM_ENTRY);
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.its(Kind.REQUEST, Kind.HANDLED, Kind.BITMAP, Kind.APICV);
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        if (event instanceof Event.RequestSeen seen) {
            seen(byVcpu.of(seen.vcpu()));
        } else if (event instanceof Event.RequestMade made) {
            made(byVcpu.of(made.vcpu()), made.flow().request());
        } else if (event instanceof Event.RequestApplied applied) {
            applied(record, byVcpu.of(applied.vcpu()), applied);
        } else if (event instanceof Event.IoapicScanned scan) {
            byVcpu.of(scan.vcpu()).scanned = true;
            byVcpu.of(scan.vcpu()).unloaded = record;
        } else if (event instanceof Event.EoiExitmapLoaded load) {
            loaded(byVcpu.of(load.vcpu()));
        } else if (event instanceof Event.EoiExitmapLoadSkipped skipped) {
            loaded(byVcpu.of(skipped.vcpu()));
        } else if (event instanceof Event.EoiExitmapLoadDeferred deferred) {
            loaded(byVcpu.of(deferred.vcpu()));
        } else if (event instanceof Event.ApicvUpdated updated) {
            updated(byVcpu.of(updated.vcpu()), updated, record);
        } else if (event instanceof Event.GuestEntered entry) {
            entered(record, byVcpu.of(entry.vcpu()), entry);
        }
    }

    private static void seen(Pass p) {
        p.scanned = false;
        p.loaded = false;
        p.updated = false;
        p.lookedAgain = false;
    }

    private static void made(Pass p, VcpuRequest request) {
        p.unloaded = request == VcpuRequest.LOAD_EOI_EXITMAP ? null : p.unloaded;
        p.lookedAgain |= request == VcpuRequest.EVENT;
    }

    /** From where APICv goes, KVM has to inject what the processor would have delivered. */
    private void updated(Pass p, Event.ApicvUpdated updated, TraceRecord record) {
        p.updated = true;
        if (updated.changed() && !updated.active() && !p.lookedAgain) {
            violated(record, "APICv of vcpu" + updated.vcpu() + " went, and nobody looks for what to inject", "");
        }
    }

    private static void loaded(Pass p) {
        p.loaded = true;
        p.unloaded = null;
    }

    private void applied(TraceRecord record, Pass p, Event.RequestApplied applied) {
        VcpuRequest request = applied.flow().request();
        if (request == VcpuRequest.SCAN_IOAPIC) {
            p.unscanned = p.scanned ? null : record;
            if (p.unloaded != null) {
                violated(record, p.unloaded, "vcpu" + applied.vcpu() + " scanned, and no load follows", "");
            }
        } else if (request == VcpuRequest.LOAD_EOI_EXITMAP && !p.loaded) {
            violated(record, "vcpu" + applied.vcpu() + " was asked for a load and did nothing", "");
        } else if (request == VcpuRequest.APICV_UPDATE && !p.updated) {
            violated(record, "vcpu" + applied.vcpu() + " was asked to look at the inhibits and did not", "");
        }
    }

    private void entered(TraceRecord record, Pass p, Event.GuestEntered entry) {
        boolean disabled = entry.apicv() == Event.ApicvAtEntry.APIC_DISABLED
                || entry.apicv() == Event.ApicvAtEntry.ACTIVE_APIC_DISABLED;
        if (p.unscanned != null && !disabled) {
            violated(record, p.unscanned, "vcpu" + entry.vcpu() + " was asked for a scan and did nothing", "");
        }
        p.unscanned = null;
    }
}
