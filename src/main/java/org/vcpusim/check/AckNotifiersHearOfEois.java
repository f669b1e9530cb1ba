package org.vcpusim.check;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.Ioapic;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * After the EOI of an interrupt that came from a pin with an ack notifier the notifier runs, before nothing moves any more.
 *
 * <p>Models {@code kvm_notify_acked_irq}, virt/kvm/eventfd.c, as {@code kvm_ioapic_update_eoi_one} calls it, whatever the trigger mode
 * and whether or not the EOI is broadcast. An EOI of another vector than the entry has by then is none of the pin.
 */
public final class AckNotifiersHearOfEois extends Invariant {
    private final int[] vectors = new int[Ioapic.PINS];
    private final VectorBitmap[] sentBy = new VectorBitmap[Ioapic.PINS];
    /** The vectors that each vCPU was given and has not ended. */
    private final Map<Integer, VectorBitmap> given = new TreeMap<>();
    /** The EOI that each pin's notifier has not heard of. */
    private final Map<Integer, TraceRecord> due = new TreeMap<>();

    private int notifiedPins;

    /** One that has seen nothing. */
    public AckNotifiersHearOfEois() {
        super(
                "L2",
                "After the EOI of an interrupt that came from a pin with an ack notifier the notifier runs",
                Tracepoint.ACK_NOTIFIERS_CHANGED,
                Tracepoint.IOAPIC_TABLE_SET,
                Tracepoint.IOAPIC_REDIR_WRITE,
                Tracepoint.IOAPIC_SERVICE,
                Tracepoint.KVM_APIC_ACCEPT_IRQ,
                Tracepoint.KVM_EOI,
                Tracepoint.EOI_VIRTUALIZED,
                Tracepoint.VCPU_RESET,
                Tracepoint.KVM_ACK_IRQ,
                Tracepoint.EOI_EXITMAP_AUDIT);
        Arrays.fill(sentBy, VectorBitmap.EMPTY);
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.its(Kind.VECTOR, Kind.BITMAP);
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        if (event instanceof Event.EoiReceived eoi) {
            ended(record, eoi.vcpu(), eoi.vector());
        } else if (event instanceof Event.EoiVirtualized eoi) {
            ended(record, eoi.vcpu(), eoi.vector());
        } else if (event instanceof Event.InterruptAccepted accepted) {
            given.merge(accepted.vcpu(), VectorBitmap.of(accepted.vector()), VectorBitmap::or);
        } else if (event instanceof Event.VcpuReset reset) {
            given.remove(reset.vcpu());
        } else if (event instanceof Event.IrqAcknowledged acked && acked.chip() == Event.IrqChip.IOAPIC) {
            due.remove(acked.pin());
        } else if (event instanceof Event.EoiExitBitmapAudited) {
            due.forEach((pin, eoi) ->
                    violated(record, eoi, "the ack notifier of pin " + pin + " never heard of an EOI", ""));
            due.clear();
        } else {
            pins(event);
        }
    }

    private void pins(Event event) {
        if (event instanceof Event.IoapicServiced serviced) {
            int pin = serviced.pin();
            sentBy[pin] = sentBy[pin].with(serviced.entry().vector());
        } else if (event instanceof Event.AckNotifiersChanged changed) {
            notifiedPins = changed.pins();
            due.keySet().removeIf(pin -> !isNotified(pin));
        } else if (event instanceof Event.RedirectionEntryWritten write) {
            changed(write.pin(), write.after().vector());
        } else if (event instanceof Event.IoapicTableSet table) {
            for (int pin = 0; pin < Ioapic.PINS; pin++) {
                changed(pin, table.entries().get(pin).vector());
            }
        }
    }

    private void changed(int pin, int vector) {
        if (vectors[pin] != vector) {
            vectors[pin] = vector;
            due.remove(pin);
        }
    }

    private boolean isNotified(int pin) {
        return (notifiedPins & 1 << pin) != 0;
    }

    private void ended(TraceRecord record, int vcpu, int vector) {
        VectorBitmap own = given.getOrDefault(vcpu, VectorBitmap.EMPTY);
        if (vector < 0 || !own.get(vector)) {
            return;
        }
        given.put(vcpu, own.without(vector));
        for (int pin = 0; pin < Ioapic.PINS; pin++) {
            if (isNotified(pin) && vectors[pin] == vector && sentBy[pin].get(vector)) {
                due.put(pin, record);
            }
        }
    }
}
