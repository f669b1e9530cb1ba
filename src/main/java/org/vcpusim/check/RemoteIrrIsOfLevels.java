package org.vcpusim.check;

import org.vcpusim.arch.RedirectionEntry;
import org.vcpusim.arch.TriggerMode;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.Ioapic;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * Only level-triggered entries have remote IRR, no guest writes it, and a pin that has it does not interrupt.
 *
 * <p>Models {@code ioapic_service} and {@code ioapic_write_indirect}, arch/x86/kvm/ioapic.c; ICH data sheets, "Redirection Table
 * Register", bit 14. What user space restores may be anything.
 */
public final class RemoteIrrIsOfLevels extends Invariant {
    private final boolean[] set = new boolean[Ioapic.PINS];
    private boolean known;

    /** One that has seen nothing. */
    RemoteIrrIsOfLevels() {
        super(
                "I6",
                "Only level-triggered entries have remote IRR, no guest writes it, and a pin that has it does not interrupt",
                Tracepoint.IOAPIC_TABLE_SET,
                Tracepoint.IOAPIC_REDIR_WRITE,
                Tracepoint.IOAPIC_SERVICE,
                Tracepoint.REMOTE_IRR_SET,
                Tracepoint.REMOTE_IRR_CLEARED);
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
            set[remote.pin()] = true;
        } else if (event instanceof Event.RemoteIrrCleared remote) {
            set[remote.pin()] = false;
        }
    }

    private void written(Event.RedirectionEntryWritten write, TraceRecord record) {
        RedirectionEntry after = write.after();
        boolean edge = after.triggerMode() == TriggerMode.EDGE;
        boolean right = !edge && (known ? set[write.pin()] : write.before().remoteIrr());
        if (after.remoteIrr() != right) {
            String how = edge ? "kept remote IRR when it became edge-triggered" : "had remote IRR changed by a write";
            violated(record, "pin " + write.pin() + " " + how, "entry 0x" + Long.toHexString(after.bits()));
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
                    "entry 0x" + Long.toHexString(entry.bits()));
        }
    }
}
