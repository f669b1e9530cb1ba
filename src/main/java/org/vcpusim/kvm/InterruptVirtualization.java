package org.vcpusim.kvm;

import org.vcpusim.arch.VirtualApic;
import org.vcpusim.arch.VirtualApicControls;

/**
 * What a processor keeps outside the virtual-APIC page while the guest runs with virtual-interrupt delivery.
 *
 * <p>RVI and SVI are the guest interrupt status, loaded from the VMCS at VM entry and stored there at VM exit. Source: SDM
 * volume 3, "Guest Interrupt Status" and "Evaluation of Pending Virtual Interrupts".
 *
 * @param controls the controls of this entry; nobody can change them before the exit
 * @param rvi requesting virtual interrupt
 * @param svi servicing virtual interrupt
 * @param recognized a pending virtual interrupt is recognized
 */
record InterruptVirtualization(VirtualApicControls controls, int rvi, int svi, boolean recognized) {
    InterruptVirtualization after(VirtualApic apic) {
        boolean same = rvi == apic.rvi() && svi == apic.svi() && recognized == apic.recognized();
        return same ? this : new InterruptVirtualization(controls, apic.rvi(), apic.svi(), apic.recognized());
    }
}
