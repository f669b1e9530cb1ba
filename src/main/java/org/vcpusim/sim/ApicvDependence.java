package org.vcpusim.sim;

import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import org.vcpusim.kvm.Lapic;

/**
 * Why a recorded vector may say something else where APICv is active. Every vector was recorded with APICv inactive, on a
 * processor without VMX; a difference is excused only where one of these explains it.
 *
 * @param needs what the vector needs
 * @param difference whether a difference is of the kind
 * @param cause whether an operation up to there brings it about
 */
record ApicvDependence(String needs, Predicate<Conformance.Failed> difference, Predicate<VectorDriver.Words> cause) {
    private static final int IA32_APIC_BASE = 0x1b;
    private static final int TASK_PRIORITY = 0x80;
    private static final int TASK_PRIORITY_MSR = 0x808;

    /**
     * A bitmap is not loaded while APICv is inactive, nor when enabling the local APIC makes it active: the next EOI is lost
     * for the IOAPIC. KVM_REQ_APICV_UPDATE is served after KVM_REQ_LOAD_EOI_EXITMAP and asks for none
     * (lapic-global-disable).
     */
    private static final ApicvDependence BITMAP_NOT_LOADED_ON_ACTIVATION = new ApicvDependence(
            "APICv inactive: an EOI after IA32_APIC_BASE enabled a local APIC again",
            failed -> failed.operation().startsWith("eoi "),
            ApicvDependence::disablesLocalApic);

    /** The virtual TPR of VMX keeps all eight bits, that of the recording processor CR8's four (vendor-tpr-low-bits). */
    private static final ApicvDependence ALL_BITS_OF_TPR = new ApicvDependence(
            "APICv inactive: the low bits of a TPR that is kept as CR8",
            failed -> failed.what().endsWith(".tpr") || isTaskPriority(words(failed.operation())),
            operation -> isTaskPriority(operation) && operation.size() > 3 && (operation.number(3) & 0xf) != 0);

    private static final List<ApicvDependence> ALL = List.of(BITMAP_NOT_LOADED_ON_ACTIVATION, ALL_BITS_OF_TPR);

    /** What {@code failed} shows the vector to need; empty where nothing excuses it. */
    static Optional<String> needsOf(VectorFile file, Conformance.Failed failed) {
        List<VectorDriver.Words> before = file.operations().stream()
                .filter(operation -> operation.line() <= failed.line())
                .map(operation -> new VectorDriver.Words(operation.words(), 0))
                .toList();
        return ALL.stream()
                .filter(each -> each.difference.test(failed) && before.stream().anyMatch(each.cause))
                .map(each -> each.needs)
                .findFirst();
    }

    private static VectorDriver.Words words(String operation) {
        return new VectorDriver.Words(List.of(operation.split(" ", -1)), 0);
    }

    /** Whether the operation clears bit 11 of IA32_APIC_BASE. */
    private static boolean disablesLocalApic(VectorDriver.Words operation) {
        return operation.name().equals("wrmsr")
                && operation.number(2) == IA32_APIC_BASE
                && (operation.number(3) & Lapic.BASE_ENABLE) == 0;
    }

    /** Whether the operation reads or writes the TPR. */
    private static boolean isTaskPriority(VectorDriver.Words operation) {
        return switch (operation.name()) {
            case "lapic_read", "lapic_write" -> operation.number(2) == TASK_PRIORITY;
            case "rdmsr", "wrmsr" -> operation.number(2) == TASK_PRIORITY_MSR;
            default -> false;
        };
    }
}
