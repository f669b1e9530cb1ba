package org.vcpusim.kvm;

import org.vcpusim.arch.PinBasedControl;
import org.vcpusim.arch.PrimaryProcessorControl;
import org.vcpusim.arch.SecondaryProcessorControl;
import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.arch.Vmcs;
import org.vcpusim.arch.VmcsField;

/**
 * vmcs02, which KVM makes of vmcs01 and vmcs12 for L2, and what goes back into vmcs12 when L2 is left.
 *
 * <p>Source: {@code prepare_vmcs02_early}, {@code prepare_vmcs02}, {@code sync_vmcs02_to_vmcs12}, {@code prepare_vmcs12},
 * arch/x86/kvm/vmx/nested.c.
 */
final class NestedVmcs {
    private static final long APIC_CONTROLS = SecondaryProcessorControl.VIRTUALIZE_APIC_ACCESSES.mask()
            | SecondaryProcessorControl.VIRTUALIZE_X2APIC_MODE.mask()
            | SecondaryProcessorControl.APIC_REGISTER_VIRTUALIZATION.mask()
            | SecondaryProcessorControl.VIRTUAL_INTERRUPT_DELIVERY.mask();
    private static final VmcsField[] FROM_VMCS12 = {
        VmcsField.VIRTUAL_APIC_PAGE_ADDR,
        VmcsField.APIC_ACCESS_ADDR,
        VmcsField.POSTED_INTR_DESC_ADDR,
        VmcsField.GUEST_INTR_STATUS,
        VmcsField.TPR_THRESHOLD,
        VmcsField.VM_ENTRY_INTR_INFO_FIELD,
        VmcsField.EOI_EXIT_BITMAP0,
        VmcsField.EOI_EXIT_BITMAP1,
        VmcsField.EOI_EXIT_BITMAP2,
        VmcsField.EOI_EXIT_BITMAP3
    };

    private NestedVmcs() {}

    /**
     * vmcs02. KVM's own exits stay on; what virtualizes the local APIC comes from vmcs12 alone. L2's notifications have a host
     * vector of their own.
     */
    static Vmcs prepared(Vmcs vmcs01, Vmcs vmcs12) {
        Vmcs v = vmcs01.write(VmcsField.PIN_BASED_VM_EXEC_CONTROL, pinBased(vmcs01, vmcs12))
                .write(VmcsField.CPU_BASED_VM_EXEC_CONTROL, primary(vmcs01, vmcs12))
                .write(VmcsField.SECONDARY_VM_EXEC_CONTROL, secondary(vmcs01, vmcs12));
        for (VmcsField field : FROM_VMCS12) {
            v = v.write(field, vmcs12.read(field));
        }
        boolean posts = PinBasedControl.PROCESS_POSTED_INTERRUPTS.isSetIn(vmcs12);
        return posts ? v.write(VmcsField.POSTED_INTR_NV, Event.HostVector.POSTED_INTR_NESTED.number()) : v;
    }

    /** Tells of L1's VMRESUME, and of vmcs02 beside vmcs12. */
    static void reportPrepared(Vcpu v, Vmcs vmcs02, GuestLink l2, Port port) {
        Vmcs vmcs12 = v.nested().vmcs12();
        int status = (int) vmcs12.read(VmcsField.GUEST_INTR_STATUS);
        int event = (int) vmcs12.read(VmcsField.VM_ENTRY_INTR_INFO_FIELD);
        port.emit(new Event.NestedEntered(v.index(), v.guest().rip(), l2.rip(), status, event));
        port.emit(new Event.Vmcs02Prepared(
                v.index(),
                vmcs02.eoiExitBitmap(),
                vmcs12.eoiExitBitmap(),
                (int) vmcs02.read(VmcsField.GUEST_INTR_STATUS),
                status,
                (int) vmcs02.read(VmcsField.TPR_THRESHOLD),
                (int) vmcs12.read(VmcsField.TPR_THRESHOLD)));
    }

    private static long pinBased(Vmcs vmcs01, Vmcs vmcs12) {
        long own = vmcs01.read(VmcsField.PIN_BASED_VM_EXEC_CONTROL) & ~PinBasedControl.PROCESS_POSTED_INTERRUPTS.mask();
        return own | vmcs12.read(VmcsField.PIN_BASED_VM_EXEC_CONTROL);
    }

    private static long primary(Vmcs vmcs01, Vmcs vmcs12) {
        long own = vmcs01.read(VmcsField.CPU_BASED_VM_EXEC_CONTROL)
                & ~(PrimaryProcessorControl.INTERRUPT_WINDOW_EXITING.mask()
                        | PrimaryProcessorControl.USE_TPR_SHADOW.mask());
        boolean shadowed = PrimaryProcessorControl.USE_TPR_SHADOW.isSetIn(vmcs12);
        long cr8 = PrimaryProcessorControl.CR8_LOAD_EXITING.mask() | PrimaryProcessorControl.CR8_STORE_EXITING.mask();
        return own | vmcs12.read(VmcsField.CPU_BASED_VM_EXEC_CONTROL) | (shadowed ? 0 : cr8);
    }

    private static long secondary(Vmcs vmcs01, Vmcs vmcs12) {
        long own = vmcs01.read(VmcsField.SECONDARY_VM_EXEC_CONTROL) & ~APIC_CONTROLS;
        boolean activated = PrimaryProcessorControl.ACTIVATE_SECONDARY_CONTROLS.isSetIn(vmcs12);
        return activated ? own | vmcs12.read(VmcsField.SECONDARY_VM_EXEC_CONTROL) : own;
    }

    /** vmcs12 as L1 finds it after L2 was left for {@code exit}: the event to inject was injected. */
    static Vmcs synced(Vmcs vmcs12, Vmcs vmcs02, GuestExit exit) {
        return vmcs12.write(VmcsField.GUEST_INTR_STATUS, vmcs02.read(VmcsField.GUEST_INTR_STATUS))
                .write(VmcsField.VM_ENTRY_INTR_INFO_FIELD, 0)
                .write(VmcsField.VM_EXIT_REASON, exit.reason().number())
                .write(VmcsField.EXIT_QUALIFICATION, exit.qualification())
                .write(VmcsField.VM_EXIT_INTR_INFO, exit.interruptionInformation() & 0xffffffffL);
    }

    /** Whether vmcs02 still has vmcs12's EOI-exit bitmap, which KVM must never change. */
    static boolean hasBitmapOf(Vmcs vmcs02, Vmcs vmcs12) {
        VectorBitmap bitmap = vmcs12.eoiExitBitmap();
        return vmcs02.eoiExitBitmap().equals(bitmap);
    }
}
