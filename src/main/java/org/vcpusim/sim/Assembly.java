package org.vcpusim.sim;

import java.util.function.Consumer;
import java.util.function.IntFunction;
import java.util.function.Supplier;
import org.vcpusim.kvm.Device;
import org.vcpusim.kvm.Guest;
import org.vcpusim.kvm.HostTimer;
import org.vcpusim.kvm.Machine;
import org.vcpusim.kvm.Userspace;
import org.vcpusim.kvm.Vcpu;
import org.vcpusim.kvm.Vm;

/**
 * The parts of a machine before it starts. Each part is made when its actor is, so that a large machine exists once.
 *
 * @param machine how many of each there are, and the rules
 * @param vm the VM
 * @param vcpu vCPU by index
 * @param guest the software of a vCPU by index
 * @param device device by index
 * @param deviceName what a device is called in logs, by index
 * @param outside the machine's surroundings
 */
public record Assembly(
        Machine machine,
        Supplier<Vm> vm,
        IntFunction<Vcpu> vcpu,
        IntFunction<Guest> guest,
        IntFunction<Device> device,
        IntFunction<String> deviceName,
        Outside outside) {

    /**
     * What is around a machine.
     *
     * @param userspace the VMM process
     * @param timer the host's timer
     * @param listener is shown what user space is told, on the actor's thread
     */
    public record Outside(Userspace userspace, HostTimer timer, Consumer<Userspace.Message> listener) {
        /** A VMM and a timer that go on by themselves, and nobody who listens. */
        public static Outside of(Machine machine) {
            return new Outside(Userspace.of(machine), HostTimer.IDLE, message -> {});
        }

        /** A VMM and a timer that are driven from outside. */
        public static Outside driven(Machine machine, Consumer<Userspace.Message> listener) {
            return new Outside(Userspace.driven(machine), HostTimer.DRIVEN, listener);
        }
    }

    /** A machine without devices that nobody listens to. */
    public static Assembly of(Machine machine, Supplier<Vm> vm, IntFunction<Vcpu> vcpu, IntFunction<Guest> guest) {
        return new Assembly(
                machine,
                vm,
                vcpu,
                guest,
                index -> {
                    throw new IndexOutOfBoundsException("device = " + index + ": there are none");
                },
                Integer::toString,
                Outside.of(machine));
    }

    /** This machine with devices. */
    public Assembly withDevices(IntFunction<Device> devices, IntFunction<String> names) {
        return new Assembly(machine, vm, vcpu, guest, devices, names, outside);
    }

    /** This machine with other surroundings. */
    public Assembly with(Outside other) {
        return new Assembly(machine, vm, vcpu, guest, device, deviceName, other);
    }

    /** This machine with a listener. */
    public Assembly withListener(Consumer<Userspace.Message> listener) {
        return with(new Outside(outside.userspace, outside.timer, listener));
    }
}
