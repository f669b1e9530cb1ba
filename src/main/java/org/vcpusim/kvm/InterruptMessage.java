package org.vcpusim.kvm;

import org.vcpusim.arch.DeliveryMode;
import org.vcpusim.arch.DestinationMode;
import org.vcpusim.arch.DestinationShorthand;
import org.vcpusim.arch.RedirectionEntry;
import org.vcpusim.arch.TriggerMode;

/**
 * An interrupt on its way to local APICs. Source: {@code struct kvm_lapic_irq}, arch/x86/include/asm/kvm_host.h.
 *
 * @param vector 0 to 255
 * @param asserted the level of the message; only an INIT or a level message can be de-asserting
 * @param destination 8 bits from an xAPIC source, 32 from an x2APIC one
 * @param redirectionHint an MSI's redirection hint: deliver to one of the destinations
 */
public record InterruptMessage(
        int vector,
        DeliveryMode deliveryMode,
        DestinationMode destinationMode,
        TriggerMode triggerMode,
        boolean asserted,
        DestinationShorthand shorthand,
        int destination,
        boolean redirectionHint) {

    private static final long MSI_LOGICAL = 1 << 2;
    private static final long MSI_REDIRECTION_HINT = 1 << 3;
    private static final int MSI_DESTINATION_SHIFT = 12;
    private static final int ICR_LOGICAL = 1 << 11;
    private static final int ICR_ASSERT = 1 << 14;
    private static final int TRIGGER = 1 << 15;
    private static final int ICR_SHORTHAND_SHIFT = 18;
    private static final int MODE_SHIFT = 8;

    /** What a pin with this entry sends; {@code ioapic_service}, arch/x86/kvm/ioapic.c. */
    public static InterruptMessage of(RedirectionEntry entry) {
        return new InterruptMessage(
                entry.vector(),
                entry.deliveryMode(),
                entry.destinationMode(),
                entry.triggerMode(),
                true,
                DestinationShorthand.NONE,
                entry.destination(),
                false);
    }

    /**
     * What an MSI asks for; {@code kvm_set_msi_irq}, arch/x86/kvm/irq.c.
     *
     * @param address the upper half carries destination bits 31:8 where {@code format} is X2APIC
     */
    public static InterruptMessage ofMsi(long address, int data, MsiFormat format) {
        int destination = (int) (address >>> MSI_DESTINATION_SHIFT) & 0xff;
        if (format == MsiFormat.X2APIC) {
            destination |= (int) (address >>> 32) & 0xffffff00;
        }
        return new InterruptMessage(
                data & 0xff,
                DeliveryMode.ofCode(data >> MODE_SHIFT & 7),
                DestinationMode.ofBit(address & MSI_LOGICAL),
                TriggerMode.ofBit(data & TRIGGER),
                true,
                DestinationShorthand.NONE,
                destination,
                (address & MSI_REDIRECTION_HINT) != 0);
    }

    /** What a write to the ICR sends; {@code kvm_apic_send_ipi}, arch/x86/kvm/lapic.c. */
    public static InterruptMessage ofIcr(int low, int destination) {
        return new InterruptMessage(
                low & 0xff,
                DeliveryMode.ofCode(low >> MODE_SHIFT & 7),
                DestinationMode.ofBit(low & ICR_LOGICAL),
                TriggerMode.ofBit(low & TRIGGER),
                (low & ICR_ASSERT) != 0,
                DestinationShorthand.ofCode(low >> ICR_SHORTHAND_SHIFT & 3),
                destination,
                false);
    }

    /** How the address of an MSI is read. */
    public enum MsiFormat {
        /** Destinations of 8 bits. */
        XAPIC,
        /** Destinations of 32 bits, KVM_X2APIC_API_USE_32BIT_IDS. */
        X2APIC
    }

    /** Whether one of the destinations is to be chosen; {@code kvm_lowest_prio_delivery}. */
    public boolean toLowestPriority() {
        return deliveryMode == DeliveryMode.LOWEST_PRIORITY || redirectionHint;
    }

    /** This message in delivery mode fixed. */
    public InterruptMessage asFixed() {
        return new InterruptMessage(
                vector,
                DeliveryMode.FIXED,
                destinationMode,
                triggerMode,
                asserted,
                shorthand,
                destination,
                redirectionHint);
    }

    /** This message to another destination; the way a scan asks who an entry's old targets were. */
    public InterruptMessage to(int otherDestination, DestinationMode otherMode) {
        return new InterruptMessage(
                vector, deliveryMode, otherMode, triggerMode, asserted, shorthand, otherDestination, redirectionHint);
    }

    /** This message with a redirection hint. */
    InterruptMessage withRedirectionHint() {
        return new InterruptMessage(
                vector, deliveryMode, destinationMode, triggerMode, asserted, shorthand, destination, true);
    }
}
