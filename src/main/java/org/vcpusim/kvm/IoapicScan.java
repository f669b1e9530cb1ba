package org.vcpusim.kvm;

import java.util.OptionalInt;
import org.vcpusim.arch.RedirectionEntry;
import org.vcpusim.arch.TriggerMode;
import org.vcpusim.arch.VectorBitmap;

/**
 * Which vectors the IOAPIC wants one vCPU's EOIs for.
 *
 * <p>Source: {@code kvm_ioapic_scan_entry}, arch/x86/kvm/ioapic.c; {@code kvm_scan_ioapic_irq}, arch/x86/kvm/irq.c.
 */
public final class IoapicScan {
    private IoapicScan() {}

    /** The vectors, and the highest of those that are there only because they are pending, or -1. */
    public record Result(VectorBitmap handled, int highestStale) {}

    /**
     * Scans the table for the vCPU of {@code lapic}.
     *
     * @param notifiedPins pins whose GSI has an ack notifier, a bit a pin
     */
    public static Result scan(Machine machine, Ioapic ioapic, int notifiedPins, Lapic lapic) {
        ApicIdentity identity = lapic.identity();
        int ghost = ioapic.rtc().vectorOf(lapic.vcpu());
        VectorBitmap handled = ghost < 0 ? VectorBitmap.EMPTY : VectorBitmap.of(ghost);
        int highestStale = -1;
        for (int pin = 0; pin < Ioapic.PINS; pin++) {
            RedirectionEntry entry = ioapic.entry(pin);
            boolean notified = (notifiedPins & 1 << pin) != 0;
            if (entry.triggerMode() != TriggerMode.LEVEL && !notified && pin != Ioapic.RTC_PIN) {
                continue;
            }
            int vector = entry.vector();
            InterruptMessage message = InterruptMessage.of(entry);
            if (DestinationMatch.matches(machine, identity, message, OptionalInt.empty())) {
                handled = handled.with(vector);
            } else if (lapic.pendingEoi(vector)) {
                handled = handled.with(vector);
                highestStale = Math.max(highestStale, vector);
            }
        }
        return new Result(handled, highestStale);
    }
}
