package org.vcpusim.check;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.ApicIdentity;
import org.vcpusim.kvm.Event;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * A vCPU handles every vector that the redirection table wants its EOIs of.
 *
 * <p>Three times it is looked at. At a scan: against the table that was shown to it, the vectors of pins that lead to the vCPU
 * have to be there, those of pins that lead elsewhere if they are pending, and what it owes the RTC. At a VM entry: against the
 * table as of the last change that everybody had been told of, where the vCPU's scan is older. When nothing moves any more:
 * against the table as it is then. Models {@code kvm_ioapic_scan_entry}, {@code kvm_scan_ioapic_routes}, arch/x86/kvm/ioapic.c
 * and irq.c. What is posted while a scan is on its way need not be found: the write that leads the pin elsewhere asks for
 * another scan. With the IOAPIC in user space the table is the published routes.
 *
 * <p>Legal: a local APIC that is disabled by software accepts nothing and has no logical ID in KVM's map, so that whoever writes a logical
 * destination may not ask its vCPU; enabling it asks everybody.
 */
public final class HandledCoversTheTable extends Invariant {
    private static final String WANTED = "a vector that the table wants its EOIs of";
    private static final String HELD = "a vector of a pin that led to it and whose EOI is still to come from it";

    private final ObservedMachine machine;

    /** One that has seen nothing but what {@code machine} has. */
    HandledCoversTheTable(ObservedMachine machine) {
        super(
                "I3",
                "A vCPU handles every vector that the redirection table wants its EOIs of",
                Tracepoint.IOAPIC_SCAN,
                Tracepoint.KVM_ENTRY,
                Tracepoint.VCPU_AUDIT);
        this.machine = machine;
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.and(Thing.its(Kind.HANDLED), Thing.any(Kind.ENTRY));
    }

    @Override
    public void accept(TraceRecord record) {
        if (record.event() instanceof Event.IoapicScanned scan) {
            scanned(scan, record);
        } else if (record.event() instanceof Event.GuestEntered entry) {
            entered(machine.vcpu(entry.vcpu()), record);
        } else if (record.event() instanceof Event.VcpuAudited audit) {
            audited(audit, record);
        }
    }

    private void scanned(Event.IoapicScanned scan, TraceRecord record) {
        ObservedVcpu v = machine.vcpu(scan.vcpu());
        ObservedTable.Needs read = v.read;
        if (read != null) {
            VectorBitmap late = v.postedOnly().andNot(v.postedBefore);
            VectorBitmap pending =
                    read.others.andNot(read.others.andNot(scan.pending().andNot(late)));
            VectorBitmap own = v.readGhost < 0 ? read.own : read.own.with(v.readGhost);
            String which = own.andNot(v.handled).isEmpty() ? HELD : WANTED;
            compare(v, own.or(pending), record, record, "scanned and does not handle " + which);
        }
    }

    private void entered(ObservedVcpu v, TraceRecord record) {
        ApicIdentity apic = v.identity;
        boolean older = v.scannedVersion < machine.toldVersion;
        if (machine.isKnown() && older && v.scanned && v.accepts() && apic != null) {
            VectorBitmap needed = machine.told.needs(apic, machine.rule(), machine.isSplit()).own;
            compare(v, needed, record, v.scan, "entered the guest and does not handle " + WANTED);
        }
    }

    /** Whoever has been asked to scan will. */
    private void audited(Event.VcpuAudited audited, TraceRecord record) {
        ObservedVcpu v = machine.vcpu(audited.vcpu());
        ApicIdentity apic = v.identity;
        boolean asked = (audited.requests() & machine.tableRequest().mask()) != 0;
        if (!asked && machine.isKnown() && v.scanned && v.accepts() && apic != null) {
            VectorBitmap needed = machine.table.needs(apic, machine.rule(), machine.isSplit()).own;
            compare(v, needed, record, v.scan, "was left and does not handle " + WANTED);
        }
    }

    @SuppressWarnings("TooManyParameters") // whose, what, when, since when, and how it is said
    private void compare(
            ObservedVcpu v, VectorBitmap needed, TraceRecord record, @Nullable TraceRecord since, String what) {
        VectorBitmap missing = needed.andNot(v.handled);
        if (!missing.isEmpty()) {
            violated(
                    record,
                    since,
                    "vcpu" + v.index + " " + what,
                    BitmapDifference.of(v.handled, v.handled.or(missing)));
        }
    }
}
