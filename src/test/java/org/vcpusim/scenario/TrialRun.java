package org.vcpusim.scenario;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Random;
import java.util.TreeMap;
import org.vcpusim.kvm.ApicIdentity;
import org.vcpusim.kvm.Device;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.Guest;
import org.vcpusim.kvm.HostTimer;
import org.vcpusim.kvm.PhysicalCpu;
import org.vcpusim.kvm.Pit;
import org.vcpusim.kvm.Port;
import org.vcpusim.kvm.Userspace;
import org.vcpusim.kvm.UserspaceIoapic;
import org.vcpusim.kvm.Vcpu;
import org.vcpusim.kvm.Vm;
import org.vcpusim.kvm.Wire;

/** Runs a scenario's state machines, a random ready one at a time, until nothing moves, and looks at what is left. */
final class TrialRun implements Port {
    private final Map<String, Integer> counts = new TreeMap<>();
    private final List<Mailbox> ready = new ArrayList<>();
    private final Random random;
    private final long mostSteps;
    private final Mailbox vm;
    private final List<Mailbox> vcpus = new ArrayList<>();
    private final List<Mailbox> guests = new ArrayList<>();
    private final List<Mailbox> devices = new ArrayList<>();
    private final List<Mailbox> processors = new ArrayList<>();
    private final List<Mailbox> wires = new ArrayList<>();
    private final Mailbox timer;
    private final Mailbox userspace;
    private long steps;

    private interface Machine {
        Machine step(Object message);
    }

    private static final class Mailbox {
        private Machine machine;
        private final Queue<Object> queue = new ArrayDeque<>();

        Mailbox(Machine machine) {
            this.machine = machine;
        }
    }

    TrialRun(Scenario scenario, long seed) {
        random = new Random(seed);
        mostSteps = scenario.limits().steps();
        int count = scenario.machine().vcpuCount();
        ApicIdentity[] identities = new ApicIdentity[count];
        for (int v = 0; v < count; v++) {
            identities[v] = scenario.lapic(v).identity();
            vcpus.add(new Mailbox(of(Vcpu.created(scenario.machine(), scenario.lapic(v), scenario.synic(v)))));
            wires.add(new Mailbox(of(Wire.to(v))));
            guests.add(new Mailbox(of(Guest.starting(scenario.software(v)))));
        }
        for (Peripheral p : scenario.devices()) {
            Device device = Device.off(devices.size(), p.gsi(), p.program());
            devices.add(new Mailbox(of(device.wiredTo(p.wiring()))));
        }
        for (int i = 0; i < scenario.machine().physicalCpus(); i++) {
            processors.add(new Mailbox(of(PhysicalCpu.idle(i))));
        }
        vm = new Mailbox(of(
                Vm.created(scenario.machine(), scenario.routing(), identities).with(Pit.of(scenario.pit()))));
        timer = new Mailbox(of(HostTimer.IDLE));
        userspace = new Mailbox(of(Userspace.of(scenario.machine(), UserspaceIoapic.of(scenario.ioapic()))));
        if (!scenario.machine().isSplit()) {
            send(vm, new Vm.SetIoapic(scenario.ioapic()));
            settle();
        }
        send(userspace, Userspace.Start.START);
        settle();
        send(vm, Vm.Audit.AUDIT);
        settle();
    }

    private Machine of(Vm at) {
        return message -> of(at.step((Vm.Message) message, this));
    }

    private Machine of(Vcpu at) {
        return message -> of(at.step((Vcpu.Message) message, this));
    }

    private Machine of(Guest at) {
        return message -> of(at.step((Guest.Message) message, this));
    }

    private Machine of(Device at) {
        return message -> of(at.step((Device.Message) message, this));
    }

    private Machine of(PhysicalCpu at) {
        return message -> of(at.step((PhysicalCpu.Message) message, this));
    }

    private Machine of(Wire at) {
        return message -> of(at.step((Wire.Message) message, this));
    }

    private Machine of(HostTimer at) {
        return message -> of(at.step((HostTimer.Message) message, this));
    }

    private Machine of(Userspace at) {
        return message -> of(at.step((Userspace.Message) message, this));
    }

    private void settle() {
        while (!ready.isEmpty()) {
            if (++steps > mostSteps) {
                throw new AssertionError("no end after " + mostSteps + " steps");
            }
            int at = random.nextInt(ready.size());
            Mailbox next = ready.get(at);
            Object message = next.queue.remove();
            if (next.queue.isEmpty()) {
                ready.set(at, ready.get(ready.size() - 1));
                ready.remove(ready.size() - 1);
            }
            next.machine = next.machine.step(message);
        }
    }

    private void send(Mailbox to, Object message) {
        if (to.queue.isEmpty()) {
            ready.add(to);
        }
        to.queue.add(message);
    }

    /** Bitmaps that are not what they should be, and pins that nobody will end. */
    Map<String, Integer> findings() {
        Map<String, Integer> findings = new TreeMap<>(counts);
        findings.keySet().removeIf(name -> !name.startsWith("finding "));
        return findings;
    }

    /** How many events of this type there were. */
    int count(String type) {
        return counts.getOrDefault(type, 0);
    }

    @Override
    public void emit(Event event) {
        counts.merge(event.getClass().getSimpleName(), 1, Integer::sum);
        if (event instanceof Event.LevelPinStuck stuck) {
            counts.merge("finding " + stuck, 1, Integer::sum);
        }
        if (event instanceof Event.EoiExitBitmapAudited audited && audited.verdict() == Event.BitmapVerdict.WRONG) {
            counts.merge("finding " + audited, 1, Integer::sum);
        }
    }

    @Override
    public void toVm(Vm.Message message) {
        send(vm, message);
    }

    @Override
    public void toVcpu(int index, Vcpu.Message message) {
        send(vcpus.get(index), message);
    }

    @Override
    public void toWire(int vcpu, Wire.Message message) {
        send(wires.get(vcpu), message);
    }

    @Override
    public void toGuest(int index, Guest.Message message) {
        send(guests.get(index), message);
    }

    @Override
    public void toDevice(int index, Device.Message message) {
        send(devices.get(index), message);
    }

    @Override
    public void toPhysicalCpu(int index, PhysicalCpu.Message message) {
        send(processors.get(index), message);
    }

    @Override
    public void toTimer(HostTimer.Message message) {
        send(timer, message);
    }

    @Override
    public void toUserspace(Userspace.Message message) {
        send(userspace, message);
    }

    @Override
    public void elapse(long nanos) {
        // The order of steps is all that counts here.
    }
}
