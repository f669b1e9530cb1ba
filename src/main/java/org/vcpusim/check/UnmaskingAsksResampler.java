package org.vcpusim.check;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
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
 * nobody. Where the line was high and no interrupt was on its way, the resampler is asked before the next write of that pin. The write
 * holds {@code ioapic->lock} until its scan request is on the way, so that what a pin does between the two comes
 * of the write. The ack notifier of a level pin is a resampler: the PIT's line never stays high.
 */
public final class UnmaskingAsksResampler extends Invariant {
    /** Behind the PIT's pins, whose notifier asks nobody. */
    private static final int FIRST_PIN = 3;

    private final Set<Integer> unmasked = new TreeSet<>();
    /** The writes after which a resampler has to be asked, by pin. */
    private final Map<Integer, TraceRecord> asking = new TreeMap<>();
    /** The pins whose line counts as high, a bit a pin. */
    private int high;

    private int notifiedPins;

    /** One that has seen nothing. */
    public UnmaskingAsksResampler() {
        super(
                "I12",
                "Who unmasks a level pin that has a resampler does not interrupt for the line as it was, but asks",
                Tracepoint.ACK_NOTIFIERS_CHANGED,
                Tracepoint.IOAPIC_REDIR_WRITE,
                Tracepoint.BROADCAST_STARTED,
                Tracepoint.IOAPIC_SERVICE,
                Tracepoint.KVM_IOAPIC_SET_IRQ,
                Tracepoint.IOAPIC_STATE_RESTORED,
                Tracepoint.RESAMPLE_SIGNALLED,
                Tracepoint.VCPU_AUDIT);
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
            asking.keySet().removeIf(pin -> (notifiedPins & 1 << pin) == 0);
        } else if (event instanceof Event.RedirectionEntryWritten write) {
            written(write, record);
        } else if (event instanceof Event.BroadcastStarted) {
            unmasked.clear();
        } else if (event instanceof Event.IoapicIrqSet set) {
            high = set.raised() ? high | 1 << set.pin() : high & ~(1 << set.pin());
        } else if (event instanceof Event.IoapicStateRestored) {
            high = 0;
        } else if (event instanceof Event.ResampleSignalled) {
            asking.clear(); // the trace does not say who is asked
        } else if (event instanceof Event.VcpuAudited) {
            asking.forEach((pin, write) -> notAsked(record, pin, write));
            asking.clear();
        } else if (event instanceof Event.IoapicServiced serviced && unmasked.contains(serviced.pin())) {
            violated(
                    record,
                    "unmasking pin " + serviced.pin() + " interrupted without asking its resampler",
                    "vector " + Vectors.hex(serviced.entry().vector()));
        }
    }

    private void notAsked(TraceRecord record, int pin, TraceRecord write) {
        violated(record, write, "unmasking pin " + pin + " with its line high did not ask its resampler", "");
    }

    private void written(Event.RedirectionEntryWritten write, TraceRecord record) {
        TraceRecord before = asking.remove(write.pin());
        if (before != null) {
            notAsked(record, write.pin(), before);
        }
        RedirectionEntry after = write.after();
        boolean unmasks = write.before().masked() && !after.masked();
        boolean notified = (notifiedPins & 1 << write.pin()) != 0;
        if (unmasks && notified && after.triggerMode() == TriggerMode.LEVEL) {
            unmasked.add(write.pin());
            if (write.pin() >= FIRST_PIN && !after.remoteIrr() && (high & 1 << write.pin()) != 0) {
                high &= ~(1 << write.pin());
                asking.put(write.pin(), record);
            }
        }
    }
}
