package org.vcpusim.kvm;

import org.vcpusim.arch.PostedInterruptDescriptor;
import org.vcpusim.arch.VectorBitmap;

/**
 * How a vCPU's own thread takes what was posted: ON is cleared, and after a barrier PIR is moved to IRR.
 *
 * <pre>
 *   CPU 0, who posts                  CPU 1, the vCPU
 *   PIR[vector] = 1                   mode = IN_GUEST_MODE
 *   ON = 1                            barrier
 *   mode IN_GUEST? send the vector    ON? ON = 0, barrier, IRR |= PIR
 * </pre>
 *
 * <p>Source: {@code vmx_sync_pir_to_irr}, {@code vmx_set_rvi}, arch/x86/kvm/vmx/vmx.c; {@code kvm_apic_update_irr},
 * arch/x86/kvm/lapic.c.
 */
final class PostedInterrupts {
    private PostedInterrupts() {}

    /** Both halves at once, for a vCPU outside of the guest. */
    static Vcpu synced(Vcpu v, Port port) {
        return v.posting().isOutstanding() ? harvested(onCleared(v), port) : requested(v, false, port);
    }

    /** The first half, of a vCPU whose ON is set. */
    static Vcpu onCleared(Vcpu v) {
        return v.with(v.posting().with(v.posting().descriptor().clearOn()));
    }

    /** The second half: PIR goes to IRR. */
    static Vcpu harvested(Vcpu v, Port port) {
        PostedInterruptDescriptor.Taken taken = v.posting().descriptor().exchangePir();
        port.emit(new Event.PostedInterruptsSynced(v.index(), taken.taken(), Event.SyncedBy.KVM));
        VectorBitmap before = v.lapic().page().irr();
        Lapic lapic = v.machine().has(Fault.IRR_HINT_RECOMPUTED)
                ? v.lapic().requestedWithoutHint(taken.taken())
                : v.lapic().requested(taken.taken());
        int highest = lapic.page().irr().highest();
        boolean newly = highest >= 0 && !before.get(highest);
        Vcpu merged = v.with(v.posting().with(taken.next())).with(lapic);
        return requested(merged, newly, port);
    }

    /**
     * The processor delivers the highest request to L1 where APICv is active. Where it is not, or L2 runs, KVM has to inject it,
     * or to make L2 leave.
     */
    static Vcpu requested(Vcpu v, boolean newly, Port port) {
        if (v.apicvActive() && !v.nested().guestMode()) {
            return v.with(GuestInterruptStatus.withRvi(
                    v.vmcs(), v.lapic().page().irr().highest()));
        }
        boolean asks = newly && !v.machine().has(Fault.IRR_WITHOUT_EVENT);
        return asks ? v.make(VcpuRequest.EVENT, port) : v;
    }

    /** {@code vmx_apicv_pre_state_restore}: nothing that was posted survives a reset or new state from user space. */
    static Vcpu emptied(Vcpu v) {
        return v.with(v.posting().emptied());
    }

    /** {@code kvm_apic_set_state} and {@code kvm_lapic_reset} at their end: RVI and SVI follow the new IRR and ISR. */
    static Vcpu statusRestored(Vcpu v) {
        if (!v.apicvActive()) {
            return v;
        }
        int highest = v.lapic().page().irr().highest();
        Vcpu requested = v.nested().guestMode() ? v : v.with(GuestInterruptStatus.withRvi(v.vmcs(), highest));
        return VcpuApicv.withSvi(requested, v.lapic().highestIsr());
    }
}
