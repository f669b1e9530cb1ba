package org.vcpusim.kvm;

import java.util.List;
import org.vcpusim.arch.RedirectionEntry;

/**
 * An IOAPIC's saved state. Source: {@code struct kvm_ioapic_state}, arch/x86/include/uapi/asm/kvm.h.
 *
 * @param select IOREGSEL, 0 to 255
 * @param id four bits
 * @param irr lines that are high, a bit a pin
 * @param entries the 24 redirection entries
 */
public record IoapicState(int select, int id, int irr, List<RedirectionEntry> entries) {
    public IoapicState {
        if (entries.size() != Ioapic.PINS) {
            throw new IllegalArgumentException("entries = " + entries.size() + ": must be " + Ioapic.PINS);
        }
        entries = List.copyOf(entries);
    }

    /** What KVM_GET_IRQCHIP reports. */
    public static IoapicState of(Machine machine, Ioapic ioapic) {
        return new IoapicState(
                ioapic.select(),
                ioapic.id(),
                ioapic.savedIrr(machine),
                java.util.stream.IntStream.range(0, Ioapic.PINS)
                        .mapToObj(ioapic::entry)
                        .toList());
    }
}
