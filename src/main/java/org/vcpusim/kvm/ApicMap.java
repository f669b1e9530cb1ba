package org.vcpusim.kvm;

import java.util.Arrays;
import java.util.Optional;
import java.util.OptionalInt;
import org.vcpusim.arch.DestinationMode;
import org.vcpusim.arch.DestinationShorthand;

/**
 * KVM's optimised map from destinations to local APICs, built anew whenever an APIC's identity changes.
 *
 * <p>Source: {@code struct kvm_apic_map}, {@code kvm_recalculate_apic_map}, {@code kvm_apic_map_get_dest_lapic},
 * arch/x86/kvm/lapic.c. Where the map cannot answer, every APIC is asked ({@link DestinationMatch}); the two do not always
 * agree, and both are modelled.
 */
final class ApicMap {
    private static final int NOBODY = -1;
    private static final int LEAST_MAX_ID = 255;
    private static final int CLUSTER = 16;

    private final int[] physical;
    private final int[] flat;
    private final int[][] clusters;
    private final LogicalMode logicalMode;

    private enum LogicalMode {
        SOFTWARE_DISABLED,
        XAPIC_FLAT,
        XAPIC_CLUSTER,
        X2APIC,
        MAP_DISABLED
    }

    private ApicMap(int[] physical, int[] flat, int[][] clusters, LogicalMode logicalMode) {
        this.physical = physical;
        this.flat = flat;
        this.clusters = clusters;
        this.logicalMode = logicalMode;
    }

    /** Slots of vCPU indices, or {@link #NOBODY}, and which of them are addressed. */
    private static final class Candidates {
        private final int[] slots;
        private final int mask;

        private Candidates(int[] slots, int mask) {
            this.slots = slots;
            this.mask = mask;
        }
    }

    /**
     * What became of the identities.
     *
     * @param map empty where two APICs share a physical ID
     * @param xapicIdMismatch whether an xAPIC's ID is not the low byte of its vCPU's, as far as the map was built
     */
    record Recalculated(Optional<ApicMap> map, boolean xapicIdMismatch) {}

    /** The map over these identities. */
    static Recalculated of(Machine machine, ApicIdentity[] apics) {
        Builder builder = new Builder(machine, apics);
        boolean mismatch = false;
        for (ApicIdentity apic : apics) {
            if (apic.present()) {
                mismatch |= !apic.x2apic() && apic.xapicId() != (apic.vcpu() & DestinationMatch.BROADCAST);
                if (!builder.addPhysical(apic)) {
                    return new Recalculated(Optional.empty(), mismatch);
                }
                builder.addLogical(apic);
            }
        }
        return new Recalculated(Optional.of(builder.build()), mismatch);
    }

    /**
     * The vCPUs that {@code message} is for, empty where the map cannot tell.
     *
     * @param sender the sending local APIC of an IPI
     */
    Optional<int[]> targets(Machine machine, InterruptMessage message, Optional<ApicIdentity> sender) {
        if (message.shorthand() == DestinationShorthand.SELF && sender.isPresent()) {
            return Optional.of(new int[] {sender.get().vcpu()});
        }
        if (message.shorthand() != DestinationShorthand.NONE || isBroadcast(machine, message, sender)) {
            return Optional.empty();
        }
        if (message.destinationMode() == DestinationMode.PHYSICAL) {
            boolean beyond = Integer.compareUnsigned(message.destination(), physical.length) >= 0;
            return Optional.of(
                    beyond ? new int[0] : addressed(new Candidates(new int[] {physical[message.destination()]}, 1)));
        }
        return logicalCandidates(message.destination()).map(candidates -> chosen(message, candidates));
    }

    private boolean isBroadcast(Machine machine, InterruptMessage message, Optional<ApicIdentity> sender) {
        int destination = message.destination();
        if (!machine.hasBroadcastQuirk()) {
            return destination == DestinationMatch.BROADCAST && logicalMode != LogicalMode.X2APIC
                    || destination == DestinationMatch.X2APIC_BROADCAST;
        }
        boolean x2apicIpi = sender.isPresent() && sender.get().x2apic();
        return destination == (x2apicIpi ? DestinationMatch.X2APIC_BROADCAST : DestinationMatch.BROADCAST);
    }

    private Optional<Candidates> logicalCandidates(int destination) {
        return switch (logicalMode) {
            case SOFTWARE_DISABLED -> Optional.of(new Candidates(flat, 0));
            case XAPIC_FLAT -> Optional.of(new Candidates(flat, destination & 0xff));
            case XAPIC_CLUSTER -> Optional.of(new Candidates(clusters[destination >> 4 & 0xf], destination & 0xf));
            case X2APIC -> Optional.of(x2apicCluster(destination));
            case MAP_DISABLED -> Optional.empty();
        };
    }

    private Candidates x2apicCluster(int destination) {
        int first = (destination >>> 16) * CLUSTER;
        if (first >= physical.length) {
            return new Candidates(new int[0], 0);
        }
        int size = Math.min(physical.length - first, CLUSTER);
        return new Candidates(
                Arrays.copyOfRange(physical, first, first + size), destination & 0xffff >> CLUSTER - size);
    }

