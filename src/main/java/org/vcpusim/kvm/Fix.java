package org.vcpusim.kvm;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * A historical fix of Linux KVM in this area: what it repaired, and what breaks without it.
 *
 * <p>Leaving a fix out of a machine switches on its {@link #faults}. B27B and B30 are rules of the protocol's design and no
 * commits; B30 was broken by arm64 alone, until 325f9c649c8a of 2017. Commits are those of Linux's main repository; empty where only the title is known.
 */
public enum Fix {
    /** A vCPU keeps an edge vector in its bitmap while that is pending, though its entry leads elsewhere. */
    B01(
            "A vCPU keeps an edge vector in its bitmap while that is pending, though its entry leads elsewhere",
            "I3 L2",
            repair(Fault.SCAN_FORGETS_PENDING_EDGE, "db2bdcbbbd32", 2015),
            repair(Fault.SCAN_WITHOUT_SYNC, "db2bdcbbbd32", 2015)),
    /** A vCPU keeps a level vector in its bitmap while that is pending, though its entry leads elsewhere. */
    B02(
            "A vCPU keeps a level vector in its bitmap while that is pending, though its entry leads elsewhere",
            "I3 I7 L1",
            repair(Fault.SCAN_FORGETS_PENDING_LEVEL, "0fc5a36dd6b3", 2017)),
    /** A vCPU keeps a pending vector in its bitmap when user space's IOAPIC routes it elsewhere. */
    B03(
            "A vCPU keeps a pending vector in its bitmap when user space's IOAPIC routes it elsewhere",
            "I3 I7",
            repair(Fault.ROUTE_SCAN_FORGETS_PENDING, "fceb3a36c29a", 2022)),
    /** The EOI of a vector that was kept only because it was pending asks for a new scan. */
    B04(
            "The EOI of a vector that was kept only because it was pending asks for a new scan",
            "I5",
            repair(Fault.NO_RESCAN_AFTER_STALE_EOI, "", 2025)),
    /** The EOI-exit bitmap is not loaded while L2 runs. */
    B05(
            "The EOI-exit bitmap is not loaded while L2 runs",
            "I11 I1 I7",
            repair(Fault.NESTED_LOAD_INTO_VMCS02, "e40ff1d6608d", 2018)),
    /** Without a Hyper-V context the handled vectors themselves are loaded, not an uninitialised array. */
    B06(
            "Without a Hyper-V context the handled vectors themselves are loaded, not an uninitialised array",
            "I1 I7",
            repair(Fault.UNINITIALISED_BITMAP, "c5adbb3af051", 2021)),
    /** The set of vCPUs to scan begins empty. */
    B07("The set of vCPUs to scan begins empty", "M1", repair(Fault.SCAN_MASK_NOT_ZEROED, "9a2ae9f6b6bb", 2019)),
    /** The set of vCPUs to scan is looked for without a shorthand. */
    B08(
            "The set of vCPUs to scan is looked for without a shorthand",
            "",
            repair(Fault.SCAN_MASK_BY_DELIVERY_MODE, "b4b2963616bb", 2020)),
    /** The set of vCPUs to scan is looked for without a redirection hint. */
    B09(
            "The set of vCPUs to scan is looked for without a redirection hint",
            "I3",
            repair(Fault.SCAN_MASK_WITH_GARBAGE_HINT, "", 2020)),
    /** The set of vCPUs to scan has room for all of them. */
    B10("The set of vCPUs to scan has room for all of them", "I3", repair(Fault.SCAN_MASK_OF_ONE_WORD, "", 2021)),
    /** The old destination is looked for in the old destination mode. */
    B11(
            "The old destination is looked for in the old destination mode",
            "I5",
            repair(Fault.OLD_TARGETS_BY_NEW_MODE, "555aa0e83b16", 2026)),
    /** A source's bit and its pin change under one lock. */
    B12(
            "A source's bit and its pin change under one lock",
            "I8 L1",
            repair(Fault.LINE_STATE_OUTSIDE_LOCK, "1a577b72475d", 2012)),
    /** An EOI ends every pin that has the vector. */
    B13(
            "An EOI ends every pin that has the vector",
            "I7 E1",
            repair(Fault.EOI_ENDS_FIRST_PIN_ONLY, "4fa6b9c5dc41", 2007)),
    /** A guest's write of an entry keeps its read-only bits. */
    B14(
            "A guest's write of an entry keeps its read-only bits",
            "I6 I7",
            repair(Fault.READ_ONLY_BITS_WRITTEN, "", 2017)),
    /** An entry that becomes edge-triggered loses remote IRR. */
    B15(
            "An entry that becomes edge-triggered loses remote IRR",
            "I6 I7 L1",
            repair(Fault.REMOTE_IRR_KEPT_ON_EDGE, "", 2017)),
    /** Ack notifiers hear of an EOI whose broadcast is suppressed. */
    B16(
            "Ack notifiers hear of an EOI whose broadcast is suppressed",
            "L2",
            repair(Fault.NO_NOTIFIERS_WHEN_SUPPRESSED, "c806a6ad35bf", 2015)),
    /** The suppression of EOI broadcasts is offered only where it works. */
    B17(
            "The suppression of EOI broadcasts is offered only where it works",
            "I7 E4 L1",
            repair(Fault.EOI_SUPPRESSION_MISADVERTISED, "0bcc3fb95b97", 2018),
            repair(Fault.EOI_SUPPRESSION_UNRELIABLE, "", 2026)),
    /** A line that stays high interrupts after a pause now and then. */
    B18(
            "A line that stays high interrupts after a pause now and then",
            "L4",
            repair(Fault.NO_STORM_DELAY, "184564efae4d", 2014)),
    /** Only a change of an edge line ends an interrupt lazily. */
    B19(
            "Only a change of an edge line ends an interrupt lazily",
            "H1",
            repair(Fault.LAZY_EOI_OF_LEVEL, "8be8f932e3db", 2020)),
    /** The RTC counts the EOIs of those who took its interrupt, by the vector they took. */
    B20(
            "The RTC counts the EOIs of those who took its interrupt, by the vector they took",
            "I9",
            repair(Fault.RTC_COUNTS_NO_DESTINATION, "", 2014),
            repair(Fault.RTC_EOI_BY_CURRENT_VECTOR, "", 2016)),
    /** Unmasking a pin asks its resampler instead of interrupting for an old line. */
    B21(
            "Unmasking a pin asks its resampler instead of interrupting for an old line",
            "I12",
            repair(Fault.UNMASK_WITHOUT_RESAMPLE, "fef8f2b90edb", 2023)),
    /** Restoring the IOAPIC interrupts for what was pending, and for nothing that was delivered. */
    B22(
            "Restoring the IOAPIC interrupts for what was pending, and for nothing that was delivered",
            "I13",
            repair(Fault.RESTORE_WITHOUT_REINJECT, "", 2014),
            repair(Fault.RESTORE_DUPLICATES_DELIVERED, "", 2014)),
    /** The interrupt controllers are created before the vCPUs. */
    B23(
            "The interrupt controllers are created before the vCPUs",
            "H1",
            repair(Fault.IRQCHIP_AFTER_VCPU, "3e515705a1f4", 2012)),
    /** A scan looks whether there is an IOAPIC and a local APIC. */
    B24(
            "A scan looks whether there is an IOAPIC and a local APIC",
            "H1",
            repair(Fault.SCAN_WITHOUT_PRESENCE_CHECKS, "e97f852fd456", 2018)),
    /** Requests are looked at once more when interrupts are off. */
    B25(
            "Requests are looked at once more when interrupts are off",
            "R2",
            repair(Fault.NO_RECHECK, "d4acf7e7abe4", 2008)),
    /** A vCPU that was kicked is known to be leaving, and the request is visible before the mode is read. */
    B26(
            "A vCPU that was kicked is known to be leaving, and the request is visible before the mode is read",
            "R2 R3 R4",
            repair(Fault.NO_EXITING_STATE, "6b7e2d099148", 2011),
            repair(Fault.MODE_READ_BEFORE_REQUEST, "6b7e2d099148", 2011)),
    /** What a request is about is visible before the request. */
    B27("What a request is about is visible before the request", "I3", repair(Fault.REQUEST_BEFORE_PAYLOAD, "", 2016)),
    /** A request bit is cleared before the request is handled. */
    B27B("A request bit is cleared before the request is handled", "R1", repair(Fault.CLEAR_AFTER_HANDLING, "", 0)),
    /** A request to several vCPUs wakes those that sleep. */
    B28("A request to several vCPUs wakes those that sleep", "R5", repair(Fault.BROADCAST_WITHOUT_WAKE, "", 2017)),
    /** Who must not go on before its request is seen waits for the IPIs. */
    B29(
            "Who must not go on before its request is seen waits for the IPIs",
            "R3",
            repair(Fault.BROADCAST_WITHOUT_WAIT, "7a97cec26b94", 2017)),
    /** A kick goes with a request. */
    B30("A kick goes with a request", "L3 R2", repair(Fault.KICK_WITHOUT_REQUEST, "", 0)),
    /** An abandoned entry that was to leave at once asks for its event again. */
    B31(
            "An abandoned entry that was to leave at once asks for its event again",
            "R6",
            repair(Fault.CANCEL_FORGETS_EVENT, "", 2020)),
    /** What moves to IRR is injected where APICv is inactive. */
    B32("What moves to IRR is injected where APICv is inactive", "L3", repair(Fault.IRR_WITHOUT_EVENT, "", 2015)),
    /** The hint that IRR has a bit is never false when it has one. */
    B33(
            "The hint that IRR has a bit is never false when it has one",
            "P5 L3",
            repair(Fault.IRR_ACK_ORDER, "", 2014),
            repair(Fault.IRR_SEND_ORDER, "", 2014)),
    /** The hint that IRR has a bit is raised when APICv comes or goes, and by new state. */
    B34(
            "The hint that IRR has a bit is raised when APICv comes or goes, and by new state",
            "P5 L3",
            repair(Fault.IRR_HINT_RECOMPUTED, "755c2bf87860", 2022),
            repair(Fault.IRR_HINT_UNTOUCHED, "d3ddef46f22e", 2024)),
    /** What was posted in silence is outstanding when the vCPU runs again. */
    B35(
            "What was posted in silence is outstanding when the vCPU runs again",
            "P2 L3",
            repair(Fault.NO_ON_RECOMPUTE, "c112b5f50232", 2019)),
    /** What was posted is looked for before every entry, APICv or not. */
    B36(
            "What was posted is looked for before every entry, APICv or not",
            "P3 P1",
            repair(Fault.NO_SYNC_WHEN_INACTIVE, "37c4dbf337c5", 2021)),
    /** A new vCPU looks at the VM's inhibits before its first entry. */
    B37(
            "A new vCPU looks at the VM's inhibits before its first entry",
            "I10",
            repair(Fault.CREATE_WITHOUT_APICV_UPDATE, "423ecfea77dd", 2022)),
    /** Who posts to a vCPU wakes it, also from its own processor. */
    B38(
            "Who posts to a vCPU wakes it, also from its own processor",
            "L3",
            repair(Fault.NO_WAKE_OF_SELF, "fdba608f15e2", 2021)),
    /** A request for L2's vCPU is visible before its mode is read. */
    B39(
            "A request for L2's vCPU is visible before its mode is read",
            "P7",
            repair(Fault.NESTED_POST_WITHOUT_BARRIER, "83c98007d9fb", 2022)),
    /** The first assigned device makes sleeping vCPUs take the wake-up vector. */
    B40(
            "The first assigned device makes sleeping vCPUs take the wake-up vector",
            "L3",
            repair(Fault.ASSIGN_WITHOUT_UNBLOCK, "a2486020a82e", 2021)),
    /** A vCPU leaves the list of sleepers however its sleep ends. */
    B41(
            "A vCPU leaves the list of sleepers however its sleep ends",
            "L3",
            repair(Fault.WAKEUP_LIST_ADDED_TWICE, "8b306e2f3c41", 2017)),
    /** New state from user space replaces what was posted before, and keeps what comes after. */
    B42(
            "New state from user space replaces what was posted before, and keeps what comes after",
            "P1 L3",
            repair(Fault.PIR_SURVIVES_RESTORE, "967235d32032", 2016),
            repair(Fault.PIR_CLEARED_AFTER_RESTORE, "", 2023)),
    /** The cache of the highest vector in service is dropped when APICv comes or goes. */
    B43(
            "The cache of the highest vector in service is dropped when APICv comes or goes",
            "P5",
            repair(Fault.ISR_CACHE_SURVIVES_APICV, "97a71c444a14", 2023)),
    /** SVI is written when APICv comes. */
    B44("SVI is written when APICv comes", "P4", repair(Fault.NO_SVI_ON_ACTIVATION, "b2849bec936b", 2025)),
    /** Leaving L2 refreshes vmcs01's APICv controls at once. */
    B45(
            "Leaving L2 refreshes vmcs01's APICv controls at once",
            "I10",
            repair(Fault.NESTED_REFRESH_BY_REQUEST, "297631388309", 2025)),
    /** SVI of a vector that L2 ends waits until vmcs01 is current. */
    B46(
            "SVI of a vector that L2 ends waits until vmcs01 is current",
            "P4",
            repair(Fault.NESTED_SVI_TO_VMCS02, "04bc93cf49d1", 2024)),
    /** vCPUs are told of a changed set of inhibits before it is stored, under a lock. */
    B47(
            "vCPUs are told of a changed set of inhibits before it is stored, under a lock",
            "I10",
            repair(Fault.INHIBIT_STORED_BEFORE_BROADCAST, "b0a1637f64b0", 2021)),
    /** An EOI in software under APICv moves SVI. */
    B48("An EOI in software under APICv moves SVI", "P4", repair(Fault.SOFTWARE_EOI_WITHOUT_SVI, "", 2014)),
    /** What was posted is looked for after IN_GUEST_MODE is set. */
    B49(
            "What was posted is looked for after IN_GUEST_MODE is set",
            "P3",
            repair(Fault.PI_SYNC_BEFORE_MODE, "b95234c84004", 2017));

    private final String title;
    private final String invariants;

    @SuppressWarnings("ImmutableEnumChecker") // List.of
    private final List<Repair> repairs;

    Fix(String title, String invariants, Repair... repairs) {
        this.title = title;
        this.invariants = invariants;
        this.repairs = List.of(repairs);
    }

    /**
     * What ended one fault.
     *
     * @param fault what is done wrong without it
     * @param commit the upstream commit, twelve hexadecimal digits; empty where it is not known, or there is none
     * @param year when it was made; empty for a rule of the design
     */
    public record Repair(Fault fault, Optional<String> commit, Optional<Integer> year) {
        /** The first release that has it; empty for a rule of the design. */
        public Optional<KernelVersion> release() {
            return fault.fixed();
        }
    }

    private static Repair repair(Fault fault, String commit, int year) {
        return new Repair(
                fault,
                commit.isEmpty() ? Optional.empty() : Optional.of(commit),
                year == 0 ? Optional.empty() : Optional.of(year));
    }

    /** The name in catalogues and on the command line: {@code B02}, {@code B27b}. */
    public String id() {
        return this == B27B ? "B27b" : name();
    }

    /** What holds with it, one sentence without a full stop. */
    public String title() {
        return title;
    }

    /** Ids of the invariants that should catch its absence, the most direct first; none where no run can show it. */
    public List<String> invariants() {
        return isVisible() ? Arrays.asList(invariants.split(" ", -1)) : List.of();
    }

    /** Whether some run shows its absence. */
    public boolean isVisible() {
        return !invariants.isEmpty();
    }

    /** What it is made of: one, or several that can have come years apart. */
    public List<Repair> repairs() {
        return repairs;
    }

    /** What is done wrong without it. */
    public List<Fault> faults() {
        return repairs.stream().map(Repair::fault).toList();
    }

    /** The fix that ended {@code fault}; empty where no kernel is known to have had it. */
    public static Optional<Fix> of(Fault fault) {
        return Arrays.stream(values())
                .filter(fix -> fix.faults().contains(fault))
                .findFirst();
    }

    /** The fix that is called {@code id}, in any case. */
    public static Optional<Fix> of(String id) {
        return Arrays.stream(values())
                .filter(fix -> fix.id().equalsIgnoreCase(id))
                .findFirst();
    }
}
