package org.vcpusim.check;

import java.util.List;
import org.vcpusim.arch.RedirectionEntry;
import org.vcpusim.arch.TriggerMode;
import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.Ioapic;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * Only level-triggered entries have remote IRR, no guest writes it, and a pin that has it does not interrupt; a level pin whose
 * interrupt somebody took has it until the EOI.
 *
 * <p>Whether somebody took it is judged in the kernel's IOAPIC, whose pins interrupt one after the other, and not of a vector that
 * messages of others bring too. Models {@code ioapic_service} and {@code ioapic_write_indirect}, arch/x86/kvm/ioapic.c; ICH data sheets, "Redirection Table
 * Register", bit 14. What user space restores may be anything.
 */
public final class RemoteIrrIsOfLevels extends Invariant {
    private final boolean[] set = new boolean[Ioapic.PINS];
    private boolean known;
    private boolean split;
    /** The level pin that interrupted last and has not got remote IRR, or -1. */
    private int servicing = -1;

    private int vector;
    /** How many have taken its interrupt. */
    private int taken;
    /** Vectors that a level-triggered message of a device or a vCPU has carried: whose interrupt was taken is not known. */
    private VectorBitmap sent = VectorBitmap.EMPTY;

    /** One that has seen nothing. */
    RemoteIrrIsOfLevels() {
        super(
                "I6",
                "Only level-triggered entries have remote IRR, no guest writes it, and a pin that has it does not"
                        + " interrupt",
                Tracepoint.IOAPIC_TABLE_SET,
                Tracepoint.IOAPIC_REDIR_WRITE,
                Tracepoint.IOAPIC_SERVICE,
                Tracepoint.REMOTE_IRR_SET,
                Tracepoint.REMOTE_IRR_CLEARED,
                Tracepoint.VM_CREATED,
                Tracepoint.KVM_MSI_SET_IRQ,
                Tracepoint.KVM_APIC_IPI,
                Tracepoint.KVM_APIC_ACCEPT_IRQ,
                Tracepoint.INTERRUPT_DISCARDED,
                Tracepoint.VCPU_AUDIT);
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.its(Kind.ENTRY, Kind.LINE);
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        if (event instanceof Event.IoapicTableSet table) {
            known = true;
            for (int pin = 0; pin < set.length && pin < table.entries().size(); pin++) {
                set[pin] = table.entries().get(pin).remoteIrr();
            }
        } else if (event instanceof Event.RedirectionEntryWritten write) {
            written(write, record);
        } else if (event instanceof Event.IoapicServiced serviced) {
            serviced(serviced, record);
        } else if (event instanceof Event.RemoteIrrSet remote) {
            if (remote.entry().triggerMode() == TriggerMode.EDGE) {
                violated(record, "pin " + remote.pin() + " is edge-triggered and got remote IRR", "");
            } else if (known && set[remote.pin()]) {
                violated(record, "pin " + remote.pin() + " got remote IRR, which it had", "");
            }
            if (remote.taken() == 0 && !split) {
                violated(record, "pin " + remote.pin() + " got remote IRR, and nobody has taken its interrupt", "");
            }
            set[remote.pin()] = true;
            servicing = servicing == remote.pin() ? -1 : servicing;
        } else if (event instanceof Event.RemoteIrrCleared remote) {
            set[remote.pin()] = false;
        } else {
            delivery(event, record);
        }
    }

    private void delivery(Event event, TraceRecord record) {
        if (event instanceof Event.InterruptAccepted accepted) {
            boolean ofPin = accepted.triggerMode() == TriggerMode.LEVEL && accepted.vector() == vector;
            taken += ofPin ? 1 : 0;
        } else if (event instanceof Event.InterruptDiscarded discarded) {
            taken -= discarded.vector() == vector ? 1 : 0;
        } else if (event instanceof Event.MsiSet msi) {
            sent(msi.data());
        } else if (event instanceof Event.ApicIpiSent ipi) {
            sent(ipi.icrLow());
        } else if (event instanceof Event.VmCreated created) {
            split = created.reservedPins() >= 0;
        } else {
            checkTaken(record);
        }
    }

    /** The vector and the trigger mode are where they are in an entry. */
    private void sent(int message) {
        RedirectionEntry like = new RedirectionEntry(message & 0xffffffffL);
        sent = like.triggerMode() == TriggerMode.LEVEL ? sent.with(like.vector()) : sent;
    }

    /** The interrupt before this record is delivered. */
    private void checkTaken(TraceRecord record) {
        if (servicing >= 0 && taken > 0 && !sent.get(vector)) {
            violated(
                    record, "pin " + servicing + " interrupted and has no remote IRR", "vector " + Vectors.hex(vector));
        }
        servicing = -1;
    }

    private void written(Event.RedirectionEntryWritten write, TraceRecord record) {
        RedirectionEntry after = write.after();
        boolean edge = after.triggerMode() == TriggerMode.EDGE;
        boolean right = !edge && (known ? set[write.pin()] : write.before().remoteIrr());
        if (after.remoteIrr() != right) {
            String how = edge ? "kept remote IRR when it became edge-triggered" : "had remote IRR changed by a write";
            violated(record, "pin " + write.pin() + " " + how, "its entry is " + BitWords.entry(after));
        }
        set[write.pin()] = after.remoteIrr();
    }

    private void serviced(Event.IoapicServiced serviced, TraceRecord record) {
        RedirectionEntry entry = serviced.entry();
        boolean waits = entry.triggerMode() == TriggerMode.LEVEL && (entry.remoteIrr() || set[serviced.pin()]);
        if (waits || entry.masked()) {
            violated(
                    record,
                    "pin " + serviced.pin() + " interrupted "
                            + (waits ? "before the EOI of its last interrupt" : "while it was masked"),
                    "its entry is " + BitWords.entry(entry));
        }
        checkTaken(record);
        servicing = entry.triggerMode() == TriggerMode.LEVEL && !split ? serviced.pin() : -1;
        vector = entry.vector();
        taken = 0;
    }
}
