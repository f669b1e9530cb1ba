package org.vcpusim.check;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.EntryPhase;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.VcpuRequest;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * A vCPU that was asked for a scan scans before its guest executes an instruction in a new entry; and one that is in its guest when
 * it is asked leaves it: it is not there when nothing moves any more.
 *
 * <p>Models KVM_REQ_SCAN_IOAPIC from {@code kvm_make_scan_ioapic_request} to {@code vcpu_scan_ioapic}, arch/x86/kvm/x86.c. A vCPU whose
 * local APIC is disabled in IA32_APIC_BASE has nothing to scan. A halted vCPU is not woken for it.
 */
public final class TriggersLeadToScans extends Invariant {
    /** What each vCPU was asked by and has not obeyed. */
    private final List<@Nullable TraceRecord> byVcpu = new ArrayList<>();

    /** One that has seen nothing. */
    public TriggersLeadToScans() {
        super(
                "L5",
                "A vCPU that was asked for a scan leaves its guest, and scans before the guest goes on",
                Tracepoint.REQUEST_MADE,
                Tracepoint.IOAPIC_SCAN,
                Tracepoint.EOI_EXITMAP_LOAD_SKIPPED,
                Tracepoint.KVM_ENTRY,
                Tracepoint.VCPU_AUDIT);
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.and(
                Thing.its(Kind.KICK, Kind.MODE, Kind.HANDLED),
                List.of(Thing.request(Thing.ITS, VcpuRequest.SCAN_IOAPIC)));
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        if (event instanceof Event.RequestMade made) {
            if (made.flow().request() == VcpuRequest.SCAN_IOAPIC && of(made.vcpu()) == null) {
                byVcpu.set(made.vcpu(), record);
            }
        } else if (event instanceof Event.IoapicScanned scan) {
            obeyed(scan.vcpu());
        } else if (event instanceof Event.EoiExitmapLoadSkipped skipped) {
            obeyed(skipped.vcpu());
        } else if (event instanceof Event.GuestEntered entry) {
            entered(record, entry);
        } else if (event instanceof Event.VcpuAudited audited) {
            TraceRecord since = of(audited.vcpu());
            if (since != null && audited.phase() == EntryPhase.IN_GUEST) {
                violated(record, since, "vcpu" + audited.vcpu() + " was asked for a scan and stays in its guest", "");
            }
        }
    }

    private void entered(TraceRecord record, Event.GuestEntered entry) {
        TraceRecord since = of(entry.vcpu());
        boolean disabled = entry.apicv() == Event.ApicvAtEntry.APIC_DISABLED
                || entry.apicv() == Event.ApicvAtEntry.ACTIVE_APIC_DISABLED;
        if (since != null && !disabled) {
            violated(record, since, "vcpu" + entry.vcpu() + " was asked for a scan and entered its guest without", "");
        }
        obeyed(entry.vcpu());
    }

    private void obeyed(int vcpu) {
        of(vcpu);
        byVcpu.set(vcpu, null);
    }

    private @Nullable TraceRecord of(int vcpu) {
        while (byVcpu.size() <= vcpu) {
            byVcpu.add(null);
        }
        return byVcpu.get(vcpu);
    }
}
