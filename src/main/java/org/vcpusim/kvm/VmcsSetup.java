package org.vcpusim.kvm;

import org.vcpusim.arch.PinBasedControl;
import org.vcpusim.arch.PrimaryProcessorControl;
import org.vcpusim.arch.SecondaryProcessorControl;
import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.arch.VmExitControl;
import org.vcpusim.arch.Vmcs;
import org.vcpusim.arch.VmcsField;

/**
 * How KVM sets a vCPU's VMCS up, and the writes it makes to it later.
 *
 * <p>Source: {@code init_vmcs}, {@code vmx_refresh_apicv_exec_ctrl}, {@code vmx_load_eoi_exitmap},
 * {@code vmx_set_virtual_apic_mode}, arch/x86/kvm/vmx/vmx.c.
 */
public final class VmcsSetup {
    /** Host vector of posted-interrupt notifications, POSTED_INTR_VECTOR. */
    public static final int POSTED_INTR_VECTOR = 0xf2;

    private static final long DESCRIPTORS_AT = 0x1_0000_0000L;
    private static final int DESCRIPTOR_BYTES = 64;
    private static final long REGISTER_PAGES_AT = 0x1_1000_0000L;
    private static final long APIC_ACCESS_PAGE = 0x1_2000_0000L;

    private VmcsSetup() {}

    /** When {@code init_vmcs} writes the fields that only APICv uses. */
    public enum Condition {
        /** APICv is active for this vCPU now; Linux up to 6.1, and the form this project was first described in. */
        VCPU_ACTIVE,
        /** The processor and the module could do it; APICv may become active without another reset. */
        ENABLED
    }

    static Vmcs initialised(Machine machine, int vcpu) {
        Vmcs vmcs = init(Vmcs.cleared(), vcpu, Condition.ENABLED, machine.apicvActive(), machine.apicvActive());
        return TaskPrioritySync.reset(machine, machine.apicvActive(), vmcs);
    }

    /**
     * {@code init_vmcs}: controls, and where {@code condition} holds the four EOI_EXIT_BITMAP fields, the guest interrupt
     * status and the posted-interrupt fields.
     */
    @SuppressWarnings("TooManyParameters") // what init_vmcs looks at
    static Vmcs init(Vmcs vmcs, int vcpu, Condition condition, boolean enabled, boolean active) {
        Vmcs v = vmcs.write(
                        VmcsField.PIN_BASED_VM_EXEC_CONTROL,
                        PinBasedControl.EXTERNAL_INTERRUPT_EXITING.mask()
                                | PinBasedControl.NMI_EXITING.mask()
                                | PinBasedControl.VIRTUAL_NMIS.mask())
                .write(
                        VmcsField.CPU_BASED_VM_EXEC_CONTROL,
                        PrimaryProcessorControl.HLT_EXITING.mask()
                                | PrimaryProcessorControl.USE_TPR_SHADOW.mask()
                                | PrimaryProcessorControl.ACTIVATE_SECONDARY_CONTROLS.mask())
                .write(VmcsField.SECONDARY_VM_EXEC_CONTROL, SecondaryProcessorControl.VIRTUALIZE_APIC_ACCESSES.mask())
                .write(VmcsField.VM_EXIT_CONTROLS, VmExitControl.ACKNOWLEDGE_INTERRUPT_ON_EXIT.mask())
                .write(VmcsField.VIRTUAL_APIC_PAGE_ADDR, REGISTER_PAGES_AT + (long) vcpu * Lapic.PAGE_BYTES)
                .write(VmcsField.TPR_THRESHOLD, 0);
        v = refreshed(v, active);
        boolean writes = condition == Condition.ENABLED ? enabled : active;
        if (!writes) {
            return v;
        }
        return loaded(v, VectorBitmap.EMPTY)
                .write(VmcsField.GUEST_INTR_STATUS, 0)
                .write(VmcsField.POSTED_INTR_NV, POSTED_INTR_VECTOR)
                .write(VmcsField.POSTED_INTR_DESC_ADDR, DESCRIPTORS_AT + (long) vcpu * DESCRIPTOR_BYTES);
    }

    /** With the controls that go with APICv, or without them. */
    static Vmcs refreshed(Vmcs vmcs, boolean apicvActive) {
        long posted = PinBasedControl.PROCESS_POSTED_INTERRUPTS.mask();
        long virtual = SecondaryProcessorControl.APIC_REGISTER_VIRTUALIZATION.mask()
                | SecondaryProcessorControl.VIRTUAL_INTERRUPT_DELIVERY.mask();
        return withBits(
                withBits(vmcs, VmcsField.PIN_BASED_VM_EXEC_CONTROL, posted, apicvActive),
                VmcsField.SECONDARY_VM_EXEC_CONTROL,
                virtual,
                apicvActive);
    }

    /** With the control that goes with the local APIC's mode; {@code vmx_set_virtual_apic_mode}. */
    static Vmcs withVirtualApicMode(Vmcs vmcs, ApicIdentity.ApicMode mode) {
        Vmcs accesses = withBits(
                vmcs,
                VmcsField.SECONDARY_VM_EXEC_CONTROL,
                SecondaryProcessorControl.VIRTUALIZE_APIC_ACCESSES.mask(),
                mode == ApicIdentity.ApicMode.XAPIC);
        return withBits(
                accesses,
                VmcsField.SECONDARY_VM_EXEC_CONTROL,
                SecondaryProcessorControl.VIRTUALIZE_X2APIC_MODE.mask(),
                mode == ApicIdentity.ApicMode.X2APIC);
    }

    /** With the address of the page that stands behind every vCPU's APIC page; {@code vmx_set_apic_access_page_addr}. */
    static Vmcs withApicAccessPage(Vmcs vmcs) {
        return vmcs.write(VmcsField.APIC_ACCESS_ADDR, APIC_ACCESS_PAGE);
    }

    static Vmcs withBits(Vmcs vmcs, VmcsField field, long mask, boolean set) {
        long now = vmcs.read(field);
        return vmcs.write(field, set ? now | mask : now & ~mask);
    }

    /** The four writes of a load, in order. */
    static Vmcs loaded(Vmcs vmcs, VectorBitmap bitmap) {
        Vmcs v = vmcs;
        for (int word = 0; word < VectorBitmap.WORDS; word++) {
            v = v.write(VmcsField.eoiExitBitmap(word), bitmap.word(word));
        }
        return v;
    }
}
