package org.vcpusim.check;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.Ioapic;
import org.vcpusim.kvm.Irqfds;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * When a pin with a resampler is acknowledged, KVM lowers the resampler's line, and then asks it.
 *
 * <p>Models {@code irqfd_resampler_ack}, virt/kvm/eventfd.c. Pins 0 and 2 are the PIT's, whose notifier asks nobody; the other pins have
 * their own number's GSI. Several vCPUs may end one pin's interrupt at once: their acknowledgements are counted, and judged when nothing
 * moves any more, or when there are more than there are vCPUs.
 */
public final class ResamplersAreAsked extends Invariant {
    private static final int FIRST_PIN = 3;

    private final Map<Integer, Acknowledged> byPin = new TreeMap<>();
    private int notified;
    private int vcpus = Integer.MAX_VALUE;

    /** The acknowledgements of one pin: those whose line is high, and those whose resampler was not asked then. */
    private static final class Acknowledged {
        private final Deque<TraceRecord> high = new ArrayDeque<>(1);
        private final Deque<TraceRecord> unasked = new ArrayDeque<>(1);
    }

    /** One that has seen nothing. */
    public ResamplersAreAsked() {
        super(
                "I15",
                "When a pin with a resampler is acknowledged, its line is lowered, and then the resampler is asked",
                Tracepoint.VM_CREATED,
                Tracepoint.ACK_NOTIFIERS_CHANGED,
                Tracepoint.KVM_ACK_IRQ,
                Tracepoint.KVM_SET_IRQ,
                Tracepoint.RESAMPLE_SIGNALLED,
                Tracepoint.VCPU_AUDIT);
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.its(Kind.LINE);
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        if (event instanceof Event.VmCreated created) {
            vcpus = created.vcpus();
        } else if (event instanceof Event.AckNotifiersChanged changed) {
            notified = changed.pins();
        } else if (event instanceof Event.IrqAcknowledged acked) {
            boolean resampler = acked.pin() >= FIRST_PIN && (notified >>> acked.pin() & 1) == 1;
            if (acked.chip() == Event.IrqChip.IOAPIC && resampler) {
                Acknowledged acks = byPin.computeIfAbsent(acked.pin(), first -> new Acknowledged());
                acks.high.add(record);
                if (acks.high.size() > vcpus) {
                    check(acked.pin(), byPin.remove(acked.pin()), record);
                }
            }
        } else if (event instanceof Event.IrqLineSet line) {
            if (line.level() == 0 && line.source() == Irqfds.RESAMPLE_SOURCE && line.gsi() < Ioapic.PINS) {
                lowered(line.gsi());
            }
        } else if (event instanceof Event.ResampleSignalled) {
            asked();
        } else {
            byPin.forEach((pin, acks) -> check(pin, acks, record));
            byPin.clear();
        }
    }

    private void lowered(int pin) {
        Acknowledged acks = byPin.get(pin);
        if (acks != null && !acks.high.isEmpty()) {
            acks.unasked.add(acks.high.remove());
        }
    }

    /** Somebody was asked, and the trace does not say who: any whose line is low. */
    private void asked() {
        byPin.values().forEach(acks -> acks.unasked.poll());
    }

    private void check(int pin, Acknowledged acks, TraceRecord record) {
        boolean resampler = (notified >>> pin & 1) == 1;
        if (resampler && !acks.high.isEmpty()) {
            told(pin, "'s line was not lowered", acks.high.getFirst(), record);
        } else if (resampler && !acks.unasked.isEmpty()) {
            told(pin, " was not asked", acks.unasked.getFirst(), record);
        }
    }

    @SuppressWarnings("TooManyParameters") // which pin, what is missing, since when, and when that was seen
    private void told(int pin, String what, TraceRecord since, TraceRecord record) {
        violated(record, since, "pin " + pin + " was acknowledged, and its resampler" + what, "");
    }
}
