package org.vcpusim.check;

import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.vcpusim.arch.RedirectionEntry;
import org.vcpusim.arch.TriggerMode;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.Event;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * Who unmasks a level pin that has a resampler does not interrupt for the line as it was, but asks.
 *
 * <p>Models {@code ioapic_write_indirect}, arch/x86/kvm/ioapic.c: a device whose line was lowered while the pin was masked has told
 * nobody. The write holds {@code ioapic->lock} until its scan request is on the way, so that what a pin does between the two comes
 * of the write. The ack notifier of a level pin is a resampler: the PIT's line never stays high.
 */
public final class UnmaskingAsksResampler extends Invariant {
    private final Set<Integer> unmasked = new TreeSet<>();
    private int notifiedPins;

    /** One that has seen nothing. */
    public UnmaskingAsksResampler() {
        super(
                "I12",
                "Who unmasks a level pin that has a resampler does not interrupt for the line as it was, but asks",
                Tracepoint.ACK_NOTIFIERS_CHANGED,
                Tracepoint.IOAPIC_REDIR_WRITE,
                Tracepoint.BROADCAST_STARTED,
                Tracepoint.IOAPIC_SERVICE);
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.its(Kind.ENTRY, Kind.LINE);
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        if (event instanceof Event.AckNotifiersChanged changed) {
            notifiedPins = changed.pins();
        } else if (event instanceof Event.RedirectionEntryWritten write) {
            written(write);
        } else if (event instanceof Event.BroadcastStarted) {
            unmasked.clear();
        } else if (event instanceof Event.IoapicServiced serviced && unmasked.contains(serviced.pin())) {
            violated(
                    record,
                    "unmasking pin " + serviced.pin() + " interrupted without asking its resampler",
                    "vector " + Vectors.hex(serviced.entry().vector()));
        }
    }

    private void written(Event.RedirectionEntryWritten write) {
        RedirectionEntry after = write.after();
        boolean unmasks = write.before().masked() && !after.masked();
        boolean notified = (notifiedPins & 1 << write.pin()) != 0;
        if (unmasks && notified && after.triggerMode() == TriggerMode.LEVEL) {
            unmasked.add(write.pin());
        }
    }
}
