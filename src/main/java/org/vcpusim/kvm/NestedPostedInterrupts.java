package org.vcpusim.kvm;

import org.vcpusim.arch.LocalApic;
import org.vcpusim.arch.PostedInterruptDescriptor;
import org.vcpusim.arch.VirtualApic;
import org.vcpusim.arch.VirtualApicControls;
import org.vcpusim.arch.VmcsField;

/**
 * How L2 gets what L1 posts to it: from the processor where that runs L2 when the notification comes, else from KVM, which
 * moves the requests before it enters L2.
 *
 * <pre>
 *   CPU 0, L1's notification vector    CPU 1, the vCPU in L2
 *   note it, make KVM_REQ_EVENT        mode = IN_GUEST_MODE
 *   barrier                            barrier
 *   mode IN_GUEST? send 0xf0           any request? cancel, and take what was posted
 * </pre>
 *
 * <p>Source: {@code vmx_deliver_nested_posted_interrupt}, {@code vmx_has_nested_events}, arch/x86/kvm/vmx/vmx.c and nested.c;
 * {@code vmx_complete_nested_posted_interrupt}, {@code vmx_check_nested_events}, {@code nested_vmx_run}, nested.c.
 */
final class NestedPostedInterrupts {
    private static final int CLASS = 0xf0;

    private NestedPostedInterrupts() {}

    /** L1's vector has come for L2 instead of for L1's local APIC; KVM_REQ_EVENT is its sender's to make. */
    static Vcpu noted(Vcpu v, Port port) {
        port.emit(new Event.NestedNotificationNoted(v.index()));
        return withNoted(v, true);
    }

    private static Vcpu withNoted(Vcpu v, boolean now) {
        return v.with(v.nested().with(v.nested().posting().withNoted(now)));
    }

    private static Vcpu with(Vcpu v, PostedInterruptDescriptor other) {
        return v.with(v.nested().with(v.nested().posting().with(other)));
    }

    /** Some vCPU's L1 requests {@code vector} in the descriptor. */
    static Vcpu posted(Vcpu v, int vector, Port port) {
        port.emit(new Event.NestedInterruptPosted(v.index(), vector));
        return with(v, v.nested().posting().descriptor().testAndSetPir(vector).next());
    }

    /** Some vCPU's L1 sets ON in the descriptor. */
    static Vcpu onSet(Vcpu v) {
        return with(v, v.nested().posting().descriptor().setOn());
    }

    /**
     * The vector is requested in L1's local APIC, since it came before L2 ran; that is as good as for L2. L1's interrupts that
     * are more urgent come first.
     */
    static Vcpu redirected(Vcpu v, Port port) {
        NestedState n = v.nested();
        int vector = v.lapic().deliverable();
        if (vector < 0 || !n.isNotification(vector) || VcpuInjection.hasExtInt(v)) {
            return v;
        }
        port.emit(new Event.InterruptAcknowledged(v.index(), vector, false));
        return noted(v.with(v.lapic().withoutRequest(vector)), port);
    }

    /** KVM_REQ_EVENT in L2: what was noted is looked for, and is requested in L2's virtual local APIC. */
    static Vcpu completed(Vcpu v, Port port) {
        if (!v.nested().posting().noted()) {
            return v;
        }
        Vcpu looked = withNoted(v, false);
        if (!looked.nested().posting().isOutstanding()) {
            return looked;
        }
        PostedInterruptDescriptor.Taken taken = taken(looked, Event.SyncedBy.KVM, port);
        VirtualApic apic = VirtualApic.of(looked.nested().apic().page(), looked.vmcs());
        return NestedExecution.with(with(looked, taken.next()), requested(apic, taken));
    }

    /** L1 takes what was posted before it runs L2. */
    static Vcpu takenByL1(Vcpu v, Port port) {
        if (!v.nested().posting().isOutstanding()) {
            return v;
        }
        PostedInterruptDescriptor.Taken taken = taken(v, Event.SyncedBy.L1, port);
        NestedState n = v.nested();
        VirtualApic apic = requested(VirtualApic.of(n.apic().page(), n.vmcs12()), taken);
        return with(v.with(n.with(apic).withField(VmcsField.GUEST_INTR_STATUS, apic.guestIntrStatus())), taken.next());
    }

