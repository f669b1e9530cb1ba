package org.vcpusim.kvm;

import org.vcpusim.arch.PostedInterruptDescriptor;

/**
 * How interrupts are posted to L2, and what KVM has to do about it.
 *
 * <p>Source: {@code pi_desc} and {@code pi_pending}, {@code struct nested_vmx}, arch/x86/kvm/vmx/vmx.h.
 *
 * @param descriptor what vmcs12 points at: L1's memory, which all its vCPUs write
 * @param noted L1's notification vector has come for L2, and KVM has not looked into the descriptor since
 * @param notified the host's vector for L2's notifications has come while host interrupts were off
 */
public record NestedPosting(PostedInterruptDescriptor descriptor, boolean noted, boolean notified) {
    /** Nothing is posted. */
    static final NestedPosting NONE = new NestedPosting(PostedInterruptDescriptor.ZERO, false, false);

    NestedPosting with(PostedInterruptDescriptor other) {
        return new NestedPosting(other, noted, notified);
    }

    NestedPosting withNoted(boolean now) {
        return now == noted ? this : new NestedPosting(descriptor, now, notified);
    }

    NestedPosting withNotified(boolean now) {
        return now == notified ? this : new NestedPosting(descriptor, noted, now);
    }

    /** Whether L1 asked for a notification that nobody has served. */
    boolean isOutstanding() {
        return descriptor.control().on();
    }
}
