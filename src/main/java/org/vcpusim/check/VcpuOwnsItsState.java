package org.vcpusim.check;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.ApicIdentity;
import org.vcpusim.kvm.Event;
import org.vcpusim.trace.Source;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * Only a vCPU itself, outside of the guest, writes its VMCS and what it handles, and scans only where it has a local APIC.
 *
 * <p>A VMCS can be written only where it is current; {@code vcpu_scan_ioapic} looks for a local APIC first, arch/x86/kvm/x86.c.
 */
public final class VcpuOwnsItsState extends Invariant {
    private final ObservedMachine machine;

    /** One that has seen nothing but what {@code machine} has. */
    VcpuOwnsItsState(ObservedMachine machine) {
        super(
                "C1",
                "Only a vCPU itself, outside of the guest, writes its VMCS and what it handles, and scans only with a local APIC",
                Tracepoint.IOAPIC_SCAN,
                Tracepoint.EOI_EXITMAP_LOAD,
                Tracepoint.VMCS02_PREPARED,
                Tracepoint.APICV_UPDATE);
        this.machine = machine;
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.its(Kind.BITMAP, Kind.HANDLED, Kind.MODE);
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        if (event instanceof Event.IoapicScanned scan) {
            written(scan.vcpu(), "handled vectors", record);
            ApicIdentity apic = machine.vcpu(scan.vcpu()).identity;
            if (apic != null && !apic.present()) {
                violated(record, "vcpu" + scan.vcpu() + " scanned without a local APIC", "");
            }
        } else if (event instanceof Event.EoiExitmapLoaded load) {
            written(load.vcpu(), "EOI-exit bitmap", record);
        } else if (event instanceof Event.Vmcs02Prepared prepared) {
            written(prepared.vcpu(), "vmcs02", record);
        } else if (event instanceof Event.ApicvUpdated updated) {
            written(updated.vcpu(), "controls", record);
        }
    }

    private void written(int vcpu, String what, TraceRecord record) {
        Source source = record.source();
        String wrong = wrong(vcpu, source);
        if (wrong != null) {
            violated(record, "the " + what + " of vcpu" + vcpu + " were written " + wrong, "");
        }
    }

    private @Nullable String wrong(int vcpu, Source source) {
        if (source.kind() != Source.Kind.VCPU || source.index() != vcpu) {
            return "by " + source.label();
        }
        return machine.vcpu(vcpu).inGuest ? "while its guest ran" : null;
    }
}
