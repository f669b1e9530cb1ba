package org.vcpusim.check;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.vcpusim.arch.RedirectionEntry;
import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.ApicIdentity;
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
    private final ObservedMachine machine;
    private final int[] vectors = new int[Ioapic.PINS];
    /** What each pin sends, or has sent last, unless its entry was written since. */
    private final @Nullable RedirectionEntry[] sends = new @Nullable RedirectionEntry[Ioapic.PINS];
    /** By pin the vectors that it gave each vCPU, which has not ended them. */
    private final Map<Integer, Map<Integer, VectorBitmap>> given = new TreeMap<>();
    /** The EOI that each pin's notifier has not heard of. */
    private final Map<Integer, TraceRecord> due = new TreeMap<>();

    private int notifiedPins;

    /** One that has seen nothing but what {@code machine} has. */
    AckNotifiersHearOfEois(ObservedMachine machine) {
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
        this.machine = machine;
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
            accepted(accepted);
        } else if (event instanceof Event.VcpuReset reset) {
            given.values().forEach(ofPin -> ofPin.remove(reset.vcpu()));
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
            sends[serviced.pin()] = serviced.entry();
        } else if (event instanceof Event.AckNotifiersChanged changed) {
            notifiedPins = changed.pins();
            due.keySet().removeIf(pin -> !isNotified(pin));
        } else if (event instanceof Event.RedirectionEntryWritten write) {
            changed(write.pin(), write.after().vector());
            sends[write.pin()] = null;
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

    /** A message is a pin's if it is as the pin sends it, to somebody to whom that leads. */
    private void accepted(Event.InterruptAccepted accepted) {
        for (int pin = 0; pin < Ioapic.PINS; pin++) {
            RedirectionEntry entry = sends[pin];
            ApicIdentity apic = machine.vcpu(accepted.vcpu()).identity;
            if (entry != null
                    && isNotified(pin)
                    && entry.vector() == accepted.vector()
                    && entry.triggerMode() == accepted.triggerMode()
                    && (apic == null || machine.rule().leadsTo(apic, entry))) {
                given.computeIfAbsent(pin, first -> new TreeMap<>())
                        .merge(accepted.vcpu(), VectorBitmap.of(accepted.vector()), VectorBitmap::or);
            }
        }
    }

    private void ended(TraceRecord record, int vcpu, int vector) {
        given.forEach((pin, ofPin) -> {
            VectorBitmap own = ofPin.getOrDefault(vcpu, VectorBitmap.EMPTY);
            if (vector >= 0 && own.get(vector)) {
                ofPin.put(vcpu, own.without(vector));
                if (isNotified(pin) && vectors[pin] == vector) {
                    due.put(pin, record);
                }
            }
        });
    }
}
