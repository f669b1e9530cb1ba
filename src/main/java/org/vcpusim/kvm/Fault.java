package org.vcpusim.kvm;

import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A step of KVM's protocol done wrong on purpose, so that one can see what it is there for.
 *
 * <p>Most are what Linux did before a {@link Fix}; a rule asks {@link Machine#has} at the very place. Some kernels had the
 * fault for a while only: it came with one release and went with another.
 */
public enum Fault {
    /** A scan forgets an edge pin's vector that is still pending here but whose entry leads elsewhere by now. */
    SCAN_FORGETS_PENDING_EDGE("scan-forgets-pending-edge", "scan.includePendingEdge", "", "4.4"),
    /** A scan does not take what was posted before it looks for pending vectors. */
    SCAN_WITHOUT_SYNC("scan-without-posted-sync", "scan.syncPirFirst", "", "4.4"),
    /** The same as {@link #SCAN_FORGETS_PENDING_EDGE} for a level pin. */
    SCAN_FORGETS_PENDING_LEVEL("scan-forgets-pending-level", "scan.includePendingLevel", "", "4.15"),
    /** The same for the routes of a split irqchip. */
    ROUTE_SCAN_FORGETS_PENDING("route-scan-forgets-pending", "splitScan.includePending", "", "6.2"),
    /** An EOI of a vector that is handled only because it was pending is not followed by a scan. */
    NO_RESCAN_AFTER_STALE_EOI("no-rescan-after-stale-eoi", "eoi.rescanStale", "4.4", "6.16"),
    /** The load of a scan made in L2 writes vmcs02 at once. */
    NESTED_LOAD_INTO_VMCS02("nested-load-into-vmcs02", "nested.deferLoad", "", "4.17"),
    /** Without a Hyper-V context the load writes an uninitialised array. */
    UNINITIALISED_BITMAP("uninitialised-bitmap", "load.initialise", "5.12", "5.16"),
    /** The set of vCPUs to scan begins with garbage, so that vCPUs are asked whom the entry is not about. */
    SCAN_MASK_NOT_ZEROED("scan-mask-not-zeroed", "scanMask.zero", "5.5", "5.5"),
    /** Where the slow path looks for the vCPUs to scan, the delivery mode stands where the shorthand should. */
    SCAN_MASK_BY_DELIVERY_MODE("scan-mask-by-delivery-mode", "scanMask.shorthandArg", "5.5", "5.6"),
    /** The redirection hint is garbage where the vCPUs to scan are looked for: one of several is chosen. */
    SCAN_MASK_WITH_GARBAGE_HINT("scan-mask-with-garbage-hint", "scanMask.redirHintGarbage", "5.5", "5.6"),
    /** The set of vCPUs to scan has room for 64 vCPUs; the others are not asked. */
    SCAN_MASK_OF_ONE_WORD("scan-mask-of-one-word", "scanMask.width", "5.5", "5.15"),
    /** A redirection-entry write looks for the old destination in the new destination mode. */
    OLD_TARGETS_BY_NEW_MODE("old-targets-by-new-destination-mode", "scanMask.oldDestMode", "5.5", "7.0"),
    /** A source's bit of a line changes before the lock is taken under which its pin is set. */
    LINE_STATE_OUTSIDE_LOCK("line-state-outside-lock", "line.atomicWithService", "", "3.7"),
    /** An EOI ends the first pin that has the vector, and no other. */
    EOI_ENDS_FIRST_PIN_ONLY("eoi-ends-first-pin-only", "eoi.allMatchingPins", "", "2.6.23"),
    /** A guest's write of an entry replaces remote IRR and delivery status too. */
    READ_ONLY_BITS_WRITTEN("read-only-bits-written", "rte.preserveRO", "", "4.15"),
    /** Remote IRR stays set when an entry becomes edge-triggered. */
    REMOTE_IRR_KEPT_ON_EDGE("remote-irr-kept-on-edge", "rte.clearRirrOnEdge", "", "4.15"),
    /** An EOI whose broadcast is suppressed does not reach the ack notifiers. */
    NO_NOTIFIERS_WHEN_SUPPRESSED("no-ack-notifiers-when-eoi-suppressed", "eoi.notifyWhenDirected", "", "4.1"),
    /** The suppression of EOI broadcasts is offered although the IOAPIC in the kernel has no EOI register. */
    EOI_SUPPRESSION_MISADVERTISED("eoi-suppression-misadvertised", "seoib.mode", "", "4.17"),
    /** With the IOAPIC in user space the suppression of EOI broadcasts is offered and does nothing, whatever user space says. */
    EOI_SUPPRESSION_UNRELIABLE("eoi-suppression-unreliable", "seoib.mode", "4.4", "7.0"),
    /** A line that stays high interrupts again at each EOI, without pause. */
    NO_STORM_DELAY("no-storm-delay", "eoi.stormDelay", "", "3.18"),
    /** A change of a level line calls the ack notifiers, which change the line. */
    LAZY_EOI_OF_LEVEL("lazy-eoi-of-level", "lazyEoi.levelToo", "5.6", "5.7"),
    /** The RTC counts -1 EOIs to come where nobody took its interrupt. */
    RTC_COUNTS_NO_DESTINATION("rtc-counts-no-destination", "rtc.clampNegative", "", "3.15"),
    /** An EOI is the RTC's if its vector is the one that the entry has now. */
    RTC_EOI_BY_CURRENT_VECTOR("rtc-eoi-by-current-vector", "rtc.matchRecordedVector", "", "4.6"),
    /** Unmasking a pin interrupts at once although its resampler would say that the line is low. */
    UNMASK_WITHOUT_RESAMPLE("unmask-without-resample", "unmask.resample", "", "6.4"),
    /** KVM_SET_IRQCHIP restores pending lines and does not interrupt for them. */
    RESTORE_WITHOUT_REINJECT("restore-without-reinject", "restore.reinject", "", "3.15"),
    /** KVM_GET_IRQCHIP reports edges as pending that were delivered already. */
    RESTORE_DUPLICATES_DELIVERED("restore-duplicates-delivered", "restore.excludeDelivered", "", "3.15"),
    /** KVM_CREATE_IRQCHIP is allowed when there are vCPUs, which then lack a local APIC. */
    IRQCHIP_AFTER_VCPU("irqchip-after-vcpu", "create.enforceOrder", "", "3.4"),
    /** A scan uses the IOAPIC and the local APIC without a look whether they exist. */
    SCAN_WITHOUT_PRESENCE_CHECKS("scan-without-presence-checks", "scan.presenceChecks", "4.5", "4.20"),
    /** The vCPU enters the guest without looking at its requests and its mode again after IN_GUEST_MODE. */
    NO_RECHECK("no-recheck-after-in-guest-mode", "entry.recheckRequests", "", "2.6.26"),
    /** A requester that kicks leaves the mode as it is, so that the next one kicks again. */
    NO_EXITING_STATE("no-exiting-guest-mode", "mode.exitingState", "", "2.6.39"),
    /** No barrier between a request and the look at the mode: the request is visible later. */
    MODE_READ_BEFORE_REQUEST("mode-read-before-request-is-visible", "req.barrierBeforeModeRead", "", "2.6.39"),
    /** A requester looks at the target's mode, and sends its IPI, before it sets the request bit. */
    KICK_BEFORE_REQUEST("kick-before-request", "", "", ""),
    /** No barrier between what a request is about and the request: who sees the request may see the old data. */
    REQUEST_BEFORE_PAYLOAD("request-visible-before-payload", "req.payloadBarrier", "", "4.6"),
    /** A request bit is cleared after the request was handled instead of before. */
    CLEAR_AFTER_HANDLING("clear-request-after-handling", "req.clearFirst", "", ""),
    /** A request to several vCPUs does not wake those that sleep. */
    BROADCAST_WITHOUT_WAKE("broadcast-without-wake", "bcast.wake", "", "4.13"),
    /** Who makes a request with WAIT sends IPIs only to vCPUs in guest mode, and does not wait for them. */
    BROADCAST_WITHOUT_WAIT("broadcast-without-wait", "bcast.wait", "", "4.13"),
    /** An interrupt set in IRR is followed by a kick without KVM_REQ_EVENT. */
    KICK_WITHOUT_REQUEST("kick-without-request", "irq.useRequestWithKick", "", "4.13"),
    /** An abandoned entry that was to leave at once is not followed by KVM_REQ_EVENT. */
    CANCEL_FORGETS_EVENT("cancel-forgets-event", "cancel.rearmEvent", "", "5.8"),
    /** What was posted moves to IRR, and KVM_REQ_EVENT is not made although APICv is inactive. */
    IRR_WITHOUT_EVENT("irr-without-event", "irr.raiseEvent", "", "4.4"),
    /** Who takes an interrupt from IRR drops the hint that there is one after having looked, not before. */
    IRR_ACK_ORDER("irr-hint-cleared-last", "irr.ackOrder", "", "3.19"),
    /** Who sets a bit of IRR raises the hint that there is one before, not after. */
    IRR_SEND_ORDER("irr-hint-set-first", "irr.sendOrder", "", "3.19"),
    /** When APICv goes the hint that IRR has a bit is what IRR says then, and what was posted does not raise it. */
    IRR_HINT_RECOMPUTED("irr-hint-recomputed", "apicv.irrPendingRule", "", "5.17"),
    /** New state from user space leaves the hint that IRR has a bit as it is. */
    IRR_HINT_UNTOUCHED("irr-hint-untouched", "apicv.irrPendingRule", "5.17", "6.13"),
    /** ON is not set anew after SN was cleared. */
    NO_ON_RECOMPUTE("no-outstanding-after-suppression", "pi.recomputeOn", "", "5.0"),
    /** Without APICv what was posted is not looked for before an entry. */
    NO_SYNC_WHEN_INACTIVE("no-posted-sync-without-apicv", "pi.syncWhenInactive", "", "5.16"),
    /** A new vCPU takes the VM's inhibits as they are at its creation, and is not asked to look again. */
    CREATE_WITHOUT_APICV_UPDATE("create-without-apicv-update", "create.pendApicvUpdate", "", "5.18"),
    /** Who posts to a vCPU does not wake it while its thread runs. */
    NO_WAKE_OF_SELF("no-wake-of-running-vcpu", "pi.wakeSelf", "", "5.16"),
    /** No barrier between KVM_REQ_EVENT and the look at the mode where an interrupt is posted to L2. */
    NESTED_POST_WITHOUT_BARRIER("nested-post-without-barrier", "nestedPi.fullBarrier", "", "5.17"),
    /** The first assigned device does not wake vCPUs that sleep without the wake-up vector. */
    ASSIGN_WITHOUT_UNBLOCK("assign-without-unblock", "pi.unblockOnAssign", "", "5.13"),
    /** A vCPU that slept when the last device was unassigned stays on the list of sleepers. */
    WAKEUP_LIST_ADDED_TWICE("wakeup-list-added-twice", "pi.listDiscipline", "", "4.14"),
    /** What was posted before KVM_SET_LAPIC is still there after it. */
    PIR_SURVIVES_RESTORE("pir-survives-restore", "setLapic.clearPirAt", "", "4.8"),
    /** KVM_SET_LAPIC forgets what was posted while it ran. */
    PIR_CLEARED_AFTER_RESTORE("pir-cleared-after-restore", "setLapic.clearPirAt", "4.8", "6.7"),
    /** The cache of the highest vector in service survives that APICv comes and goes. */
    ISR_CACHE_SURVIVES_APICV("isr-cache-survives-apicv", "apicv.purgeIsrCache", "", "6.3"),
    /** SVI is not written when APICv comes, so that the processor ends another vector. */
    NO_SVI_ON_ACTIVATION("no-svi-on-activation", "apicv.writeSvi", "", "6.19"),
    /** Leaving L2 asks for the refresh of vmcs01's APICv controls, which then finds nothing changed. */
    NESTED_REFRESH_BY_REQUEST("nested-refresh-by-request", "nested.refreshDirect", "5.18", "6.19"),
    /** SVI of a vector that is ended in L2 is written to vmcs02 instead of, later, to vmcs01. */
    NESTED_SVI_TO_VMCS02("nested-svi-to-vmcs02", "nested.deferSvi", "", "6.13"),
    /** A changed set of inhibits is stored without the lock, and told to the vCPUs afterwards. */
    INHIBIT_STORED_BEFORE_BROADCAST("inhibit-stored-before-broadcast", "inhibit.order", "", "5.15"),
    /** An EOI in software under APICv leaves SVI as it is. */
    SOFTWARE_EOI_WITHOUT_SVI("software-eoi-without-svi", "softEoi.writeSvi", "", "3.16"),
    /** What was posted is looked for before the mode becomes IN_GUEST_MODE instead of after. */
    PI_SYNC_BEFORE_MODE("posted-sync-before-in-guest-mode", "pi.syncAfterMode", "", "4.11"),
    /** KVM_REQ_IOAPIC_EOI_EXIT is checked after the scan, which may have dropped the vector whose EOI it is about. */
    EOI_EXIT_AFTER_SCAN("ioapic-eoi-exit-after-scan", "order.eoiExitBeforeScan", "", "");

    private final String key;
    private final String toggle;

    @SuppressWarnings("ImmutableEnumChecker") // a record of numbers
    private final @Nullable KernelVersion introduced;

    @SuppressWarnings("ImmutableEnumChecker") // a record of numbers
    private final @Nullable KernelVersion fixed;

    Fault(String key, String toggle, String introduced, String fixed) {
        this.key = key;
        this.toggle = toggle;
        this.introduced = introduced.isEmpty() ? null : KernelVersion.parse(introduced);
        this.fixed = fixed.isEmpty() ? null : KernelVersion.parse(fixed);
    }

    /** The name in scenario files. */
    public String key() {
        return key;
    }

    /** The rule that is broken, as a dotted name; empty where it has none. */
    public String toggle() {
        return toggle;
    }

    /** The release that brought it; empty where it is as old as the code around it. */
    public Optional<KernelVersion> introduced() {
        return Optional.ofNullable(introduced);
    }

    /** The first release without it; empty where no release of Linux is known to have had it. */
    public Optional<KernelVersion> fixed() {
        return Optional.ofNullable(fixed);
    }

    /** Whether {@code kernel} had it: it was there already, and not fixed yet. */
    public boolean isIn(KernelVersion kernel) {
        boolean there = introduced == null || introduced.compareTo(kernel) <= 0;
        return fixed != null && there && kernel.compareTo(fixed) < 0;
    }
}
