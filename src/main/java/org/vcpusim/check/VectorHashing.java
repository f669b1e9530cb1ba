package org.vcpusim.check;

import java.util.BitSet;
import org.vcpusim.arch.DestinationMode;
import org.vcpusim.kvm.ApicIdentity;

/**
 * Which one of several local APICs gets a message for the least busy of them: nobody looks who that is, its vector chooses.
 *
 * <p>Of n candidates it is number vector modulo n. KVM's map counts the bits of a logical destination, those that nobody has
 * included, who are then chosen in vain; where the map does not help, those that match and are enabled by software are counted, by
 * index. Source: {@code kvm_vector_to_index}, {@code kvm_apic_map_get_dest_lapic} and {@code kvm_irq_delivery_to_apic},
 * arch/x86/kvm/lapic.c and irq.c.
 */
final class VectorHashing {
    /** The chosen number is nobody's. */
    static final int NOBODY = -1;
    /** It cannot be told from what is known. */
    static final int UNKNOWN = -2;

    private static final int MAP_OF_AT_LEAST = 256;
    private static final int MEMBERS = 16;

    private final ObservedMachine machine;

    /** How the map keeps logical IDs. */
    private enum Map {
        /** Nobody has one. */
        EMPTY,
        FLAT,
        CLUSTER,
        X2APIC,
        /** Two have the same, or they do not all have the same form. */
        OFF
    }

    VectorHashing(ObservedMachine machine) {
        this.machine = machine;
    }

    /**
     * The index of the one that gets {@code vector}, {@link #NOBODY} or {@link #UNKNOWN}. A physical ID, or self, finds also who is
     * disabled by software.
     *
     * @param matching who is meant, and enabled by software
     */
    int chosen(int vector, Destination destination, BitSet matching) {
        if (machine.vcpus().stream().anyMatch(v -> v.identity == null || v.previousIdentity != null)) {
            return UNKNOWN;
        }
        if (destination.everybody) {
            return matching.isEmpty() ? UNKNOWN : byIndex(vector, matching);
        }
        if (destination.mode == DestinationMode.PHYSICAL) {
            boolean inBothForms = matching.cardinality() > 1 && machine.rule().wideMessages();
            return matching.isEmpty() || inBothForms ? UNKNOWN : byIndex(vector, matching);
        }
        Map map = map();
        if (map == Map.X2APIC && machine.vcpus().stream().anyMatch(VectorHashing::isXapic)) {
            return UNKNOWN;
        }
        return map == Map.OFF ? byIndex(vector, matching) : byLogicalId(vector, members(map, destination.id), matching);
    }

    /** The map of x2APICs may take it for one of those. */
    private static boolean isXapic(ObservedVcpu v) {
        ApicIdentity apic = v.identity;
        return apic != null && apic.mode() == ApicIdentity.ApicMode.XAPIC;
    }

    /**
     * Whom a message is for.
     *
     * @param everybody it is a broadcast, or a shorthand says who is meant: the map is not asked
     */
    record Destination(int id, DestinationMode mode, boolean everybody) {}

    private static int byIndex(int vector, BitSet matching) {
        if (matching.isEmpty()) {
            return NOBODY;
        }
        int chosen = matching.nextSetBit(0);
        for (int i = 0; i < vector % matching.cardinality(); i++) {
            chosen = matching.nextSetBit(chosen + 1);
        }
        return chosen;
    }

    /** The members of a cluster, or of all, that a destination names; 0 where that is not known. */
    private int members(Map map, int destination) {
        return switch (map) {
            case FLAT -> destination & 0xff;
            case CLUSTER -> destination & 0xf;
            case X2APIC -> {
                int most = Math.max(MAP_OF_AT_LEAST, machine.vcpus().size());
                boolean whole = ((destination >>> MEMBERS) + 1) * MEMBERS <= most;
                yield whole ? destination & 0xffff : 0;
            }
            case EMPTY, OFF -> 0;
        };
    }

    private int byLogicalId(int vector, int members, BitSet matching) {
        if (members == 0) {
            return UNKNOWN;
        }
        int rest = members;
        for (int i = 0; i < vector % Integer.bitCount(members); i++) {
            rest &= rest - 1;
        }
        int member = Integer.numberOfTrailingZeros(rest);
        for (int vcpu = matching.nextSetBit(0); vcpu >= 0; vcpu = matching.nextSetBit(vcpu + 1)) {
            ApicIdentity apic = machine.vcpu(vcpu).identity;
            if (apic != null && member(apic) == member) {
                return vcpu;
            }
        }
        return NOBODY;
    }

    private Map map() {
        Map map = Map.EMPTY;
        BitSet taken = new BitSet();
        for (ObservedVcpu v : machine.vcpus()) {
            ApicIdentity apic = v.identity;
            if (apic == null || !v.accepts() || apic.ldr() == 0) {
                continue;
            }
            Map form = form(apic);
            boolean another = map != Map.EMPTY && map != form;
            int slot = apic.x2apic() ? apic.vcpu() : form == Map.FLAT ? member(apic) : slot(apic);
            if (another || Integer.bitCount(memberBits(apic)) > 1 || slot >= 0 && taken.get(slot)) {
                return Map.OFF;
            }
            if (slot >= 0) {
                taken.set(slot);
            }
            map = form;
        }
        return map;
    }

    private static Map form(ApicIdentity apic) {
        if (apic.x2apic()) {
            return Map.X2APIC;
        }
        return apic.dfr() == ApicIdentity.DFR_FLAT ? Map.FLAT : Map.CLUSTER;
    }

    private static int slot(ApicIdentity apic) {
        return memberBits(apic) == 0 ? -1 : (apic.logicalId() >> 4) * MEMBERS + member(apic);
    }

    private static int memberBits(ApicIdentity apic) {
        return switch (form(apic)) {
            case FLAT -> apic.logicalId();
            case CLUSTER -> apic.logicalId() & 0xf;
            case X2APIC -> 1 << (apic.vcpu() & 0xf);
            case EMPTY, OFF -> 0;
        };
    }

    private static int member(ApicIdentity apic) {
        int bits = memberBits(apic);
        return bits == 0 ? -1 : Integer.numberOfTrailingZeros(bits);
    }
}