    private static int[] chosen(InterruptMessage message, Candidates candidates) {
        if (!message.toLowestPriority() || candidates.mask == 0) {
            return addressed(candidates);
        }
        int slot = nthSetBit(candidates.mask, message.vector() % Integer.bitCount(candidates.mask));
        return addressed(new Candidates(candidates.slots, 1 << slot));
    }

    private static int nthSetBit(int mask, int n) {
        int rest = mask;
        for (int skipped = 0; skipped < n; skipped++) {
            rest &= rest - 1;
        }
        return Integer.numberOfTrailingZeros(rest);
    }

    private static int[] addressed(Candidates candidates) {
        int[] addressed = new int[candidates.slots.length];
        int count = 0;
        for (int slot = 0; slot < addressed.length; slot++) {
            if ((candidates.mask & 1 << slot) != 0 && candidates.slots[slot] != NOBODY) {
                addressed[count] = candidates.slots[slot];
                count++;
            }
        }
        return Arrays.copyOf(addressed, count);
    }

    /** The vCPU that vector hashing picks out of {@code candidates}, which are not empty; {@code kvm_vector_to_index}. */
    static int hashed(int vector, int[] candidates) {
        return candidates[vector % candidates.length];
    }

    /** Puts a map together, APIC by APIC. */
    private static final class Builder {
        private final Machine machine;
        private final int[] physical;
        private final int[] flat = filled(8);
        private final int[][] clusters = new int[CLUSTER][];
        private LogicalMode logicalMode = LogicalMode.SOFTWARE_DISABLED;

        Builder(Machine machine, ApicIdentity[] apics) {
            this.machine = machine;
            int maxId = LEAST_MAX_ID;
            for (ApicIdentity apic : apics) {
                maxId = apic.present() ? Math.max(maxId, apic.vcpu()) : maxId;
            }
            physical = filled(maxId + 1);
            Arrays.setAll(clusters, i -> filled(CLUSTER));
        }

        private static int[] filled(int size) {
            int[] slots = new int[size];
            Arrays.fill(slots, NOBODY);
            return slots;
        }

        /** Whether the APIC could be added; {@code kvm_recalculate_phys_map}. */
        boolean addPhysical(ApicIdentity apic) {
            if (machine.has32BitIds()) {
                if (apic.x2apic() || apic.vcpu() > DestinationMatch.BROADCAST) {
                    physical[apic.vcpu()] = apic.vcpu();
                }
                if (!apic.x2apic() && physical[apic.xapicId()] == NOBODY) {
                    physical[apic.xapicId()] = apic.vcpu();
                }
                return true;
            }
            int id = apic.x2apic() ? apic.vcpu() : apic.xapicId();
            if (physical[id] != NOBODY) {
                return false;
            }
            physical[id] = apic.vcpu();
            return true;
        }

        /** {@code kvm_recalculate_logical_map}. */
        void addLogical(ApicIdentity apic) {
            if (logicalMode == LogicalMode.MAP_DISABLED || !apic.softwareEnabled() || apic.ldr() == 0) {
                return;
            }
            LogicalMode mode = modeOf(apic);
            if (logicalMode == LogicalMode.SOFTWARE_DISABLED) {
                logicalMode = mode;
            } else if (logicalMode != mode) {
                logicalMode = LogicalMode.MAP_DISABLED;
            }
            if (logicalMode != LogicalMode.X2APIC && logicalMode != LogicalMode.MAP_DISABLED) {
                addXapicLogical(apic);
            }
        }

        private static LogicalMode modeOf(ApicIdentity apic) {
            if (apic.x2apic()) {
                return LogicalMode.X2APIC;
            }
            return apic.dfr() == ApicIdentity.DFR_FLAT ? LogicalMode.XAPIC_FLAT : LogicalMode.XAPIC_CLUSTER;
        }

        private void addXapicLogical(ApicIdentity apic) {
            boolean isFlat = logicalMode == LogicalMode.XAPIC_FLAT;
            int[] slots = isFlat ? flat : clusters[apic.logicalId() >> 4];
            int mask = isFlat ? apic.logicalId() : apic.logicalId() & 0xf;
            if (mask == 0) {
                return;
            }
            int slot = Integer.numberOfTrailingZeros(mask);
            if (Integer.bitCount(mask) != 1 || slots[slot] != NOBODY) {
                logicalMode = LogicalMode.MAP_DISABLED;
            } else {
                slots[slot] = apic.vcpu();
            }
        }

        ApicMap build() {
            return new ApicMap(physical, flat, clusters, logicalMode);
        }
    }

    /** Whether {@code source} names a vCPU; shorthand for callers that carry an index. */
    static Optional<ApicIdentity> identityOf(ApicIdentity[] apics, OptionalInt source) {
        return source.isPresent() ? Optional.of(apics[source.getAsInt()]) : Optional.empty();
    }
}
