package org.vcpusim.sim;

import java.util.List;
import java.util.Optional;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.vcpusim.arch.ApicRegister;
import org.vcpusim.kvm.ApicIdentity;
import org.vcpusim.kvm.Device;
import org.vcpusim.kvm.Fault;
import org.vcpusim.kvm.Guest;
import org.vcpusim.kvm.GuestAction;
import org.vcpusim.kvm.GuestAction.Plain;
import org.vcpusim.kvm.Lapic;
import org.vcpusim.kvm.Machine;
import org.vcpusim.kvm.Program;
import org.vcpusim.kvm.Protocol;
import org.vcpusim.kvm.Routing;
import org.vcpusim.kvm.Vcpu;
import org.vcpusim.kvm.Vm;

/** Small machines built by hand. */
final class Assemblies {
    static final int PIN = 4;
    static final int VECTOR = 0x31;
    private static final int LEVEL = 1 << 15;
    private static final int SPIV_ON = 0x1ff;
    private static final int ICR_ASSERT = 1 << 14;

    private Assemblies() {}

    /** vCPU 0 moves a level pin between vectors and vCPUs {@code writes} times; the others compute and leave the guest. */
    static Assembly affinityMoved(int vcpus, Protocol protocol, int writes, Fault... faults) {
        Machine machine = new Machine(
                vcpus, protocol, Machine.Apicv.ACTIVE, 0, 0, Machine.TaskPriority.TPR_SHADOW, List.of(faults), 0);
        Program<GuestAction> mover = new Program<>(IntStream.range(0, writes)
                .mapToObj(i -> redirection(PIN, LEVEL | VECTOR + i, 1 % vcpus))
                .flatMap(p -> p.items().stream())
                .toList());
        Program<GuestAction> worker = repeated(
                writes, new GuestAction.Compute(100), new GuestAction.ApicRegisterWrite(ApicRegister.TDCR.offset(), 0));
        return of(machine, i -> guest(i == 0 ? mover : worker, List.of()));
    }

    /**
     * All vCPUs but vCPU 0 point one level pin each at vCPU 0, which computes. Their broadcasts follow on each other, and
     * each begins with vCPU 0.
     */
    static Assembly pinsMovedAtOnce(int vcpus, Protocol protocol, Fault... faults) {
        Machine machine = new Machine(
                vcpus, protocol, Machine.Apicv.ACTIVE, 0, 0, Machine.TaskPriority.TPR_SHADOW, List.of(faults), 0);
        Program<GuestAction> target = repeated(40, new GuestAction.Compute(100));
        return Assembly.of(
                machine,
                () -> Vm.created(machine, Routing.of(Routing.Preset.IOAPIC), enabledIdentities(machine)),
                i -> Vcpu.created(machine, enabled(i), Optional.empty()),
                i -> guest(i == 0 ? target : redirection(PIN + i, LEVEL | VECTOR + i, 0), List.of()));
    }

    /**
     * All vCPUs but vCPU 0 send it an IPI each, twice; vCPU 0 leaves the guest a few times and halts. With APICv active they are
     * posted.
     */
    static Assembly ipisToOne(int vcpus, Fault... faults) {
        Machine machine = new Machine(
                vcpus,
                Protocol.SCAN_THEN_LOAD,
                Machine.Apicv.ACTIVE,
                0,
                0,
                Machine.TaskPriority.TPR_SHADOW,
                List.of(faults),
                0);
        GuestAction leave = new GuestAction.ApicRegisterWrite(ApicRegister.TDCR.offset(), 0);
        Program<GuestAction> target = Program.of(List.of(Plain.STI, leave, leave, leave, leave));
        return Assembly.of(
                machine,
                () -> Vm.created(machine, Routing.of(Routing.Preset.IOAPIC), enabledIdentities(machine)),
                i -> Vcpu.created(machine, enabled(i), Optional.empty()),
                i -> guest(i == 0 ? target : repeated(2, ipi(VECTOR + 16 * i)), List.of()));
    }

    /**
     * A device posts to vCPU 0, which leaves the guest a few times and halts, while the host preempts it and moves it between
     * two processors; vCPU 1 shares them.
     */
    static Assembly posts(Machine.Apicv apicv, Fault... faults) {
        Program<Device.Action> nic = every(IntStream.range(0, 3)
                .<Device.Action>mapToObj(i -> new Device.Post(0, VECTOR + 16 * i))
                .toList());
        Program<Device.Action> scheduler = every(List.of(
                new Device.Preempt(0, 1),
                new Device.Preempt(0, Vcpu.Preempt.SAME_CPU),
                new Device.Preempt(0, 0),
                new Device.Preempt(1, 0)));
        return target(machine(apicv, 2, faults).withPhysicalCpus(2))
                .withDevices(
                        i -> Device.off(i, Routing.MAX_GSI, i == 0 ? nic : scheduler), i -> i == 0 ? "nic" : "host");
    }

    /** A device interrupts the processor of vCPU 0, which leaves the guest a few times and halts. */
    static Assembly hostInterrupts(Machine.Apicv apicv, Fault... faults) {
        Program<Device.Action> nic = every(IntStream.range(0, 3)
                .<Device.Action>mapToObj(i -> new Device.InterruptHost(0, VECTOR + 16 * i))
                .toList());
        return target(machine(apicv, 1, faults)).withDevices(i -> Device.off(i, Routing.MAX_GSI, nic), i -> "nic");
    }

