package org.vcpusim.kvm;

import org.vcpusim.arch.Vmcs;
import org.vcpusim.arch.VmcsField;

/**
 * What KVM writes to the guest interrupt status: RVI, the vector that the processor takes to be requested, in bits 7:0, and
 * SVI, the one it takes to be in service, in bits 15:8.
 *
 * <p>Source: {@code vmx_hwapic_isr_update}, arch/x86/kvm/vmx/vmx.c; SDM volume 3, "Guest Non-Register State".
 */
final class GuestInterruptStatus {
    private static final int SVI_SHIFT = 8;
    private static final long BYTE = 0xff;

    private GuestInterruptStatus() {}

    static int svi(Vmcs vmcs) {
        return (int) (vmcs.read(VmcsField.GUEST_INTR_STATUS) >> SVI_SHIFT & BYTE);
    }

    /** With RVI for {@code highestRequested}, where -1 is none, which RVI says with 0; {@code vmx_set_rvi}. */
    static Vmcs withRvi(Vmcs vmcs, int highestRequested) {
        long rvi = Math.max(highestRequested, 0);
        long status = vmcs.read(VmcsField.GUEST_INTR_STATUS);
        return vmcs.write(VmcsField.GUEST_INTR_STATUS, status & ~BYTE | rvi);
    }

    /** With SVI for {@code highestInService}, where -1 is none, which SVI says with 0. */
    static Vmcs withSvi(Vmcs vmcs, int highestInService) {
        long svi = Math.max(highestInService, 0);
        long rvi = vmcs.read(VmcsField.GUEST_INTR_STATUS) & BYTE;
        return vmcs.write(VmcsField.GUEST_INTR_STATUS, svi << SVI_SHIFT | rvi);
    }
}
