package org.vcpusim.kvm;

import java.util.Arrays;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A step of KVM's protocol done wrong on purpose, so that one can see what it is there for.
 *
 * <p>Most are what Linux did before a {@link Fix}; a rule asks {@link Machine#has} at the very place. Some kernels had the
 * fault for a while only: it came with one release and went with another.
 *
 * <p>Each constant has its name in scenario files, its {@link #act}, its {@link #toggle}, and the releases between which it was.
 */
public enum Fault {
    SCAN_FORGETS_PENDING_EDGE(
            "scan-forgets-pending-edge",
            "vcpu_scan_ioapic: an edge vector that is still pending here, and whose entry leads elsewhere by now, is left out",
            "scan.includePendingEdge",
            "",
            "4.4"),
    SCAN_WITHOUT_SYNC(
            "scan-without-posted-sync",
            "vcpu_scan_ioapic: what is posted is not taken before pending vectors are looked for",
            "scan.syncPirFirst",
            "",
            "4.4"),
    SCAN_FORGETS_PENDING_LEVEL(
            "scan-forgets-pending-level",
            "vcpu_scan_ioapic: a level vector that is still pending here, and whose entry leads elsewhere by now, is left out",
            "scan.includePendingLevel",
            "",
            "4.15"),
    ROUTE_SCAN_FORGETS_PENDING(
            "route-scan-forgets-pending",
            "kvm_scan_ioapic_routes: a vector that is still pending here, and whose route leads elsewhere by now, is left out",
            "splitScan.includePending",
            "",
            "6.2"),
    NO_RESCAN_AFTER_STALE_EOI(
            "no-rescan-after-stale-eoi",
            "kvm_ioapic_send_eoi: no scan is asked for after the EOI of a vector that was kept only because it was pending",
            "eoi.rescanStale",
            "4.4",
            "6.16"),
    NESTED_LOAD_INTO_VMCS02(
            "nested-load-into-vmcs02",
            "vcpu_load_eoi_exitmap: L2 runs, and its VMCS is written at once",
            "nested.deferLoad",
            "",
            "4.17"),
    UNINITIALISED_BITMAP(
            "uninitialised-bitmap",
            "vcpu_load_eoi_exitmap: without a Hyper-V context an array is loaded that nobody has initialised",
            "load.initialise",
            "5.12",
            "5.16"),
    SCAN_MASK_NOT_ZEROED(
            "scan-mask-not-zeroed",
            "kvm_make_scan_ioapic_request_mask: the set of vCPUs begins with garbage, and others are asked too",
            "scanMask.zero",
            "5.5",
            "5.5"),
    SCAN_MASK_BY_DELIVERY_MODE(
            "scan-mask-by-delivery-mode",
            "kvm_bitmap_or_dest_vcpus: the delivery mode stands where the shorthand should",
            "scanMask.shorthandArg",
            "5.5",
            "5.6"),
    SCAN_MASK_WITH_GARBAGE_HINT(
            "scan-mask-with-garbage-hint",
            "kvm_bitmap_or_dest_vcpus: the redirection hint is garbage, and only one of several destinations is asked",
            "scanMask.redirHintGarbage",
            "5.5",
            "5.6"),
    SCAN_MASK_OF_ONE_WORD(
            "scan-mask-of-one-word",
            "ioapic_write_indirect: the set of vCPUs to ask has room for 64, and the others are not asked",
            "scanMask.width",
            "5.5",
            "5.15"),
    OLD_TARGETS_BY_NEW_MODE(
            "old-targets-by-new-destination-mode",
            "ioapic_write_indirect: the old destination is looked for in the new destination mode",
            "scanMask.oldDestMode",
            "5.5",
            "7.0"),
    LINE_STATE_OUTSIDE_LOCK(
            "line-state-outside-lock",
            "kvm_irq_line_state: the bit of a source changes before the lock is taken under which the pin follows",
            "line.atomicWithService",
            "",
            "3.7"),
    EOI_ENDS_FIRST_PIN_ONLY(
            "eoi-ends-first-pin-only",
            "kvm_ioapic_update_eoi: the first pin that has the vector is ended, and no other",
            "eoi.allMatchingPins",
            "",
            "2.6.23"),
    READ_ONLY_BITS_WRITTEN(
            "read-only-bits-written",
            "ioapic_write_indirect: the guest's value replaces remote IRR and delivery status too",
            "rte.preserveRO",
            "",
            "4.15"),
    REMOTE_IRR_KEPT_ON_EDGE(
            "remote-irr-kept-on-edge",
            "ioapic_write_indirect: remote IRR stays set in an entry that becomes edge-triggered",
            "rte.clearRirrOnEdge",
            "",
            "4.15"),
    NO_NOTIFIERS_WHEN_SUPPRESSED(
            "no-ack-notifiers-when-eoi-suppressed",
            "kvm_ioapic_update_eoi_one: broadcasts are suppressed, and the ack notifiers are not told",
            "eoi.notifyWhenDirected",
            "",
            "4.1"),
    EOI_SUPPRESSION_MISADVERTISED(
            "eoi-suppression-misadvertised",
            "kvm_apic_set_version: the suppression of EOI broadcasts is offered, though the IOAPIC has no EOI register",
            "seoib.mode",
            "",
            "4.17"),
    EOI_SUPPRESSION_UNRELIABLE(
            "eoi-suppression-unreliable",
            "kvm_apic_set_version: the suppression of EOI broadcasts is offered, and EOIs go to user space's IOAPIC all the same",
            "seoib.mode",
            "4.4",
            "7.0"),
    NO_STORM_DELAY(
            "no-storm-delay",
            "kvm_ioapic_update_eoi_one: the line is still high, and interrupts again without a pause",
            "eoi.stormDelay",
            "",
            "3.18"),
    LAZY_EOI_OF_LEVEL(
            "lazy-eoi-of-level",
            "ioapic_set_irq: a change of a level line calls the ack notifiers, which change the line",
            "lazyEoi.levelToo",
            "5.6",
            "5.7"),
    RTC_COUNTS_NO_DESTINATION(
            "rtc-counts-no-destination",
            "ioapic_service: nobody takes the interrupt of the RTC, and -1 EOIs are waited for",
            "rtc.clampNegative",
            "",
            "3.15"),
    RTC_EOI_BY_CURRENT_VECTOR(
            "rtc-eoi-by-current-vector",
            "rtc_irq_eoi: the EOI counts as the RTC's by the vector that the entry has now",
            "rtc.matchRecordedVector",
            "",
            "4.6"),
    UNMASK_WITHOUT_RESAMPLE(
            "unmask-without-resample",
            "ioapic_write_indirect: unmasking interrupts for the line as it was, and its resampler is not asked",
            "unmask.resample",
            "",
            "6.4"),
    RESTORE_WITHOUT_REINJECT(
            "restore-without-reinject",
            "kvm_set_ioapic: lines that are pending are restored, and do not interrupt",
            "restore.reinject",
            "",
            "3.15"),
    RESTORE_DUPLICATES_DELIVERED(
            "restore-duplicates-delivered",
            "kvm_get_ioapic: an edge that was delivered already is reported as pending",
            "restore.excludeDelivered",
            "",
            "3.15"),
    IRQCHIP_AFTER_VCPU(
            "irqchip-after-vcpu",
            "kvm_arch_vm_ioctl: the interrupt controllers are created after a vCPU, which then lacks a local APIC",
            "create.enforceOrder",
            "",
            "3.4"),
    SCAN_WITHOUT_PRESENCE_CHECKS(
            "scan-without-presence-checks",
            "vcpu_scan_ioapic: nobody looks whether there is an IOAPIC and a local APIC",
            "scan.presenceChecks",
            "4.5",
            "4.20"),
    NO_RECHECK(
            "no-recheck-after-in-guest-mode",
            "vcpu_enter_guest: requests and mode are not looked at again behind IN_GUEST_MODE",
            "entry.recheckRequests",
            "",
            "2.6.26"),
    NO_EXITING_STATE(
            "no-exiting-guest-mode",
            "kvm_vcpu_kick: the mode stays IN_GUEST_MODE, and whoever comes next kicks again",
            "mode.exitingState",
            "",
            "2.6.39"),
    MODE_READ_BEFORE_REQUEST(
            "mode-read-before-request-is-visible",
            "kvm_make_request: no barrier behind it, the mode is read before others see the request",
            "req.barrierBeforeModeRead",
            "",
            "2.6.39"),
    KICK_BEFORE_REQUEST(
            "kick-before-request",
            "kvm_make_all_cpus_request: the mode is read, and the IPI sent, before the request is made",
            "",
            "",
            ""),
    REQUEST_BEFORE_PAYLOAD(
            "request-visible-before-payload",
            "kvm_make_request: no barrier before it, others see the request before what it is about",
            "req.payloadBarrier",
            "",
            "4.6"),
    CLEAR_AFTER_HANDLING(
            "clear-request-after-handling",
            "kvm_check_request: the request stays set while it is handled, and is cleared then",
            "req.clearFirst",
            "",
            ""),
    BROADCAST_WITHOUT_WAKE(
            "broadcast-without-wake",
            "kvm_make_all_cpus_request: a vCPU that sleeps is not woken",
            "bcast.wake",
            "",
            "4.13"),
    BROADCAST_WITHOUT_WAIT(
            "broadcast-without-wait",
            "kvm_make_all_cpus_request: nobody waits until the IPIs are handled",
            "bcast.wait",
            "",
            "4.13"),
    KICK_WITHOUT_REQUEST(
            "kick-without-request",
            "__apic_accept_irq: the vCPU is kicked, and KVM_REQ_EVENT is not made",
            "irq.useRequestWithKick",
            "",
            ""),
    CANCEL_FORGETS_EVENT(
            "cancel-forgets-event",
            "vcpu_enter_guest: an entry that was to leave at once is abandoned, and KVM_REQ_EVENT is not made",
            "cancel.rearmEvent",
            "",
            "5.8"),
    IRR_WITHOUT_EVENT(
            "irr-without-event",
            "vmx_sync_pir_to_irr: what was posted moves to IRR, and KVM_REQ_EVENT is not made",
            "irr.raiseEvent",
            "",
            "4.4"),
    IRR_ACK_ORDER(
            "irr-hint-cleared-last",
            "apic_clear_irr: irr_pending is dropped after the look at what is left in IRR, not before",
            "irr.ackOrder",
            "",
            "3.19"),
    IRR_SEND_ORDER(
            "irr-hint-set-first",
            "kvm_lapic_set_irr: irr_pending is raised before the bit of IRR, not after",
            "irr.sendOrder",
            "",
            "3.19"),
    IRR_HINT_RECOMPUTED(
            "irr-hint-recomputed",
            "kvm_apic_update_apicv: irr_pending becomes what IRR says now, and what was posted does not raise it",
            "apicv.irrPendingRule",
            "",
            "5.17"),
    IRR_HINT_UNTOUCHED(
            "irr-hint-untouched",
            "kvm_apic_set_state: irr_pending stays as it was before the new state",
            "apicv.irrPendingRule",
            "5.17",
            "6.13"),
    NO_ON_RECOMPUTE(
            "no-outstanding-after-suppression",
            "vmx_vcpu_pi_load: SN is cleared, and ON is not set for what is in PIR",
            "pi.recomputeOn",
            "",
            "5.0"),
    NO_SYNC_WHEN_INACTIVE(
            "no-posted-sync-without-apicv",
            "vcpu_enter_guest: APICv is inactive, and what is posted is not looked for",
            "pi.syncWhenInactive",
            "",
            "5.16"),
    CREATE_WITHOUT_APICV_UPDATE(
            "create-without-apicv-update",
            "kvm_create_lapic: the new vCPU takes the VM's inhibits as they are, and is not asked to look again",
            "create.pendApicvUpdate",
            "",
            "5.18"),
    NO_WAKE_OF_SELF(
            "no-wake-of-running-vcpu",
            "vmx_deliver_posted_interrupt: the thread of the vCPU runs, and is not woken",
            "pi.wakeSelf",
            "",
            "5.16"),
    NESTED_POST_WITHOUT_BARRIER(
            "nested-post-without-barrier",
            "vmx_deliver_nested_posted_interrupt: no barrier behind KVM_REQ_EVENT, the mode is read before others see it",
            "nestedPi.fullBarrier",
            "",
            "5.17"),
    ASSIGN_WITHOUT_UNBLOCK(
            "assign-without-unblock",
            "vmx_pi_start_assignment: vCPUs that sleep without the wake-up vector are not made to look",
            "pi.unblockOnAssign",
            "",
            "5.13"),
    WAKEUP_LIST_ADDED_TWICE(
            "wakeup-list-added-twice",
            "vmx_vcpu_pi_put: a vCPU that is still on the list of sleepers is added again",
            "pi.listDiscipline",
            "",
            "4.14"),
    PIR_SURVIVES_RESTORE(
            "pir-survives-restore",
            "kvm_apic_set_state: what was posted before stays posted",
            "setLapic.clearPirAt",
            "",
            "4.8"),
    PIR_CLEARED_AFTER_RESTORE(
            "pir-cleared-after-restore",
            "vmx_apicv_post_state_restore: PIR is emptied, and with it what came during the restore",
            "setLapic.clearPirAt",
            "4.8",
            "6.7"),
    ISR_CACHE_SURVIVES_APICV(
            "isr-cache-survives-apicv",
            "kvm_apic_update_apicv: highest_isr_cache stays as it was",
            "apicv.purgeIsrCache",
            "",
            "6.3"),
    NO_SVI_ON_ACTIVATION(
            "no-svi-on-activation",
            "__kvm_vcpu_update_apicv: SVI stays as it was when APICv went",
            "apicv.writeSvi",
            "",
            "6.19"),
    NESTED_REFRESH_BY_REQUEST(
            "nested-refresh-by-request",
            "__nested_vmx_vmexit: vmcs01's controls are left to APICV_UPDATE, which finds nothing changed",
            "nested.refreshDirect",
            "5.18",
            "6.19"),
    NESTED_SVI_TO_VMCS02(
            "nested-svi-to-vmcs02",
            "vmx_hwapic_isr_update: L2 runs, and SVI is written to its VMCS instead of vmcs01",
            "nested.deferSvi",
            "",
            "6.13"),
    INHIBIT_STORED_BEFORE_BROADCAST(
            "inhibit-stored-before-broadcast",
            "__kvm_set_or_clear_apicv_inhibit: the inhibits are stored without the lock, and the vCPUs are told later",
            "inhibit.order",
            "",
            "5.15"),
    SOFTWARE_EOI_WITHOUT_SVI(
            "software-eoi-without-svi",
            "apic_clear_isr: an EOI in software leaves SVI as it is",
            "softEoi.writeSvi",
            "",
            "3.16"),
    PI_SYNC_BEFORE_MODE(
            "posted-sync-before-in-guest-mode",
            "vcpu_enter_guest: what is posted was looked for before IN_GUEST_MODE, and is not looked for behind it",
            "pi.syncAfterMode",
            "",
            "4.11"),
    EOI_EXIT_AFTER_SCAN(
            "ioapic-eoi-exit-after-scan",
            "vcpu_enter_guest: IOAPIC_EOI_EXIT is checked after the scan, which may have dropped its vector",
            "order.eoiExitBeforeScan",
            "",
            "");

    private final String key;
    private final String act;
    private final String toggle;

    @SuppressWarnings("ImmutableEnumChecker") // a record of numbers
    private final @Nullable KernelVersion introduced;

    @SuppressWarnings("ImmutableEnumChecker") // a record of numbers
    private final @Nullable KernelVersion fixed;

    Fault(String key, String act, String toggle, String introduced, String fixed) {
        this.key = key;
        this.act = act;
        this.toggle = toggle;
        this.introduced = introduced.isEmpty() ? null : KernelVersion.parse(introduced);
        this.fixed = fixed.isEmpty() ? null : KernelVersion.parse(fixed);
    }

    /** The name in scenario files, on the command line and in tokens. */
    public String key() {
        return key;
    }

    /** What a kernel with it does: its function, a colon, and the act, or what it leaves out. */
    public String act() {
        return act;
    }

    /** The one whose {@link #key} is {@code key}, in any case. */
    public static Optional<Fault> of(String key) {
        return Arrays.stream(values())
                .filter(fault -> fault.key.equalsIgnoreCase(key))
                .findFirst();
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
