package org.vcpusim.kvm;

import org.vcpusim.arch.PrimaryProcessorControl;
import org.vcpusim.arch.Vmcs;
import org.vcpusim.arch.VmcsField;
import org.vcpusim.kvm.Machine.TaskPriority;

/**
 * How KVM learns that the guest has changed its task priority, and what of it survives the guest's run.
 *
 * <p>Source: {@code update_cr8_intercept}, arch/x86/kvm/x86.c; {@code vmx_update_cr8_intercept}, arch/x86/kvm/vmx/vmx.c; for
 * the other vendor {@code init_vmcb}, {@code svm_update_cr8_intercept} and {@code sync_cr8_to_lapic}, arch/x86/kvm/svm/svm.c.
 */
final class TaskPrioritySync {
    private static final int CLASS_SHIFT = 4;
    private static final int CLASS_MASK = 0xf0;

    private TaskPrioritySync() {}

    /** At RESET and INIT: writes of CR8 are intercepted until the first look at what is requested; {@code init_vmcb}. */
    static Vmcs reset(Machine machine, boolean apicvActive, Vmcs vmcs) {
        return machine.tpr() == TaskPriority.VIRTUAL_CR8 && !apicvActive
                ? VmcsSetup.withBits(
                        vmcs,
                        VmcsField.CPU_BASED_VM_EXEC_CONTROL,
                        PrimaryProcessorControl.CR8_LOAD_EXITING.mask(),
                        true)
                : vmcs;
    }

    /**
     * Before an entry after KVM_REQ_EVENT: the priority below which a requested interrupt becomes deliverable. With APICv
     * active the processor looks at it itself.
     */
    static Vcpu updateIntercept(Vcpu v) {
        if (!v.lapic().enabled() || v.apicvActive()) {
            return v;
        }
        int requested = v.lapic().page().irr().highest() >> CLASS_SHIFT;
        int priority = v.lapic().page().tpr() >> CLASS_SHIFT;
        boolean held = requested >= 0 && priority >= requested;
        if (v.machine().tpr() == TaskPriority.VIRTUAL_CR8) {
            long intercept = PrimaryProcessorControl.CR8_LOAD_EXITING.mask();
            return v.with(VmcsSetup.withBits(v.vmcs(), VmcsField.CPU_BASED_VM_EXEC_CONTROL, intercept, held));
        }
        return NestedCatchUp.writeTprThreshold(v, held ? requested : 0);
    }

    /** After an exit: a processor that keeps CR8's four bits hands back only those, unless writes of CR8 are intercepted. */
    static Vcpu fromProcessor(Vcpu v, Port port) {
        int tpr = v.lapic().page().tpr();
        boolean lost = v.machine().tpr() == TaskPriority.VIRTUAL_CR8
                && !v.apicvActive()
                && !PrimaryProcessorControl.CR8_LOAD_EXITING.isSetIn(v.vmcs())
                && (tpr & CLASS_MASK) != tpr;
        if (!lost) {
            return v;
        }
        Vcpu synced = v.with(v.lapic().withTpr(tpr & CLASS_MASK));
        GuestApic.reportPriority(v, synced.lapic().page(), port);
        return synced.lapic().deliverable() >= 0 ? synced.make(VcpuRequest.EVENT, port) : synced;
    }
}
