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
 * Who is who in one simulated machine.
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
}
