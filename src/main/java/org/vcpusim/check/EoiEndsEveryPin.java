package org.vcpusim.check;

import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.vcpusim.arch.RedirectionEntry;
import org.vcpusim.arch.TriggerMode;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.Ioapic;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * An EOI of a handled vector reaches the IOAPIC, and that of a level-triggered interrupt ends every pin with its vector.
 *
 * <p>Models {@code kvm_ioapic_send_eoi} and {@code kvm_ioapic_update_eoi}, arch/x86/kvm/lapic.c and ioapic.c. Judged when the vCPU
 * next enters the guest, since the EOI is done then. An EOI counts as one of a level if the last message of the vector that the
 * local APIC accepted was one, which leaves hazard O5 out; one that the local APIC is told not to broadcast ends nothing.
 */
public final class EoiEndsEveryPin extends Invariant {
    private final ObservedMachine machine;
    private Ending[] endings = new Ending[0];

    /** The EOI that a vCPU is busy with. */
    private static final class Ending {
        private @Nullable TraceRecord eoi;
        private int vector;
        private boolean handled;
        private boolean forwarded;
        private boolean level;
        /** Pins that it has to end, a bit a pin. */
        private int pins;
    }

    /** One that has seen nothing but what {@code machine} has. */
    EoiEndsEveryPin(ObservedMachine machine) {
        super(
                "E1",
                "An EOI of a handled vector reaches the IOAPIC, and that of a level-triggered interrupt ends every pin with its vector",
                Tracepoint.KVM_EOI,
                Tracepoint.EOI_FORWARDED,
                Tracepoint.IOAPIC_EOI_PENDED,
                Tracepoint.IOAPIC_REDIR_WRITE,
                Tracepoint.REMOTE_IRR_CLEARED,
                Tracepoint.KVM_ENTRY);
        this.machine = machine;
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.and(Thing.its(Kind.BITMAP), Thing.any(Kind.LINE));
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        if (event instanceof Event.EoiReceived eoi) {
            received(eoi, record);
        } else if (event instanceof Event.EoiForwarded eoi) {
            forwarded(eoi);
        } else if (event instanceof Event.IoapicEoiPended eoi) {
            of(eoi.vcpu()).forwarded = true;
        } else if (event instanceof Event.RedirectionEntryWritten write) {
            forget(write.pin());
        } else if (event instanceof Event.RemoteIrrCleared cleared) {
            forget(cleared.pin());
        } else if (event instanceof Event.GuestEntered entry) {
            entered(entry.vcpu(), record);
        }
    }

    private void received(Event.EoiReceived eoi, TraceRecord record) {
        Ending ending = of(eoi.vcpu());
        ObservedVcpu v = machine.vcpu(eoi.vcpu());
        ending.eoi = record;
        ending.vector = eoi.vector();
        ending.handled = eoi.vector() >= 0 && v.scanned && v.handled.get(eoi.vector());
        ending.level = eoi.vector() >= 0 && v.tmr.get(eoi.vector());
        ending.forwarded = false;
        ending.pins = 0;
    }

    private void forwarded(Event.EoiForwarded eoi) {
        Ending ending = of(eoi.vcpu());
        ending.forwarded = true;
        if (eoi.suppressed() || !ending.level) {
            return;
        }
        for (int pin = 0; pin < Ioapic.PINS; pin++) {
            RedirectionEntry entry = machine.entry(pin);
            boolean waits = entry.remoteIrr() && entry.triggerMode() == TriggerMode.LEVEL;
            if (waits && entry.vector() == eoi.vector()) {
                ending.pins |= 1 << pin;
            }
        }
    }

    /** Another EOI or a write may have come first. */
    private void forget(int pin) {
        for (Ending ending : endings) {
            ending.pins &= ~(1 << pin);
        }
    }

    private void entered(int vcpu, TraceRecord record) {
        Ending ending = of(vcpu);
        TraceRecord eoi = ending.eoi;
        if (eoi == null) {
            return;
        }
        ending.eoi = null;
        if (ending.handled && !ending.forwarded && !machine.isSplit()) {
            violated(
                    record,
                    eoi,
                    "the EOI of vector " + Vectors.hex(ending.vector) + " by vcpu" + vcpu
                            + ", which it handles, did not reach the IOAPIC",
                    "");
        }
        if (ending.pins != 0) {
            violated(
                    record,
                    eoi,
                    "the EOI of vector " + Vectors.hex(ending.vector) + " by vcpu" + vcpu + " left pin "
                            + Integer.numberOfTrailingZeros(ending.pins) + " waiting",
                    "pins " + BitWords.numbers(ending.pins));
        }
    }

    private Ending of(int vcpu) {
        if (vcpu >= endings.length) {
            int before = endings.length;
            endings = Arrays.copyOf(endings, vcpu + 4);
            for (int i = before; i < endings.length; i++) {
                endings[i] = new Ending();
            }
        }
        return endings[vcpu];
    }
}
