package org.vcpusim.kvm;

import java.util.OptionalInt;
import org.vcpusim.arch.DestinationMode;
import org.vcpusim.kvm.ApicIdentity.ApicMode;

/**
 * Whether an interrupt message is for a local APIC. Source: {@code kvm_apic_match_dest}, arch/x86/kvm/lapic.c; SDM
 * volume 3, "Determining IPI Destination".
 */
public final class DestinationMatch {
    /** Broadcast destination of 8 bits. */
    static final int BROADCAST = 0xff;
    /** Broadcast destination of 32 bits. */
    static final int X2APIC_BROADCAST = 0xffffffff;

    private DestinationMatch() {}

    /**
     * Whether {@code target} is among the destinations.
     *
     * @param source the vCPU that sent an IPI; empty for a device's message
     */
    public static boolean matches(Machine machine, ApicIdentity target, InterruptMessage message, OptionalInt source) {
        return switch (message.shorthand()) {
            case NONE -> matchesDestination(machine, target, message, source);
            case SELF -> source.isPresent() && source.getAsInt() == target.vcpu();
            case ALL -> true;
            case ALL_BUT_SELF -> source.isEmpty() || source.getAsInt() != target.vcpu();
        };
    }

    private static boolean matchesDestination(
            Machine machine, ApicIdentity target, InterruptMessage message, OptionalInt source) {
        int destination = message.destination();
        if (machine.hasBroadcastQuirk() && source.isEmpty() && destination == BROADCAST && target.x2apic()) {
            destination = X2APIC_BROADCAST;
        }
        if (destination == (target.x2apic() ? X2APIC_BROADCAST : BROADCAST)) {
            return true;
        }
        return message.destinationMode() == DestinationMode.PHYSICAL
                ? matchesPhysical(target, destination)
                : matchesLogical(target, destination);
    }

    private static boolean matchesPhysical(ApicIdentity target, int destination) {
        boolean wide = target.mode() == ApicMode.X2APIC || Integer.compareUnsigned(destination, BROADCAST) > 0;
        return destination == (wide ? target.vcpu() : target.xapicId());
    }

    private static boolean matchesLogical(ApicIdentity target, int destination) {
        if (target.x2apic()) {
            return target.ldr() >>> 16 == destination >>> 16 && (target.ldr() & destination & 0xffff) != 0;
        }
        int logicalId = target.logicalId();
        return switch (target.dfr()) {
            case ApicIdentity.DFR_FLAT -> (logicalId & destination) != 0;
            case ApicIdentity.DFR_CLUSTER ->
                logicalId >> 4 == destination >>> 4 && (logicalId & destination & 0xf) != 0;
            default -> false;
        };
    }
}
