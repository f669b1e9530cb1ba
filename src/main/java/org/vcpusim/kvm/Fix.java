package org.vcpusim.kvm;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * A historical fix of Linux KVM in this area: what it repaired, and what breaks without it.
 *
 * <p>Leaving a fix out of a machine switches on its {@link #faults}. B27B is a rule of the protocol's design and not a
 * commit. Commits are those of Linux's main repository; empty where only the title is known.
 */
public enum Fix {
    /** A vCPU keeps an edge vector in its bitmap while that is pending, though its entry leads elsewhere. */
    B01(
            "db2bdcbbbd32",
            2015,
            "A vCPU keeps an edge vector in its bitmap while that is pending, though its entry leads elsewhere",
            "I3 L2",
            List.of(Fault.SCAN_FORGETS_PENDING_EDGE, Fault.SCAN_WITHOUT_SYNC)),
    /** A vCPU keeps a level vector in its bitmap while that is pending, though its entry leads elsewhere. */
    B02(
            "0fc5a36dd6b3",
            2017,
            "A vCPU keeps a level vector in its bitmap while that is pending, though its entry leads elsewhere",
            "I3 I7 L1",
            List.of(Fault.SCAN_FORGETS_PENDING_LEVEL)),
    /** A vCPU keeps a pending vector in its bitmap when user space's IOAPIC routes it elsewhere. */
    B03(
            "fceb3a36c29a",
            2022,
            "A vCPU keeps a pending vector in its bitmap when user space's IOAPIC routes it elsewhere",
            "I3 I7",
            List.of(Fault.ROUTE_SCAN_FORGETS_PENDING)),
    /** The EOI of a vector that was kept only because it was pending asks for a new scan. */
    B04(
            "",
            2025,
            "The EOI of a vector that was kept only because it was pending asks for a new scan",
            "I5",
            List.of(Fault.NO_RESCAN_AFTER_STALE_EOI)),
    /** The EOI-exit bitmap is not loaded while L2 runs. */
    B05(
            "e40ff1d6608d",
            2018,
            "The EOI-exit bitmap is not loaded while L2 runs",
            "I11 I1 I7",
            List.of(Fault.NESTED_LOAD_INTO_VMCS02)),
    /** Without a Hyper-V context the handled vectors themselves are loaded, not an uninitialised array. */
    B06(
            "c5adbb3af051",
            2021,
            "Without a Hyper-V context the handled vectors themselves are loaded, not an uninitialised array",
            "I1 I7",
            List.of(Fault.UNINITIALISED_BITMAP)),
    /** The set of vCPUs to scan begins empty. */
    B07("9a2ae9f6b6bb", 2019, "The set of vCPUs to scan begins empty", "M1", List.of(Fault.SCAN_MASK_NOT_ZEROED)),
    /** The set of vCPUs to scan is looked for without a shorthand. */
    B08(
            "b4b2963616bb",
            2020,
            "The set of vCPUs to scan is looked for without a shorthand",
            "",
            List.of(Fault.SCAN_MASK_BY_DELIVERY_MODE)),
    /** The set of vCPUs to scan is looked for without a redirection hint. */
    B09(
            "",
            2020,
            "The set of vCPUs to scan is looked for without a redirection hint",
            "I3",
            List.of(Fault.SCAN_MASK_WITH_GARBAGE_HINT)),
    /** The set of vCPUs to scan has room for all of them. */
    B10("", 2021, "The set of vCPUs to scan has room for all of them", "I3", List.of(Fault.SCAN_MASK_OF_ONE_WORD)),
    /** The old destination is looked for in the old destination mode. */
    B11(
            "555aa0e83b16",
            2026,
            "The old destination is looked for in the old destination mode",
            "I5",
            List.of(Fault.OLD_TARGETS_BY_NEW_MODE)),
    /** A source's bit and its pin change under one lock. */
    B12(
            "1a577b72475d",
            2012,
            "A source's bit and its pin change under one lock",
            "I8 L1",
            List.of(Fault.LINE_STATE_OUTSIDE_LOCK)),
    /** An EOI ends every pin that has the vector. */
    B13(
            "4fa6b9c5dc41",
            2007,
            "An EOI ends every pin that has the vector",
            "I7 E1",
            List.of(Fault.EOI_ENDS_FIRST_PIN_ONLY)),
    /** A guest's write of an entry keeps its read-only bits. */
    B14(
            "",
            2017,
            "A guest's write of an entry keeps its read-only bits",
            "I6 I7",
            List.of(Fault.READ_ONLY_BITS_WRITTEN)),
    /** An entry that becomes edge-triggered loses remote IRR. */
    B15(
            "",
            2017,
            "An entry that becomes edge-triggered loses remote IRR",
            "I6 I7 L1",
            List.of(Fault.REMOTE_IRR_KEPT_ON_EDGE)),
    /** Ack notifiers hear of an EOI whose broadcast is suppressed. */
    B16(
            "c806a6ad35bf",
            2015,
            "Ack notifiers hear of an EOI whose broadcast is suppressed",
            "L2",
            List.of(Fault.NO_NOTIFIERS_WHEN_SUPPRESSED)),
    /** The suppression of EOI broadcasts is offered only where it works. */
    B17(
            "0bcc3fb95b97",
            2018,
            "The suppression of EOI broadcasts is offered only where it works",
            "I7 E4 L1",
            List.of(Fault.EOI_SUPPRESSION_MISADVERTISED, Fault.EOI_SUPPRESSION_UNRELIABLE)),
    /** A line that stays high interrupts after a pause now and then. */
    B18(
            "184564efae4d",
            2014,
            "A line that stays high interrupts after a pause now and then",
            "L4",
            List.of(Fault.NO_STORM_DELAY)),
    /** Only a change of an edge line ends an interrupt lazily. */
    B19(
            "8be8f932e3db",
            2020,
            "Only a change of an edge line ends an interrupt lazily",
            "H1",
            List.of(Fault.LAZY_EOI_OF_LEVEL)),
    /** The RTC counts the EOIs of those who took its interrupt, by the vector they took. */
    B20(
            "",
            2016,
            "The RTC counts the EOIs of those who took its interrupt, by the vector they took",
            "I9",
            List.of(Fault.RTC_COUNTS_NO_DESTINATION, Fault.RTC_EOI_BY_CURRENT_VECTOR)),
    /** Unmasking a pin asks its resampler instead of interrupting for an old line. */
    B21(
            "fef8f2b90edb",
            2023,
            "Unmasking a pin asks its resampler instead of interrupting for an old line",
            "I12",
            List.of(Fault.UNMASK_WITHOUT_RESAMPLE)),
    /** Restoring the IOAPIC interrupts for what was pending, and for nothing that was delivered. */
    B22(
            "",
            2014,
            "Restoring the IOAPIC interrupts for what was pending, and for nothing that was delivered",
            "I13",
            List.of(Fault.RESTORE_WITHOUT_REINJECT, Fault.RESTORE_DUPLICATES_DELIVERED)),
    /** The interrupt controllers are created before the vCPUs. */
    B23(
            "3e515705a1f4",
            2012,
            "The interrupt controllers are created before the vCPUs",
            "H1",
            List.of(Fault.IRQCHIP_AFTER_VCPU)),
    /** A scan looks whether there is an IOAPIC and a local APIC. */
    B24(
            "e97f852fd456",
            2018,
            "A scan looks whether there is an IOAPIC and a local APIC",
            "H1",
            List.of(Fault.SCAN_WITHOUT_PRESENCE_CHECKS)),
    /** Requests are looked at once more when interrupts are off. */
    B25(
            "d4acf7e7abe4",
            2008,
            "Requests are looked at once more when interrupts are off",
            "R2",
            List.of(Fault.NO_RECHECK)),
    /** A vCPU that was kicked is known to be leaving, and the request is visible before the mode is read. */
    B26(
            "6b7e2d099148",
            2011,
            "A vCPU that was kicked is known to be leaving, and the request is visible before the mode is read",
            "R2 R3 R4",
            List.of(Fault.NO_EXITING_STATE, Fault.MODE_READ_BEFORE_REQUEST)),
    /** What a request is about is visible before the request. */
    B27("", 2016, "What a request is about is visible before the request", "I3", List.of(Fault.REQUEST_BEFORE_PAYLOAD)),
    /** A request bit is cleared before the request is handled. */
    B27B("", 0, "A request bit is cleared before the request is handled", "R1", List.of(Fault.CLEAR_AFTER_HANDLING)),
    /** A request to several vCPUs wakes those that sleep. */
    B28("", 2017, "A request to several vCPUs wakes those that sleep", "R5", List.of(Fault.BROADCAST_WITHOUT_WAKE)),
    /** Who must not go on before its request is seen waits for the IPIs. */
    B29(
            "7a97cec26b94",
            2017,
            "Who must not go on before its request is seen waits for the IPIs",
            "R3",
            List.of(Fault.BROADCAST_WITHOUT_WAIT)),
    /** A kick goes with a request. */
    B30("325f9c649c8a", 2017, "A kick goes with a request", "L3 R2", List.of(Fault.KICK_WITHOUT_REQUEST)),
    /** An abandoned entry that was to leave at once asks for its event again. */
    B31(
            "",
            2020,
            "An abandoned entry that was to leave at once asks for its event again",
            "R6",
            List.of(Fault.CANCEL_FORGETS_EVENT)),
    /** What moves to IRR is injected where APICv is inactive. */
    B32("", 2015, "What moves to IRR is injected where APICv is inactive", "L3", List.of(Fault.IRR_WITHOUT_EVENT)),
    /** The hint that IRR has a bit is never false when it has one. */
    B33(
            "",
            2014,
            "The hint that IRR has a bit is never false when it has one",
            "P5 L3",
            List.of(Fault.IRR_ACK_ORDER, Fault.IRR_SEND_ORDER)),
    /** The hint that IRR has a bit is raised when APICv comes or goes, and by new state. */
    B34(
            "755c2bf87860",
            2022,
            "The hint that IRR has a bit is raised when APICv comes or goes, and by new state",
            "P5 L3",
            List.of(Fault.IRR_HINT_RECOMPUTED, Fault.IRR_HINT_UNTOUCHED)),
    /** What was posted in silence is outstanding when the vCPU runs again. */
    B35(
            "c112b5f50232",
            2019,
            "What was posted in silence is outstanding when the vCPU runs again",
            "P2 L3",
            List.of(Fault.NO_ON_RECOMPUTE)),
    /** What was posted is looked for before every entry, APICv or not. */
    B36(
            "37c4dbf337c5",
            2021,
            "What was posted is looked for before every entry, APICv or not",
            "P3 P1",
            List.of(Fault.NO_SYNC_WHEN_INACTIVE)),
    /** A new vCPU looks at the VM's inhibits before its first entry. */
    B37(
            "423ecfea77dd",
            2022,
            "A new vCPU looks at the VM's inhibits before its first entry",
            "I10",
            List.of(Fault.CREATE_WITHOUT_APICV_UPDATE)),
    /** Who posts to a vCPU wakes it, also from its own processor. */
    B38(
            "fdba608f15e2",
            2021,
            "Who posts to a vCPU wakes it, also from its own processor",
            "L3",
            List.of(Fault.NO_WAKE_OF_SELF)),
    /** A request for L2's vCPU is visible before its mode is read. */
    B39(
            "83c98007d9fb",
            2022,
            "A request for L2's vCPU is visible before its mode is read",
            "P7",
            List.of(Fault.NESTED_POST_WITHOUT_BARRIER)),
    /** The first assigned device makes sleeping vCPUs take the wake-up vector. */
    B40(
            "a2486020a82e",
            2021,
            "The first assigned device makes sleeping vCPUs take the wake-up vector",
            "L3",
            List.of(Fault.ASSIGN_WITHOUT_UNBLOCK)),
    /** A vCPU leaves the list of sleepers however its sleep ends. */
    B41(
            "8b306e2f3c41",
            2017,
            "A vCPU leaves the list of sleepers however its sleep ends",
            "L3",
            List.of(Fault.WAKEUP_LIST_ADDED_TWICE)),
    /** New state from user space replaces what was posted before, and keeps what comes after. */
    B42(
            "967235d32032",
            2016,
            "New state from user space replaces what was posted before, and keeps what comes after",
            "P1 L3",
            List.of(Fault.PIR_SURVIVES_RESTORE, Fault.PIR_CLEARED_AFTER_RESTORE)),
    /** The cache of the highest vector in service is dropped when APICv comes or goes. */
    B43(
            "97a71c444a14",
            2023,
            "The cache of the highest vector in service is dropped when APICv comes or goes",
            "P5",
            List.of(Fault.ISR_CACHE_SURVIVES_APICV)),
    /** SVI is written when APICv comes. */
    B44("b2849bec936b", 2025, "SVI is written when APICv comes", "P4", List.of(Fault.NO_SVI_ON_ACTIVATION)),
    /** Leaving L2 refreshes vmcs01's APICv controls at once. */
    B45(
            "297631388309",
            2025,
            "Leaving L2 refreshes vmcs01's APICv controls at once",
            "I10",
            List.of(Fault.NESTED_REFRESH_BY_REQUEST)),
    /** SVI of a vector that L2 ends waits until vmcs01 is current. */
    B46(
            "04bc93cf49d1",
            2024,
            "SVI of a vector that L2 ends waits until vmcs01 is current",
            "P4",
            List.of(Fault.NESTED_SVI_TO_VMCS02)),
    /** vCPUs are told of a changed set of inhibits before it is stored, under a lock. */
    B47(
            "b0a1637f64b0",
            2021,
            "vCPUs are told of a changed set of inhibits before it is stored, under a lock",
            "I10",
            List.of(Fault.INHIBIT_STORED_BEFORE_BROADCAST)),
    /** An EOI in software under APICv moves SVI. */
    B48("", 2014, "An EOI in software under APICv moves SVI", "P4", List.of(Fault.SOFTWARE_EOI_WITHOUT_SVI)),
    /** What was posted is looked for after IN_GUEST_MODE is set. */
    B49(
            "b95234c84004",
            2017,
            "What was posted is looked for after IN_GUEST_MODE is set",
            "P3",
            List.of(Fault.PI_SYNC_BEFORE_MODE));

    private final String commit;
    private final int year;
    private final String title;
    private final String invariants;

    @SuppressWarnings("ImmutableEnumChecker") // List.of
    private final List<Fault> faults;

    @SuppressWarnings("TooManyParameters") // a row of the catalogue
    Fix(String commit, int year, String title, String invariants, List<Fault> faults) {
        this.commit = commit;
        this.year = year;
        this.title = title;
        this.invariants = invariants;
        this.faults = faults;
    }

    /** The name in catalogues and on the command line: {@code B02}, {@code B27b}. */
    public String id() {
        return this == B27B ? "B27b" : name();
    }

    /** The upstream commit, twelve hexadecimal digits; empty where it is not known, or there is none. */
    public Optional<String> commit() {
        return commit.isEmpty() ? Optional.empty() : Optional.of(commit);
    }

    /** When it was made; empty for a rule of the design. */
    public Optional<Integer> year() {
        return year == 0 ? Optional.empty() : Optional.of(year);
    }

    /** What holds with it, one sentence without a full stop. */
    public String title() {
        return title;
    }

    /** The first release that has all of it; empty for a rule of the design. */
    public Optional<KernelVersion> release() {
        return faults.stream().flatMap(fault -> fault.fixed().stream()).max(KernelVersion::compareTo);
    }

    /** Ids of the invariants that should catch its absence, the most direct first; none where no run can show it. */
    public List<String> invariants() {
        return isVisible() ? Arrays.asList(invariants.split(" ", -1)) : List.of();
    }

    /** Whether some run shows its absence. */
    public boolean isVisible() {
        return !invariants.isEmpty();
    }

    /** What is done wrong without it. */
    public List<Fault> faults() {
        return faults;
    }

    /** The fix that ended {@code fault}; empty where no kernel is known to have had it. */
    public static Optional<Fix> of(Fault fault) {
        return Arrays.stream(values()).filter(fix -> fix.faults.contains(fault)).findFirst();
    }

    /** The fix that is called {@code id}, in any case. */
    public static Optional<Fix> of(String id) {
        return Arrays.stream(values())
                .filter(fix -> fix.id().equalsIgnoreCase(id))
                .findFirst();
    }
}
