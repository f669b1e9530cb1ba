package org.vcpusim.kvm;

/** A step of the protocol done wrong on purpose, so that one can see what it is there for. */
public enum Fault {
    /** The vCPU enters the guest without looking at its requests and its mode again after IN_GUEST_MODE. */
    NO_RECHECK("no-recheck-after-in-guest-mode"),
    /** A requester looks at the target's mode, and sends its IPI, before it sets the request bit. */
    KICK_BEFORE_REQUEST("kick-before-request"),
    /** A request bit is cleared after the request was handled instead of before. */
    CLEAR_AFTER_HANDLING("clear-request-after-handling"),
    /** Without a Hyper-V context the load writes an uninitialised array, as Linux 5.12 to 5.15 did. */
    UNINITIALISED_BITMAP("uninitialised-bitmap"),
    /** The load of a scan made in L2 writes vmcs02 at once, as before Linux 4.17. */
    NESTED_LOAD_INTO_VMCS02("nested-load-into-vmcs02"),
    /** Leaving L2 asks for the refresh of vmcs01's APICv controls, which then finds nothing changed; before Linux 6.19. */
    NESTED_REFRESH_BY_REQUEST("nested-refresh-by-request"),
    /** SVI of a vector that is ended in L2 is written to vmcs02 instead of, later, to vmcs01; before Linux 6.13. */
    NESTED_SVI_TO_VMCS02("nested-svi-to-vmcs02"),
    /** A redirection-entry write looks for the old destination in the new destination mode, as Linux did until 2026. */
    OLD_TARGETS_BY_NEW_MODE("old-targets-by-new-destination-mode"),
    /** An EOI of a vector that is handled only because it was pending is not followed by a scan, as before Linux 6.16. */
    NO_RESCAN_AFTER_STALE_EOI("no-rescan-after-stale-eoi"),
    /** KVM_REQ_IOAPIC_EOI_EXIT is checked after the scan, which may have dropped the vector whose EOI it is about. */
    EOI_EXIT_AFTER_SCAN("ioapic-eoi-exit-after-scan"),
    /** What was posted is looked for before the mode becomes IN_GUEST_MODE instead of after. */
    PI_SYNC_BEFORE_MODE("posted-sync-before-in-guest-mode"),
    /** Who posts to a vCPU does not wake it while its thread runs, as Linux did until 5.16 where it ran on that CPU. */
    NO_WAKE_OF_SELF("no-wake-of-running-vcpu"),
    /** ON is not set anew after SN was cleared, as Linux did until 2019. */
    NO_ON_RECOMPUTE("no-outstanding-after-suppression"),
    /** Without APICv what was posted is not looked for before an entry, as Linux did until 5.16. */
    NO_SYNC_WHEN_INACTIVE("no-posted-sync-without-apicv");

    private final String key;

    Fault(String key) {
        this.key = key;
    }

    /** The name in scenario files. */
    public String key() {
        return key;
    }
}
