package org.vcpusim.kvm;

import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.stream.IntStream;
import org.vcpusim.arch.ApicRegister;
import org.vcpusim.arch.RedirectionEntry;
import org.vcpusim.arch.TriggerMode;

/** Machines, local APICs and redirection entries that tests start from. */
final class Fixtures {
    private static final long LEVEL = 1L << 15;
    private static final int SPIV_SOFTWARE_ENABLED = 0x1ff;

    private Fixtures() {}

    static Machine machine(int vcpus, Machine.Apicv apicv, Protocol protocol, Fault... faults) {
        return new Machine(
                vcpus, protocol, apicv, 0, 0, Machine.TaskPriority.TPR_SHADOW, Arrays.asList(faults), 0x5eed);
    }

    static Machine apicvActive(int vcpus, Fault... faults) {
        return machine(vcpus, Machine.Apicv.ACTIVE, Protocol.SCAN_THEN_LOAD, faults);
    }

    static Machine apicvInactive(int vcpus, Fault... faults) {
        return machine(vcpus, Machine.Apicv.INACTIVE, Protocol.SCAN_THEN_LOAD, faults);
    }

    static Machine withApi(Machine machine, int x2apicApi) {
        return new Machine(
                machine.vcpuCount(),
                machine.protocol(),
                machine.apicv(),
                x2apicApi,
                machine.devices(),
                machine.tpr(),
                machine.rules().faults(),
                machine.garbageSeed());
    }

    static EnumSet<Fault> faults(Fault first, Fault... rest) {
        return EnumSet.of(first, rest);
    }

    /** A local APIC as an operating system leaves it: software-enabled. */
    static Lapic enabledLapic(int vcpu) {
        Lapic created = Lapic.created(vcpu);
        return created.withPage(created.page().write(ApicRegister.SPIV, SPIV_SOFTWARE_ENABLED));
    }

    /** A vCPU that is not in the guest and has {@code vector} in service, in SVI too where the processor keeps it. */
    static Vcpu serving(Vcpu vcpu, int vector, TriggerMode trigger) {
        return PostedInterrupts.statusRestored(
                vcpu.with(vcpu.lapic().requested(vector, trigger).acknowledged(vector)));
    }

    /** The same in x2APIC mode. */
    static Lapic x2apicLapic(int vcpu) {
        return LapicRegisters.writeApicBase(
                        enabledLapic(vcpu), enabledLapic(vcpu).apicBase() | Lapic.BASE_X2APIC)
                .lapic();
    }

    static ApicIdentity[] identities(int vcpus) {
        return IntStream.range(0, vcpus)
                .mapToObj(vcpu -> enabledLapic(vcpu).identity())
                .toArray(ApicIdentity[]::new);
    }

    /** A VM in which every local APIC is software-enabled and GSI n leads to IOAPIC pin n. */
    static Vm vm(Machine machine) {
        return Vm.created(machine, Routing.of(Routing.Preset.IOAPIC), identities(machine.vcpuCount()));
    }

    /** An unmasked level entry for a physical destination. */
    static RedirectionEntry level(int vector, int destination) {
        return new RedirectionEntry((long) destination << 56 | LEVEL | vector);
    }

    /** An unmasked edge entry for a physical destination. */
    static RedirectionEntry edge(int vector, int destination) {
        return new RedirectionEntry((long) destination << 56 | vector);
    }

    /** Instructions in a row. */
    static Program<GuestAction> program(GuestAction... actions) {
        return Program.of(List.of(actions));
    }
}
