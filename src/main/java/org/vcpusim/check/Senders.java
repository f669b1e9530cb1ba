package org.vcpusim.check;

import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.VcpuRequest;

/**
 * Those who are busy requesting vectors in the IRR of one vCPU without APICv: the bit, the hint that IRR has one, and
 * KVM_REQ_EVENT, in this order.
 *
 * <p>Source: {@code __apic_accept_irq}, {@code kvm_lapic_set_irr}, arch/x86/kvm/lapic.c.
 */
final class Senders {
    /** The bit is set, the hint not raised. */
    private VectorBitmap beforeHint = VectorBitmap.EMPTY;
    /** The hint is raised, and KVM_REQ_EVENT not made. */
    private VectorBitmap beforeRequest = VectorBitmap.EMPTY;

    /** Whether somebody is about to raise the hint for a vector. */
    boolean isHintDue() {
        return !beforeHint.isEmpty();
    }

    /** Whether somebody is about to make KVM_REQ_EVENT for {@code vector}. */
    boolean isRequestDue(int vector) {
        return beforeHint.get(vector) || beforeRequest.get(vector);
    }

    void requested(Event.InterruptRequested requested) {
        if (requested.by() == Event.SyncedBy.KVM) {
            beforeHint = beforeHint.with(requested.vector());
        }
    }

    void raised(Event.IrrPendingRaised raised) {
        if (beforeHint.get(raised.vector())) {
            beforeHint = beforeHint.without(raised.vector());
            beforeRequest = beforeRequest.with(raised.vector());
        }
    }

    /** Whoever makes it makes the vCPU look for all of them. */
    void made(VcpuRequest request) {
        if (request == VcpuRequest.EVENT && !beforeRequest.isEmpty()) {
            beforeRequest = VectorBitmap.EMPTY;
        }
    }
}
