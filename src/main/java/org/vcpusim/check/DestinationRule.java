package org.vcpusim.check;

import org.vcpusim.arch.DestinationMode;
import org.vcpusim.arch.RedirectionEntry;
import org.vcpusim.kvm.ApicIdentity;
import org.vcpusim.kvm.Routing;

/**
 * Whether a device's interrupt is for a local APIC: the SDM's rule and KVM's departures from it, written down a second time,
 * since those who judge a machine must not ask the machine.
 *
 * <p>Source: SDM volume 3, "Determining IPI Destination"; {@code kvm_apic_match_dest}, arch/x86/kvm/lapic.c.
 *
 * @param broadcastQuirk whether 0xff is a broadcast for an x2APIC too
 * @param wideMessages whether MSIs have destinations of 32 bits
 */
record DestinationRule(boolean broadcastQuirk, boolean wideMessages) {
    private static final int ALL_OF_8_BITS = 0xff;
    private static final int ALL_OF_32_BITS = -1;

    /** Whether {@code apic} is there and {@code entry} leads to it. */
    boolean leadsTo(ApicIdentity apic, RedirectionEntry entry) {
        return leadsTo(apic, entry.destination(), entry.destinationMode());
    }

    /** Whether {@code apic} is there and {@code route} leads to it. */
    boolean leadsTo(ApicIdentity apic, Routing.MsiRoute route) {
        boolean logical = (route.address() >> 2 & 1) == 1;
        return leadsTo(apic, destinationOf(route), logical ? DestinationMode.LOGICAL : DestinationMode.PHYSICAL);
    }

    /** The destination of {@code route}: 8 bits, or 32. */
    int destinationOf(Routing.MsiRoute route) {
        int destination = (int) (route.address() >> 12) & ALL_OF_8_BITS;
        return wideMessages ? destination | (int) (route.address() >>> 32) & ~ALL_OF_8_BITS : destination;
    }

    /** Whether {@code apic} is there and {@code destination} means it. */
    boolean leadsTo(ApicIdentity apic, int destination, DestinationMode mode) {
        return switch (apic.mode()) {
            case DISABLED -> false;
            case X2APIC -> isX2apic(apic, destination, mode);
            case XAPIC -> isXapic(apic, destination, mode);
        };
    }

    /**
     * Whether KVM's map may take {@code destination} for {@code apic}'s by mistake: beside local APICs in x2APIC mode it looks an
     * xAPIC up by its physical ID as if that were an x2APIC's; {@code kvm_apic_map_get_logical_dest}, arch/x86/kvm/lapic.c.
     */
    static boolean isTakenForX2apic(ApicIdentity apic, int destination, DestinationMode mode) {
        return apic.mode() == ApicIdentity.ApicMode.XAPIC
                && mode == DestinationMode.LOGICAL
                && isMember(apic.xapicId(), destination);
    }

    private static boolean isMember(int id, int destination) {
        return destination >>> 16 == id >> 4 && (destination & 1 << (id & 0xf)) != 0;
    }

    private boolean isX2apic(ApicIdentity apic, int destination, DestinationMode mode) {
        if (destination == ALL_OF_32_BITS || broadcastQuirk && destination == ALL_OF_8_BITS) {
            return true;
        }
        if (mode == DestinationMode.PHYSICAL) {
            return destination == apic.vcpu();
        }
        return isMember(apic.vcpu(), destination);
    }

    private static boolean isXapic(ApicIdentity apic, int destination, DestinationMode mode) {
        if (destination == ALL_OF_8_BITS) {
            return true;
        }
        if (mode == DestinationMode.PHYSICAL) {
            boolean wide = (destination & ~ALL_OF_8_BITS) != 0;
            return destination == (wide ? apic.vcpu() : apic.xapicId());
        }
        int own = apic.ldr() >>> 24;
        if (apic.dfr() == ApicIdentity.DFR_FLAT) {
            return (own & destination) != 0;
        }
        boolean sameCluster = own >> 4 == destination >>> 4;
        return apic.dfr() == ApicIdentity.DFR_CLUSTER && sameCluster && (own & destination & 0xf) != 0;
    }
}