    private static PostedInterruptDescriptor.Taken taken(Vcpu v, Event.SyncedBy by, Port port) {
        PostedInterruptDescriptor.Taken taken =
                v.nested().posting().descriptor().clearOn().exchangePir();
        port.emit(new Event.NestedInterruptsSynced(v.index(), by, taken.taken()));
        return taken;
    }

    private static VirtualApic requested(VirtualApic apic, PostedInterruptDescriptor.Taken taken) {
        LocalApic page = apic.page().withIrr(apic.page().irr().or(taken.taken()));
        return new VirtualApic(page, Math.max(apic.rvi(), taken.taken().highest()), apic.svi(), apic.recognized());
    }

    /** The host's vector for L2's notifications: for the processor in L2, for nobody elsewhere. */
    static Vcpu arrived(Vcpu v, Port port) {
        if (v.phase().interruptsOff()) {
            return withNotified(v, true);
        }
        if (v.phase() != EntryPhase.IN_GUEST) {
            return v;
        }
        Vcpu taken = processed(v, port);
        if (taken.phase() != EntryPhase.IN_GUEST) {
            return taken;
        }
        Vcpu delivered = GuestApic.delivered(taken, port);
        return delivered == taken ? taken : VcpuRun.resume(delivered, port);
    }

    /** The processor in the guest takes what was posted to L2, or leaves L1 for a vector of the host. */
    static Vcpu processed(Vcpu unasked, Port port) {
        Vcpu v = withNotified(unasked, false);
        VirtualApicControls controls = v.vmcs().virtualApicControls();
        if (!v.nested().guestMode() || !controls.notifies(Event.HostVector.POSTED_INTR_NESTED.number())) {
            return VcpuRemote.externalInterrupt(v, Event.HostVector.POSTED_INTR_NESTED, port);
        }
        PostedInterruptDescriptor.Taken taken = taken(v, Event.SyncedBy.PROCESSOR, port);
        VirtualApic apic = v.nested().apic().postedInterruptsProcessed(taken.taken(), controls);
        return NestedExecution.with(with(v, taken.next()), apic);
    }

    private static Vcpu withNotified(Vcpu v, boolean now) {
        NestedPosting posting = v.nested().posting();
        return posting.notified() == now ? v : v.with(v.nested().with(posting.withNotified(now)));
    }

    /** Host interrupts are on again, outside of the guest: the vector is nobody's. */
    static Vcpu forgotten(Vcpu v) {
        return withNotified(v, false);
    }

    /** L2 is entered. */
    static void reportLoaded(Vcpu v, Port port) {
        NestedPosting posting = v.nested().posting();
        if (v.nested().takesPosted() && posting.isOutstanding()) {
            port.emit(new Event.NestedPostingLoaded(
                    v.index(), posting.noted(), posting.descriptor().pir()));
        }
    }

    /** Whether L2, which sleeps, has an interrupt to take: one requested, or one that KVM has noted. */
    static boolean wakes(Vcpu v) {
        NestedState n = v.nested();
        if (!n.guestMode()
                || !v.vmcs().virtualApicControls().has(VirtualApicControls.Control.VIRTUAL_INTERRUPT_DELIVERY)
                || !v.guest().interruptible()) {
            return false;
        }
        return (highest(v) & CLASS) > (n.apic().page().withPprUpdated().ppr() & CLASS);
    }

    /** The highest vector that L2 would take, 0 for none. */
    static int highest(Vcpu v) {
        NestedState n = v.nested();
        NestedPosting posting = n.posting();
        boolean posted = posting.noted() && posting.isOutstanding();
        return posted
                ? Math.max(n.apic().rvi(), posting.descriptor().pir().highest())
                : n.apic().rvi();
    }
}
