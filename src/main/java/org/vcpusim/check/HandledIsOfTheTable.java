package org.vcpusim.check;

import java.util.List;
import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.Event;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * A scan takes over vectors of pins whose EOIs the IOAPIC wants, and what the vCPU owes the RTC, and nothing else.
 *
 * <p>Such a pin is level-triggered, or has an ack notifier, or is pin 8; with the IOAPIC in user space its route is
 * level-triggered. Models {@code kvm_ioapic_scan_entry}, arch/x86/kvm/ioapic.c.
 */
public final class HandledIsOfTheTable extends Invariant {
    private final ObservedMachine machine;

    /** One that has seen nothing but what {@code machine} has. */
    HandledIsOfTheTable(ObservedMachine machine) {
        super(
                "I4",
                "A scan takes over vectors of pins whose EOIs the IOAPIC wants, and nothing else",
                Tracepoint.IOAPIC_SCAN);
        this.machine = machine;
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.and(Thing.its(Kind.HANDLED), Thing.any(Kind.ENTRY));
    }

    @Override
    public void accept(TraceRecord record) {
        if (record.event() instanceof Event.IoapicScanned scan) {
            ObservedVcpu v = machine.vcpu(scan.vcpu());
            ObservedTable.Needs read = v.read;
            if (read == null) {
                return;
            }
            VectorBitmap known = read.own.or(read.others);
            known = v.readGhost < 0 ? known : known.with(v.readGhost);
            if (!scan.handled().andNot(known).isEmpty()) {
                violated(
                        record,
                        "vcpu" + v.index + " scanned and handles a vector that no pin wants EOIs of",
                        BitmapDifference.of(scan.handled(), known.andNot(known.andNot(scan.handled()))));
            }
        }
    }
}
