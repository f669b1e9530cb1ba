package org.vcpusim.kvm;

import java.util.List;

/**
 * Which interrupt controllers the kernel emulates besides the local APICs. Source: {@code enum kvm_irqchip_mode},
 * arch/x86/include/asm/kvm_host.h; KVM_CREATE_IRQCHIP, KVM_CAP_SPLIT_IRQCHIP.
 *
 * @param mode where the IOAPIC and the PIC are
 * @param reservedPins {@code nr_reserved_ioapic_pins}: GSIs below it count as pins of user space's IOAPIC; 0 but in mode SPLIT
 * @param earlyVcpus vCPUs that the VMM would create before KVM_CREATE_IRQCHIP if it were allowed to
 */
public record Irqchip(Mode mode, int reservedPins, List<Integer> earlyVcpus) {
    /** PIC, IOAPIC and local APICs in the kernel. */
    public static final Irqchip KERNEL = new Irqchip(Mode.KERNEL, 0, List.of());
    /** No interrupt controller in the kernel. */
    public static final Irqchip NONE = new Irqchip(Mode.NONE, 0, List.of());

    /** Most pins that can be reserved: KVM_MAX_IRQ_ROUTES. */
    public static final int MOST_PINS = Routing.MAX_GSI + 1;

    /** Where the IOAPIC and the PIC are. */
    public enum Mode {
        /** Nowhere in the kernel, and the local APICs neither: {@code irqchip_none}. */
        NONE,
        /** In the kernel: {@code irqchip_full}. */
        KERNEL,
        /** In user space; the local APICs alone are in the kernel: {@code irqchip_split}. */
        SPLIT
    }

    public Irqchip {
        if (reservedPins < 0 || reservedPins > MOST_PINS) {
            throw new IllegalArgumentException("reservedPins = " + reservedPins + ": must be 0 to " + MOST_PINS);
        }
        earlyVcpus = List.copyOf(earlyVcpus);
    }

    /** Only local APICs in the kernel, with {@code reservedPins} GSIs for user space's IOAPIC. */
    public static Irqchip split(int reservedPins) {
        return new Irqchip(Mode.SPLIT, reservedPins, List.of());
    }

    /** PIC, IOAPIC and local APICs in the kernel, created by a VMM that has these vCPUs already. */
    public static Irqchip kernelAfter(List<Integer> earlyVcpus) {
        return new Irqchip(Mode.KERNEL, 0, earlyVcpus);
    }

    /** Whether the IOAPIC is in user space. */
    public boolean isSplit() {
        return mode == Mode.SPLIT;
    }
}
