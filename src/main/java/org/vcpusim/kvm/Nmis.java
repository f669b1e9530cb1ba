package org.vcpusim.kvm;

/**
 * Non-maskable interrupts on their way into the guest.
 *
 * <p>Source: {@code nmi_queued}, {@code nmi_pending}, {@code nmi_injected} of {@code struct kvm_vcpu_arch}; the guest's NMI
 * blocking is the processor's, SDM "Non-Maskable Interrupt (NMI)".
 *
 * @param queued those that KVM_REQ_NMI has not collected
 * @param pending those to inject, 0 to 2
 * @param injected one is written to the VM-entry field
 * @param masked an NMI handler runs
 */
public record Nmis(int queued, int pending, boolean injected, boolean masked) {
    /** None, and no handler runs. */
    public static final Nmis NONE = new Nmis(0, 0, false, false);

    private static final int MOST = 2;

    Nmis withQueued() {
        return new Nmis(queued + 1, pending, injected, masked);
    }

    /** {@code process_nmi}: queued NMIs become pending, at most one more than the one being handled. */
    Nmis collected() {
        int limit = masked || injected ? 1 : MOST;
        return new Nmis(0, Math.min(limit, pending + queued), injected, masked);
    }

    Nmis takenForInjection() {
        return new Nmis(queued, pending - 1, true, masked);
    }

    /** The handler begins. */
    Nmis entered() {
        return new Nmis(queued, pending, false, true);
    }

    /** The handler has returned. */
    Nmis unmasked() {
        return new Nmis(queued, pending, injected, false);
    }
}
