package org.vcpusim.kvm;

/**
 * A device is assigned to the VM or taken from it, which decides whether a vCPU that sleeps waits for the wake-up vector.
 *
 * <pre>
 *   CPU 0, user space                 CPU 1, a vCPU
 *                                     no device is assigned: sleeps with the notification vector
 *   the first device is assigned
 *   KVM_REQ_UNBLOCK to all            wakes, finds nothing, sleeps with the wake-up vector
 *   the device posts                  is woken
 * </pre>
 *
 * <p>Source: {@code kvm_arch_start_assignment}, {@code kvm_arch_end_assignment}, arch/x86/kvm/x86.c; {@code
 * vmx_pi_start_assignment}, arch/x86/kvm/vmx/posted_intr.c.
 */
final class AssignmentSteps {
    private AssignmentSteps() {}

    /** One device more, or one less. */
    record Change(Vcpu.Assignment change) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            int before = vm.assignedDevices();
            int after = before + (change == Vcpu.Assignment.ASSIGNED ? 1 : -1);
            Vm counted = vm.withAssignedDevices(after);
            if (before > 0 == after > 0) {
                return counted;
            }
            boolean unblocks = after > 0 && !vm.machine().has(Fault.ASSIGN_WITHOUT_UNBLOCK);
            Show show = new Show(change, 0);
            return counted.with(unblocks ? task.push(show, unblock(vm)) : task.push(show));
        }
    }

    private static VmStep unblock(Vm vm) {
        return new RequestSteps.Broadcast(
                new RequestSteps.Request(VcpuRequest.UNBLOCK, 0), vm.apics().online());
    }

    /** vCPU {@code position} of those there are finds the changed count, then those after it. */
    private record Show(Vcpu.Assignment change, int position) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            port.toVcpu(position, change);
            boolean last = position + 1 == vm.machine().vcpuCount();
            return last ? vm : vm.with(task.push(new Show(change, position + 1)));
        }
    }
}
