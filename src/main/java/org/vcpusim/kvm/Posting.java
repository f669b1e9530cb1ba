package org.vcpusim.kvm;

import org.vcpusim.arch.PostedInterruptDescriptor;
import org.vcpusim.arch.VectorBitmap;

/**
 * How interrupts are posted to a vCPU: its descriptor, and what its processor could not take yet.
 *
 * <p>The descriptor is memory that others share; each message that changes it is one locked operation. Source: the
 * {@code pi_desc} member of {@code struct vcpu_vmx}, arch/x86/kvm/vmx/vmx.h and posted_intr.c.
 *
 * @param descriptor PIR, ON, SN, NV and NDST
 * @param notified the notification vector has come while host interrupts were off
 * @param handlersDue vectors that devices want delivered from its processor, which came while host interrupts were off
 * @param assignment whether there are devices that may post, as its thread finds it: {@code kvm_arch_has_assigned_device}
 */
public record Posting(
        PostedInterruptDescriptor descriptor, boolean notified, VectorBitmap handlersDue, Vcpu.Assignment assignment) {
    /** After {@code vmx_vcpu_create}: notifications go to {@link VmcsSetup#POSTED_INTR_VECTOR}, and are suppressed until a load. */
    private static final Posting CREATED = new Posting(
            new PostedInterruptDescriptor(
                    PostedInterruptDescriptor.ZERO.pir(),
                    PostedInterruptDescriptor.ZERO
                            .control()
                            .withNv(VmcsSetup.POSTED_INTR_VECTOR)
                            .withSn()),
            false,
            VectorBitmap.EMPTY,
            Vcpu.Assignment.UNASSIGNED);

    /** The same in {@code machine}, to which devices may be assigned from the start. */
    static Posting created(Machine machine) {
        boolean assigned = machine.physicalCpus() > 0 && machine.hotplug().devices() == Hotplug.Assignment.FROM_START;
        return assigned ? CREATED.with(Vcpu.Assignment.ASSIGNED) : CREATED;
    }

    Posting with(Vcpu.Assignment other) {
        return new Posting(descriptor, notified, handlersDue, other);
    }

    boolean devicesMayPost() {
        return assignment == Vcpu.Assignment.ASSIGNED;
    }

    Posting with(PostedInterruptDescriptor other) {
        return new Posting(other, notified, handlersDue, assignment);
    }

    Posting withNotified(boolean now) {
        return now == notified ? this : new Posting(descriptor, now, handlersDue, assignment);
    }

    Posting withHandlerDue(int vector) {
        return new Posting(descriptor, notified, handlersDue.with(vector), assignment);
    }

    boolean hasHandlersDue() {
        return !handlersDue.isEmpty();
    }

    /** Host interrupts are on again: nothing is left to be taken. */
    Posting taken() {
        return notified || hasHandlersDue() ? new Posting(descriptor, false, VectorBitmap.EMPTY, assignment) : this;
    }

    /** Without anything posted: ON is cleared and PIR emptied; {@code vmx_apicv_pre_state_restore}. */
    Posting emptied() {
        return with(descriptor.clearOn().exchangePir().next());
    }

    /** Whether a notification was asked for and not yet served. */
    boolean isOutstanding() {
        return descriptor.control().on();
    }
}
