package org.vcpusim.kvm;

import org.vcpusim.arch.LocalApic;
import org.vcpusim.arch.VirtualApic;
import org.vcpusim.arch.VmcsField;

/**
 * VMX instructions of a guest that is a hypervisor.
 *
 * <p>Source: {@code handle_vmwrite}, {@code handle_vmresume}, arch/x86/kvm/vmx/nested.c. There is one vmcs12 a vCPU and no
 * shadow VMCS: each VMWRITE exits.
 */
final class VmxInstructions {
    private static final int RVI_MASK = 0xff;

    private VmxInstructions() {}

    static Vcpu emulate(Vcpu v, GuestAction action, Port port) {
        if (action == GuestAction.PlainVmx.VMRESUME) {
            return NestedEntry.enter(v, port);
        }
        if (action instanceof GuestAction.Vmwrite w) {
            return VcpuExits.completed(v.with(v.nested().withField(w.field(), w.value())), port);
        }
        if (action instanceof GuestAction.RequestNested r) {
            return VcpuExits.completed(v.with(requested(v.nested(), r.vector())), port);
        }
        if (action == GuestAction.PlainVmx.TAKE_POSTED) {
            return VcpuExits.completed(NestedPostedInterrupts.takenByL1(v, port), port);
        }
        return VcpuExits.completed(v, port);
    }

    /** L1 sets the vector in the page, and RVI where that is lower. */
    private static NestedState requested(NestedState n, int vector) {
        VirtualApic apic = n.apic();
        LocalApic page = apic.page().withIrr(apic.page().irr().with(vector));
        long status = n.vmcs12().read(VmcsField.GUEST_INTR_STATUS);
        long rvi = Math.max(status & RVI_MASK, vector);
        return n.with(new VirtualApic(page, (int) rvi, apic.svi(), false))
                .withField(VmcsField.GUEST_INTR_STATUS, status & ~RVI_MASK | rvi);
    }
}
