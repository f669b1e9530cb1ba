package org.vcpusim.kvm;

import java.util.Arrays;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import org.vcpusim.arch.DeliveryMode;

/**
 * Every local APIC's identity as the other CPUs see it, and the optimised map over them.
 *
 * <p>Source: {@code kvm_irq_delivery_to_apic}, {@code kvm_bitmap_or_dest_vcpus}, arch/x86/kvm/irq.c and lapic.c.
 */
final class Apics {
    private final Machine machine;
    private final VcpuList online;
    private final ApicIdentity[] identities;
    private final ApicMap.Recalculated recalculated;
    private final Optional<ApicMap> map;

    @SuppressWarnings("TooManyParameters") // its fields
    private Apics(
            Machine machine,
            VcpuList online,
            ApicIdentity[] identities,
            ApicMap.Recalculated recalculated,
            Optional<ApicMap> map) {
        this.machine = machine;
        this.online = online;
        this.identities = identities;
        this.recalculated = recalculated;
        this.map = map;
    }

    static Apics of(Machine machine, ApicIdentity[] identities) {
        ApicIdentity[] there = identities.clone();
        machine.hotplug().vcpus().forEach(vcpu -> there[vcpu] = ApicIdentity.absent(vcpu));
        int[] online = IntStream.range(0, machine.vcpuCount())
                .filter(vcpu -> !machine.hotplug().brings(vcpu))
                .toArray();
        ApicMap.Recalculated recalculated = ApicMap.of(machine, there);
        return new Apics(machine, VcpuList.of(online), there, recalculated, recalculated.map());
    }

    /** The vCPUs that have been created: {@code kvm_for_each_vcpu}. */
    VcpuList online() {
        return online;
    }

    /** With a vCPU more. */
    Apics withOnline(int vcpu) {
        return new Apics(machine, online.or(VcpuList.of(vcpu)), identities, recalculated, map);
    }

    boolean isOnline(int vcpu) {
        return online.contains(vcpu);
    }

    ApicIdentity identity(int vcpu) {
        return identities[vcpu];
    }

    /** With one identity replaced and the map built anew; messages go by the old one until this is published. */
    Apics changed(ApicIdentity identity) {
        ApicIdentity[] changed = identities.clone();
        changed[identity.vcpu()] = identity;
        return new Apics(machine, online, changed, ApicMap.of(machine, changed), map);
    }

    /** With the map that was built last in use. */
    Apics published() {
        return new Apics(machine, online, identities, recalculated, recalculated.map());
    }

    /** Whether a reason against APICv that the map knows of holds. */
    ApicvInhibit.Change judge(ApicvInhibit reason) {
        boolean holds = reason == ApicvInhibit.PHYSICAL_ID_ALIASED
                ? recalculated.map().isEmpty()
                : recalculated.xapicIdMismatch();
        return holds ? ApicvInhibit.Change.SET : ApicvInhibit.Change.CLEAR;
    }

    /** With one identity replaced in a way that the map does not depend on. */
    Apics withSameMap(ApicIdentity identity) {
        ApicIdentity[] changed = identities.clone();
        changed[identity.vcpu()] = identity;
        return new Apics(machine, online, changed, recalculated, map);
    }

    /** The first vCPU that takes the PIC's interrupts. */
    OptionalInt firstAcceptingPic() {
        return IntStream.range(0, identities.length)
                .filter(vcpu -> identities[vcpu].acceptsPic())
                .findFirst();
    }

    /**
     * Whom a message goes to.
     *
     * @param vcpus in the order in which they get it
     * @param resultIfNone what delivery returns where nobody is addressed: 0, or -1 if no APIC matched
     */
    record Targets(VcpuList vcpus, int resultIfNone, InterruptMessage message) {}

    /** The vCPUs that get {@code message}; {@code source} is the sending vCPU of an IPI. */
    Targets targets(InterruptMessage message, OptionalInt source) {
        Optional<int[]> mapped = mapped(message, source);
        if (mapped.isPresent()) {
            return new Targets(VcpuList.of(mapped.get()), 0, message);
        }
        boolean broadcastToLowest = message.destinationMode() == org.vcpusim.arch.DestinationMode.PHYSICAL
                && message.destination() == DestinationMatch.BROADCAST
                && message.toLowestPriority();
        return askEvery(broadcastToLowest ? message.asFixed() : message, source);
    }

    private Optional<int[]> mapped(InterruptMessage message, OptionalInt source) {
        if (map.isEmpty()) {
            boolean toSelf = message.shorthand() == org.vcpusim.arch.DestinationShorthand.SELF && source.isPresent();
            return toSelf ? Optional.of(new int[] {source.getAsInt()}) : Optional.empty();
        }
        return map.get().targets(machine, message, ApicMap.identityOf(identities, source));
    }

    private Targets askEvery(InterruptMessage message, OptionalInt source) {
        int[] matching = matching(message, source);
        if (!message.toLowestPriority()) {
            return new Targets(VcpuList.of(matching), matching.length == 0 ? -1 : 0, message);
        }
        int[] enabled = Arrays.stream(matching)
                .filter(vcpu -> identities[vcpu].softwareEnabled())
                .toArray();
        if (enabled.length == 0) {
            return new Targets(VcpuList.of(), -1, message);
        }
        return new Targets(VcpuList.of(ApicMap.hashed(message.vector(), enabled)), 0, message);
    }

    private int[] matching(InterruptMessage message, OptionalInt source) {
        int[] matching = new int[identities.length];
        int count = 0;
        for (int vcpu = 0; vcpu < identities.length; vcpu++) {
            ApicIdentity identity = identities[vcpu];
            if (identity.present() && DestinationMatch.matches(machine, identity, message, source)) {
                matching[count] = vcpu;
                count++;
            }
        }
        return Arrays.copyOf(matching, count);
    }

    /** The vCPUs a scan request for {@code message}'s pin goes to; {@code kvm_bitmap_or_dest_vcpus}. */
    VcpuList scanTargets(InterruptMessage message) {
        return VcpuList.of(mapped(message, OptionalInt.empty()).orElseGet(() -> scanMatching(message)));
    }

    /** The fault: the delivery mode is read as a shorthand. Fixed is none; what the others are matches nobody. */
    private int[] scanMatching(InterruptMessage message) {
        boolean misread = machine.has(Fault.SCAN_MASK_BY_DELIVERY_MODE) && message.deliveryMode() != DeliveryMode.FIXED;
        return misread ? new int[0] : matching(message, OptionalInt.empty());
    }
}