    private static Machine machine(Machine.Apicv apicv, int devices, Fault... faults) {
        return new Machine(
                2, Protocol.SCAN_THEN_LOAD, apicv, 0, devices, Machine.TaskPriority.TPR_SHADOW, List.of(faults), 0);
    }

    /** Each action eight times, some steps apart. */
    private static Program<Device.Action> every(List<Device.Action> actions) {
        Device.Delay pause = new Device.Delay(100);
        Program.Item<Device.Action> pauses = new Program.Repeat<>(12, Program.of(List.of(pause)));
        List<Program.Item<Device.Action>> apart = actions.stream()
                .flatMap(action -> Stream.of(new Program.Do<>(action), pauses))
                .toList();
        return new Program<>(List.of(new Program.Repeat<>(8, new Program<>(apart))));
    }

    private static Assembly target(Machine machine) {
        GuestAction leave = new GuestAction.ApicRegisterWrite(ApicRegister.TDCR.offset(), 0);
        Program<GuestAction> target = Program.of(List.of(Plain.STI, leave, leave, leave));
        return Assembly.of(
                machine,
                () -> Vm.created(machine, Routing.of(Routing.Preset.IOAPIC), enabledIdentities(machine)),
                i -> Vcpu.created(machine, enabled(i), Optional.empty()),
                i -> guest(i == 0 ? target : repeated(4, leave), List.of()));
    }

    /** A fixed IPI to vCPU 0: ICR2 is 0 after reset. */
    private static GuestAction ipi(int vector) {
        return new GuestAction.ApicRegisterWrite(ApicRegister.ICR.offset(), ICR_ASSERT | vector);
    }

    /** A local APIC that is software-enabled. */
    static Lapic enabled(int vcpu) {
        Lapic created = Lapic.created(vcpu);
        return created.withPage(created.page().write(ApicRegister.SPIV, SPIV_ON));
    }

    private static ApicIdentity[] enabledIdentities(Machine machine) {
        return IntStream.range(0, machine.vcpuCount())
                .mapToObj(i -> enabled(i).identity())
                .toArray(ApicIdentity[]::new);
    }

    /** A level device interrupts vCPU 1 while vCPU 0 moves its pin about. */
    static Assembly levelDevice(int vcpus, Protocol protocol, int rounds) {
        Machine machine =
                new Machine(vcpus, protocol, Machine.Apicv.ACTIVE, 0, 1, Machine.TaskPriority.TPR_SHADOW, List.of(), 0);
        Program<GuestAction> setUp =
                Program.of(List.of(new GuestAction.ApicRegisterWrite(ApicRegister.SPIV.offset(), SPIV_ON), Plain.STI));
        Program<GuestAction> mover = new Program<>(java.util.stream.Stream.concat(
                        setUp.items().stream(),
                        IntStream.range(0, rounds)
                                .mapToObj(i -> redirection(PIN, LEVEL | VECTOR, i % vcpus))
                                .flatMap(p -> p.items().stream()))
                .toList());
        List<Guest.Handler> handlers = List.of(
                new Guest.Handler(VECTOR, Program.of(List.of(new GuestAction.AcknowledgeDevice(0), Plain.EOI))));
        Program<Device.Action> device = new Program<>(List.of(new Program.Repeat<>(
                rounds, Program.of(List.of(Device.Plain.ASSERT, new Device.Delay(500), Device.Plain.DEASSERT)))));
        return of(machine, i -> guest(i == 0 ? mover : setUp, handlers))
                .withDevices(i -> Device.off(i, PIN, device), i -> "nic");
    }

    /** Both halves of the entry of {@code pin}: masked, moved, and open again. */
    static Program<GuestAction> redirection(int pin, int low, int destination) {
        int index = 0x10 + 2 * pin;
        return Program.of(List.of(
                new GuestAction.IoapicRegisterWrite(index + 1, destination << 24),
                new GuestAction.IoapicRegisterWrite(index, low)));
    }

    static Program<GuestAction> repeated(int times, GuestAction... body) {
        return new Program<>(List.of(new Program.Repeat<>(times, Program.of(List.of(body)))));
    }

    static Guest guest(Program<GuestAction> main, List<Guest.Handler> handlers) {
        Program<GuestAction> halt = Program.of(List.of(Plain.HLT));
        return Guest.starting(new Guest.Software(main, handlers, Program.of(List.of(Plain.EOI)), halt, halt));
    }

    static Assembly of(Machine machine, IntFunction<Guest> guests) {
        return Assembly.of(
                machine,
                () -> Vm.created(machine, Routing.of(Routing.Preset.IOAPIC), identities(machine)),
                i -> Vcpu.created(machine, Lapic.created(i), Optional.empty()),
                guests);
    }

    static ApicIdentity[] identities(Machine machine) {
        return IntStream.range(0, machine.vcpuCount())
                .mapToObj(i -> Lapic.created(i).identity())
                .toArray(ApicIdentity[]::new);
    }
}
