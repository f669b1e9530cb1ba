package org.vcpusim.kvm;

/**
 * A system-management interrupt on its way into the guest; {@code smi_pending} of {@code struct kvm_vcpu_arch}.
 *
 * @param queued KVM_REQ_SMI has not collected it
 * @param pending it is to be taken
 */
public record Smis(boolean queued, boolean pending) {
    /** None. */
    public static final Smis NONE = new Smis(false, false);

    Smis withQueued() {
        return new Smis(true, pending);
    }

    /** {@code process_smi}. */
    Smis collected() {
        return new Smis(false, pending || queued);
    }

    Smis taken() {
        return new Smis(queued, false);
    }
}
