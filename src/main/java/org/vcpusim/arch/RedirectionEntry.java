package org.vcpusim.arch;

/**
 * One 64-bit entry of an IOAPIC's redirection table.
 *
 * <pre>
 *  7:0  vector            12  delivery status    16  mask
 * 10:8  delivery mode     13  polarity           55:17 reserved
 *   11  destination mode  14  remote IRR         63:56 destination
 *                         15  trigger mode
 * </pre>
 *
 * <p>Source: 82093AA IOAPIC data sheet, "I/O Redirection Table Registers"; {@code union kvm_ioapic_redirect_entry} in
 * arch/x86/kvm/ioapic.h. Polarity is stored and not applied, as in KVM.
 *
 * @param bits the entry as a whole
 */
public record RedirectionEntry(long bits) {
    /** An entry after reset: masked, everything else zero. */
    public static final RedirectionEntry RESET = new RedirectionEntry(1L << 16);

    private static final long VECTOR = 0xff;
    private static final int DELIVERY_MODE_SHIFT = 8;
    private static final long DESTINATION_MODE = 1L << 11;
    private static final long DELIVERY_STATUS = 1L << 12;
    private static final long REMOTE_IRR = 1L << 14;
    private static final long TRIGGER_MODE = 1L << 15;
    private static final long MASK = 1L << 16;
    private static final int DESTINATION_SHIFT = 56;
    private static final long LOW_HALF = 0xffffffffL;

    /** Interrupt vector, 0 to 255. */
    public int vector() {
        return (int) (bits & VECTOR);
    }

    /** Delivery mode, all eight codes. */
    public DeliveryMode deliveryMode() {
        return DeliveryMode.ofCode((int) (bits >>> DELIVERY_MODE_SHIFT) & 7);
    }

    /** Destination mode. */
    public DestinationMode destinationMode() {
        return DestinationMode.ofBit(bits & DESTINATION_MODE);
    }

    /** Delivery status: read-only for the guest and never set by KVM. */
    public boolean deliveryStatus() {
        return (bits & DELIVERY_STATUS) != 0;
    }

    /** Remote IRR: a level interrupt was accepted and its EOI has not come. */
    public boolean remoteIrr() {
        return (bits & REMOTE_IRR) != 0;
    }

    /** Trigger mode. */
    public TriggerMode triggerMode() {
        return TriggerMode.ofBit(bits & TRIGGER_MODE);
    }

    /** Whether the pin is masked. */
    public boolean masked() {
        return (bits & MASK) != 0;
    }

    /** Destination, 0 to 255. */
    public int destination() {
        return (int) (bits >>> DESTINATION_SHIFT);
    }

    /** The low 32 bits. */
    public int lowHalf() {
        return (int) bits;
    }

    /** The high 32 bits. */
    public int highHalf() {
        return (int) (bits >>> 32);
    }

    /** This entry with the low half replaced, read-only bits too. */
    public RedirectionEntry withLowHalf(int value) {
        return new RedirectionEntry(bits & ~LOW_HALF | value & LOW_HALF);
    }

    /** This entry with the high half replaced. */
    public RedirectionEntry withHighHalf(int value) {
        return new RedirectionEntry(bits & LOW_HALF | (long) value << 32);
    }

    /** This entry with remote IRR set. */
    public RedirectionEntry withRemoteIrr() {
        return new RedirectionEntry(bits | REMOTE_IRR);
    }

    /** This entry with remote IRR clear. */
    public RedirectionEntry withoutRemoteIrr() {
        return new RedirectionEntry(bits & ~REMOTE_IRR);
    }

    /** This entry with the bits a guest cannot write, delivery status and remote IRR, taken from {@code before}. */
    public RedirectionEntry withReadOnlyBitsOf(RedirectionEntry before) {
        long readOnly = DELIVERY_STATUS | REMOTE_IRR;
        return new RedirectionEntry(bits & ~readOnly | before.bits & readOnly);
    }
}
