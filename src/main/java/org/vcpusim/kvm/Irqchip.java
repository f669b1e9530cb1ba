package org.vcpusim.kvm;

/**
 * Which interrupt controllers the kernel emulates besides the local APICs. Source: {@code enum kvm_irqchip_mode},
 * arch/x86/include/asm/kvm_host.h; KVM_CREATE_IRQCHIP, KVM_CAP_SPLIT_IRQCHIP.
 *
 * @param mode where the IOAPIC and the PIC are
 * @param reservedPins {@code nr_reserved_ioapic_pins}: GSIs below it count as pins of user space's IOAPIC; 0 in mode KERNEL
 */
public record Irqchip(Mode mode, int reservedPins) {
    /** PIC, IOAPIC and local APICs in the kernel. */
    public static final Irqchip KERNEL = new Irqchip(Mode.KERNEL, 0);

    /** Most pins that can be reserved: KVM_MAX_IRQ_ROUTES. */
    public static final int MOST_PINS = Routing.MAX_GSI + 1;

    /** Where the IOAPIC and the PIC are. */
    public enum Mode {
        /** In the kernel: {@code irqchip_full}. */
        KERNEL,
        /** In user space; the local APICs alone are in the kernel: {@code irqchip_split}. */
        SPLIT
    }

    public Irqchip {
        if (reservedPins < 0 || reservedPins > MOST_PINS) {
            throw new IllegalArgumentException("reservedPins = " + reservedPins + ": must be 0 to " + MOST_PINS);
        }
    }

    /** Only local APICs in the kernel, with {@code reservedPins} GSIs for user space's IOAPIC. */
    public static Irqchip split(int reservedPins) {
        return new Irqchip(Mode.SPLIT, reservedPins);
    }

    /** Whether the IOAPIC is in user space. */
    public boolean isSplit() {
        return mode == Mode.SPLIT;
    }
}
