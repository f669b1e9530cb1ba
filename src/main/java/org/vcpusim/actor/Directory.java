package org.vcpusim.actor;

import java.util.List;
import org.apache.pekko.actor.typed.ActorRef;
import org.vcpusim.kvm.Device;
import org.vcpusim.kvm.Guest;
import org.vcpusim.kvm.HostTimer;
import org.vcpusim.kvm.PhysicalCpu;
import org.vcpusim.kvm.Userspace;
import org.vcpusim.kvm.Vcpu;
import org.vcpusim.kvm.Vm;
import org.vcpusim.kvm.Wire;

/**
 * Who is who in one simulated machine. The place of each is its position among the components in the order of the parts
 * here.
 *
 * @param vm the VM
 * @param userspace the VMM process
 * @param timer the host's timer
 * @param vcpus by index
 * @param guests by the index of their vCPU
 * @param devices by index
 * @param physicalCpus by index
 * @param wires by the index of their vCPU; empty where everything goes straight to the vCPUs
 */
public record Directory(
        ActorRef<Vm.Message> vm,
        ActorRef<Userspace.Message> userspace,
        ActorRef<HostTimer.Message> timer,
        List<ActorRef<Vcpu.Message>> vcpus,
        List<ActorRef<Guest.Message>> guests,
        List<ActorRef<Device.Message>> devices,
        List<ActorRef<PhysicalCpu.Message>> physicalCpus,
        List<ActorRef<Wire.Message>> wires) {
    public Directory {
        vcpus = List.copyOf(vcpus);
        guests = List.copyOf(guests);
        devices = List.copyOf(devices);
        physicalCpus = List.copyOf(physicalCpus);
        wires = List.copyOf(wires);
    }

    static final int VM = 0;
    static final int USERSPACE = 1;
    static final int TIMER = 2;
    private static final int VCPUS = 3;

    int placeOfVcpu(int index) {
        return VCPUS + index;
    }

    int placeOfGuest(int index) {
        return VCPUS + vcpus.size() + index;
    }

    int placeOfDevice(int index) {
        return placeOfGuest(guests.size()) + index;
    }

    int placeOfPhysicalCpu(int index) {
        return placeOfDevice(devices.size()) + index;
    }

    int placeOfWire(int index) {
        return placeOfPhysicalCpu(physicalCpus.size()) + index;
    }
}
