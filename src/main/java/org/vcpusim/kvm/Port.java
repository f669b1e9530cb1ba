package org.vcpusim.kvm;

/**
 * Where a state machine writes what has to happen outside it; nothing can be read from it.
 *
 * <p>An executor gives each machine a port. Messages to one receiver arrive in the order in which one sender sent them;
 * between two messages every other machine may run.
 */
public interface Port {
    /** Sends to the VM. */
    void toVm(Vm.Message message);

    /** Sends to vCPU {@code index}, 0 to vcpuCount - 1. */
    void toVcpu(int index, Vcpu.Message message);

    /** Sends to vCPU {@code vcpu} what takes its time to get there. */
    void toWire(int vcpu, Wire.Message message);

    /** Sends to the guest software of vCPU {@code index}. */
    void toGuest(int index, Guest.Message message);

    /** Sends to device {@code index}. */
    void toDevice(int index, Device.Message message);

    /** Sends to processor {@code index} of the host, 0 to physicalCpus - 1. */
    void toPhysicalCpu(int index, PhysicalCpu.Message message);

    /** Sends to the host's timer. */
    void toTimer(HostTimer.Message message);

    /** Sends to the VMM process in user space. */
    void toUserspace(Userspace.Message message);

    /** Records that {@code event} happened. */
    void emit(Event event);

    /** Lets {@code nanos} of virtual time pass, above what a step costs anyway. */
    void elapse(long nanos);
}
