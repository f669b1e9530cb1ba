package org.vcpusim.check;

import org.jspecify.annotations.Nullable;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.Ioapic;
import org.vcpusim.kvm.Irqfds;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * When a pin with a resampler is acknowledged, KVM lowers the resampler's line, and then asks it.
 *
 * <p>Models {@code irqfd_resampler_ack}, virt/kvm/eventfd.c. Pins 0 and 2 are the PIT's, whose notifier asks nobody; the other pins have
 * their own number's GSI.
 */
public final class ResamplersAreAsked extends Invariant {
    private static final int FIRST_PIN = 3;

    private final @Nullable TraceRecord[] high = new @Nullable TraceRecord[Ioapic.PINS];
    private final @Nullable TraceRecord[] unasked = new @Nullable TraceRecord[Ioapic.PINS];
    private int notified;

    /** One that has seen nothing. */
    public ResamplersAreAsked() {
        super(
                "I15",
                "When a pin with a resampler is acknowledged, its line is lowered, and then the resampler is asked",
                Tracepoint.ACK_NOTIFIERS_CHANGED,
                Tracepoint.KVM_ACK_IRQ,
                Tracepoint.KVM_SET_IRQ,
                Tracepoint.RESAMPLE_SIGNALLED,
                Tracepoint.VCPU_AUDIT);
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        if (event instanceof Event.AckNotifiersChanged changed) {
            notified = changed.pins();
        } else if (event instanceof Event.IrqAcknowledged acked) {
            boolean resampler = acked.pin() >= FIRST_PIN && (notified >>> acked.pin() & 1) == 1;
            if (acked.chip() == Event.IrqChip.IOAPIC && resampler) {
                check(acked.pin(), record);
                high[acked.pin()] = record;
                unasked[acked.pin()] = record;
            }
        } else if (event instanceof Event.IrqLineSet line) {
            if (line.level() == 0 && line.source() == Irqfds.RESAMPLE_SOURCE && line.gsi() < high.length) {
                high[line.gsi()] = null;
            }
        } else if (event instanceof Event.ResampleSignalled) {
            asked();
        } else {
            for (int pin = FIRST_PIN; pin < high.length; pin++) {
                check(pin, record);
            }
        }
    }

    /** Somebody was asked, and the trace does not say who: any whose line is low. */
    private void asked() {
        for (int pin = FIRST_PIN; pin < high.length; pin++) {
            unasked[pin] = high[pin] == null ? null : unasked[pin];
        }
    }

    private void check(int pin, TraceRecord record) {
        TraceRecord since = unasked[pin];
        if (since != null && (notified >>> pin & 1) == 1) {
            String what = high[pin] == null ? " was not asked" : "'s line was not lowered";
            violated(record, since, "pin " + pin + " was acknowledged, and its resampler" + what, "");
        }
        unasked[pin] = null;
        high[pin] = null;
    }
}
