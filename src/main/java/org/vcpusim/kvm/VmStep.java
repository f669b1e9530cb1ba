package org.vcpusim.kvm;

/**
 * One step of a task of the VM: at most one operation on another CPU.
 *
 * <p>Steps are values, so that the state of a VM in the middle of its work is one too.
 */
interface VmStep {
    /**
     * Does the step for the task {@code task}, which has already been taken off this step.
     *
     * @return the VM afterwards; what it waits for and what is left to do are in the task
     */
    Vm run(Vm vm, VmTask task, Port port);
}
