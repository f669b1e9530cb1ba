package org.vcpusim.sim;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import org.vcpusim.kvm.Device;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.Guest;
import org.vcpusim.kvm.HostTimer;
import org.vcpusim.kvm.PhysicalCpu;
import org.vcpusim.kvm.Port;
import org.vcpusim.kvm.Userspace;
import org.vcpusim.kvm.Vcpu;
import org.vcpusim.kvm.Vm;
import org.vcpusim.kvm.Wire;

/** The state machines without actors: every message is handled in the order in which it was sent. */
final class CoreVectorHost implements VectorHost, Port {
    private static final long MOST_STEPS = 50_000_000;

    private final Deque<Runnable> mailbox = new ArrayDeque<>();
    private final List<Vcpu> vcpus;
    private final List<Guest> guests;
    private Vm vm;
    private HostTimer timer = HostTimer.DRIVEN;
    private List<Userspace.Message> told = new ArrayList<>();
    private List<Event> happened = new ArrayList<>();

    CoreVectorHost(Vm vm, List<Vcpu> vcpus, Guest.Software software) {
        this.vm = vm;
        this.vcpus = new ArrayList<>(vcpus);
        this.guests = new ArrayList<>(
                vcpus.stream().map(v -> Guest.starting(software)).toList());
    }

    @Override
    public void send(Vm.Message message) {
        toVm(message);
    }

    @Override
    public void send(int vcpu, Vcpu.Message message) {
        toVcpu(vcpu, message);
    }

    @Override
    public void load(int vcpu, Guest.Software software) {
        toGuest(vcpu, new Guest.Load(software));
    }

    @Override
    public void send(HostTimer.Message message) {
        toTimer(message);
    }

    @Override
    public void runUntilQuiescent() {
        for (long steps = 0; !mailbox.isEmpty(); steps++) {
            if (steps == MOST_STEPS) {
                throw new IllegalStateException("not quiescent after " + MOST_STEPS + " steps");
            }
            mailbox.remove().run();
        }
    }

    @Override
    public List<Userspace.Message> userspaceMessages() {
        List<Userspace.Message> taken = told;
        told = new ArrayList<>();
        return taken;
    }

    @Override
    public List<Event> events() {
        List<Event> taken = happened;
        happened = new ArrayList<>();
        return taken;
    }

    @Override
    public void close() {}

    @Override
    public void toVm(Vm.Message message) {
        mailbox.add(() -> vm = vm.step(message, this));
    }

    @Override
    public void toVcpu(int index, Vcpu.Message message) {
        mailbox.add(() -> vcpus.set(index, vcpus.get(index).step(message, this)));
    }

    @Override
    public void toWire(int vcpu, Wire.Message message) {
        message.arrive(vcpu, this);
    }

    @Override
    public void toGuest(int index, Guest.Message message) {
        mailbox.add(() -> guests.set(index, guests.get(index).step(message, this)));
    }

    @Override
    public void toDevice(int index, Device.Message message) {
        throw new IllegalStateException("a recorded machine has no devices: " + message);
    }

    @Override
    public void toPhysicalCpu(int index, PhysicalCpu.Message message) {
        throw new IllegalStateException("a recorded machine has no processors of its own: " + message);
    }

    @Override
    public void toTimer(HostTimer.Message message) {
        mailbox.add(() -> timer = timer.step(message, this));
    }

    @Override
    public void toUserspace(Userspace.Message message) {
        told.add(message);
    }

    @Override
    public void emit(Event event) {
        happened.add(event);
    }

    @Override
    public void elapse(long nanos) {}
}
