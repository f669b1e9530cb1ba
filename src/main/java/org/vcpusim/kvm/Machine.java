package org.vcpusim.kvm;

import java.util.EnumSet;
import java.util.List;

/**
 * What a VM is made of and which rules it plays by: everything that stays the same during a run.
 *
 * @param vcpuCount vCPUs 0 to vcpuCount - 1; APIC ID and vCPU id are the index, vCPU 0 is the boot processor
 * @param protocol how a table change reaches the bitmaps
 * @param apicv whether APICv is active
 * @param x2apicApi flags of KVM_CAP_X2APIC_API
 * @param devices number of devices
 * @param tpr what keeps the task priority while the guest runs
 * @param rules where it departs from Linux as it is modelled
 * @param garbageSeed seed of the contents of uninitialised memory, for {@link Fault#UNINITIALISED_BITMAP}
 * @param irqchip which interrupt controllers are in the kernel
 * @param physicalCpus processors of the host, which vCPUs share and devices post to; 0 where each vCPU has one of its own
 * @param hotplug what user space adds while it runs
 * @param haltPollNanos the most that a halted vCPU looks around before it sleeps, 0 for not at all; {@code halt_poll_ns}
 */
public record Machine(
        int vcpuCount,
        Protocol protocol,
        Apicv apicv,
        int x2apicApi,
        int devices,
        TaskPriority tpr,
        Rules rules,
        long garbageSeed,
        Irqchip irqchip,
        int physicalCpus,
        Hotplug hotplug,
        long haltPollNanos) {

    /** Destination IDs of 32 bits in MSIs and in saved local APICs: KVM_X2APIC_API_USE_32BIT_IDS. */
    public static final int X2APIC_API_USE_32BIT_IDS = 1;
    /** 0xff is no broadcast for an x2APIC: KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK. */
    public static final int X2APIC_API_DISABLE_BROADCAST_QUIRK = 2;
    /** EOI broadcasts are really suppressed: KVM_X2APIC_ENABLE_SUPPRESS_EOI_BROADCAST. */
    public static final int X2APIC_ENABLE_SUPPRESS_EOI_BROADCAST = 4;
    /** Suppression of EOI broadcasts is not offered: KVM_X2APIC_DISABLE_SUPPRESS_EOI_BROADCAST. */
    public static final int X2APIC_DISABLE_SUPPRESS_EOI_BROADCAST = 8;

    public Machine {
        if (vcpuCount < 1) {
            throw new IllegalArgumentException("vcpuCount = " + vcpuCount + ": must be at least 1");
        }
    }

    /** A machine with all interrupt controllers in the kernel. */
    @SuppressWarnings("TooManyParameters") // the record's, but the last
    public Machine(
            int vcpuCount,
            Protocol protocol,
            Apicv apicv,
            int x2apicApi,
            int devices,
            TaskPriority tpr,
            List<Fault> faults,
            long garbageSeed) {
        this(vcpuCount, protocol, apicv, x2apicApi, devices, tpr, faults, garbageSeed, Irqchip.KERNEL);
    }

    /** A machine whose vCPUs have a processor each. */
    @SuppressWarnings("TooManyParameters") // the record's, but the last
    public Machine(
            int vcpuCount,
            Protocol protocol,
            Apicv apicv,
            int x2apicApi,
            int devices,
            TaskPriority tpr,
            List<Fault> faults,
            long garbageSeed,
            Irqchip irqchip) {
        this(
                vcpuCount,
                protocol,
                apicv,
                x2apicApi,
                devices,
                tpr,
                Rules.with(faults),
                garbageSeed,
                irqchip,
                0,
                Hotplug.NONE,
                0);
    }

    /** Whether the processor virtualises the local APIC for this VM. */
    public enum Apicv {
        ACTIVE,
        INACTIVE
    }

    /** What keeps the guest's task priority, and so how much of it. */
    public enum TaskPriority {
        /** The virtual-APIC page of VMX: all eight bits. */
        TPR_SHADOW,
        /** The virtual TPR field of a VMCB, which has CR8's four bits: the low four are lost when it is copied back. */
        VIRTUAL_CR8
    }

    /** A machine of {@code vcpuCount} vCPUs with APICv inactive, the upstream protocol and nothing else. */
    public static Machine plain(int vcpuCount) {
        return new Machine(
                vcpuCount, Protocol.SCAN_THEN_LOAD, Apicv.INACTIVE, 0, 0, TaskPriority.TPR_SHADOW, List.of(), 0);
    }

    /** Whether APICv is active. */
    public boolean apicvActive() {
        return apicv == Apicv.ACTIVE;
    }

    /** Whether this machine does {@code fault} wrong. */
    public boolean has(Fault fault) {
        return rules.has(fault);
    }

    /** Whether this machine is cured of {@code hazard}. */
    public boolean cures(Hazard hazard) {
        return rules.cures(hazard);
    }

    /** Whether an x2APIC's ICR is kept in two registers, as AMD's vendor module does; {@code x2apic_icr_is_split}. */
    boolean splitsIcr() {
        return tpr == TaskPriority.VIRTUAL_CR8;
    }

    /** Whether APIC IDs have 32 bits in MSIs and saved states. */
    public boolean has32BitIds() {
        return (x2apicApi & X2APIC_API_USE_32BIT_IDS) != 0;
    }

    /** Whether destination 0xff is a broadcast for an x2APIC too. */
    public boolean hasBroadcastQuirk() {
        return (x2apicApi & X2APIC_API_DISABLE_BROADCAST_QUIRK) == 0;
    }

    /** Whether the IOAPIC is in user space; {@code irqchip_split}. */
    public boolean isSplit() {
        return irqchip.isSplit();
    }

    /** Whether the kernel has an IOAPIC and a PIC; {@code ioapic_in_kernel}. */
    public boolean hasIoapic() {
        return irqchip.mode() == Irqchip.Mode.KERNEL;
    }

    /** Whether the kernel has local APICs; {@code irqchip_in_kernel}. */
    public boolean hasLapics() {
        return irqchip.mode() != Irqchip.Mode.NONE;
    }

    /**
     * Whether {@code vcpu} was created before there was anything to give it a local APIC. The kernel refuses to create
     * interrupt controllers once there are vCPUs, and so the VMM creates them first.
     */
    boolean lacksLapic(int vcpu) {
        return has(Fault.IRQCHIP_AFTER_VCPU) && irqchip.earlyVcpus().contains(vcpu);
    }

    /**
     * Whether local APICs say that they can suppress EOI broadcasts. The IOAPIC in the kernel has no EOI register, so that
     * it is offered only with one in user space, and not where user space does without it;
     * {@code kvm_lapic_advertise_suppress_eoi_broadcast}, arch/x86/kvm/lapic.c.
     */
    public boolean offersEoiSuppression() {
        return isSplit()
                ? has(Fault.EOI_SUPPRESSION_UNRELIABLE) || (x2apicApi & X2APIC_DISABLE_SUPPRESS_EOI_BROADCAST) == 0
                : has(Fault.EOI_SUPPRESSION_MISADVERTISED);
    }

    /**
     * Whether a local APIC that is told to suppress EOI broadcasts does so. With the IOAPIC in user space it does only where
     * user space has asked for it, although it is offered without; {@code kvm_lapic_suppress_eoi_broadcast}.
     */
    public boolean suppressesEois() {
        return isSplit()
                ? (x2apicApi & X2APIC_ENABLE_SUPPRESS_EOI_BROADCAST) != 0 && !has(Fault.EOI_SUPPRESSION_UNRELIABLE)
                : (x2apicApi & X2APIC_DISABLE_SUPPRESS_EOI_BROADCAST) == 0;
    }

    /** How an MSI's address is read. */
    public InterruptMessage.MsiFormat msiFormat() {
        return has32BitIds() ? InterruptMessage.MsiFormat.X2APIC : InterruptMessage.MsiFormat.XAPIC;
    }

    /** The same machine with another protocol. */
    public Machine with(Protocol other) {
        Draft draft = new Draft(this);
        draft.protocol = other;
        return draft.machine();
    }

    /** The same machine with these faults and no others. */
    public Machine withFaults(EnumSet<Fault> wanted) {
        return with(Rules.with(wanted));
    }

    /** The same machine with other rules. */
    public Machine with(Rules other) {
        Draft draft = new Draft(this);
        draft.rules = other;
        return draft.machine();
    }

    /** The same machine with other garbage in uninitialised memory. */
    public Machine withGarbageSeed(long seed) {
        Draft draft = new Draft(this);
        draft.garbageSeed = seed;
        return draft.machine();
    }

    /** The same machine with other interrupt controllers in the kernel. */
    public Machine with(Irqchip other) {
        Draft draft = new Draft(this);
        draft.irqchip = other;
        return draft.machine();
    }

    /** The same machine on {@code count} processors of the host, 0 for one a vCPU. */
    public Machine withPhysicalCpus(int count) {
        Draft draft = new Draft(this);
        draft.physicalCpus = count;
        return draft.machine();
    }

    /** The same machine to which user space adds something later. */
    public Machine with(Hotplug later) {
        Draft draft = new Draft(this);
        draft.hotplug = later;
        return draft.machine();
    }

    /** The same machine, whose halted vCPUs look around for at most {@code nanos} before they sleep. */
    public Machine withHaltPoll(long nanos) {
        Draft draft = new Draft(this);
        draft.haltPollNanos = nanos;
        return draft.machine();
    }

    /** A machine with parts that can be changed. */
    private static final class Draft {
        private final Machine of;
        private Protocol protocol;
        private Rules rules;
        private long garbageSeed;
        private Irqchip irqchip;
        private int physicalCpus;
        private Hotplug hotplug;
        private long haltPollNanos;

        private Draft(Machine of) {
            this.of = of;
            protocol = of.protocol;
            rules = of.rules;
            garbageSeed = of.garbageSeed;
            irqchip = of.irqchip;
            physicalCpus = of.physicalCpus;
            hotplug = of.hotplug;
            haltPollNanos = of.haltPollNanos;
        }

        private Machine machine() {
            return new Machine(
                    of.vcpuCount,
                    protocol,
                    of.apicv,
                    of.x2apicApi,
                    of.devices,
                    of.tpr,
                    rules,
                    garbageSeed,
                    irqchip,
                    physicalCpus,
                    hotplug,
                    haltPollNanos);
        }
    }
}
