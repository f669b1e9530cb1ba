package org.vcpusim.sim;

import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import org.vcpusim.arch.ApicRegister;
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
    /** Delivery mode, trigger mode and shorthand of an ICR. */
    private static final long ICR_FORM = 7 << 8 | 1 << 15 | 3 << 18;

    private static final long ICR_SELF = 1 << 18;

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

    /** The processor's own self-IPI leaves TMR as it is; KVM's clears the vector's bit (level-vector-as-ipi). */
    private static final ApicvDependence SELF_IPI_LEAVES_TMR = new ApicvDependence(
            "APICv inactive: a self-IPI that clears a bit of TMR",
            failed -> failed.what().endsWith(".tmr") && isSelfIpi(words(failed.operation())),
            ApicvDependence::isSelfIpi);

    /**
     * The processor's own self-IPI is requested whatever the spurious-interrupt vector register says; KVM's is discarded
     * while the local APIC is software-disabled (rnd-logical-0015).
     */
    private static final ApicvDependence SELF_IPI_WHEN_SOFTWARE_DISABLED = new ApicvDependence(
            "APICv inactive: a self-IPI of a local APIC that is software-disabled",
            failed -> failed.what().endsWith(".irr") && requestsMore(failed) && isSelfIpi(words(failed.operation())),
            ApicvDependence::isSelfIpi);

    /** The processor's own EOI refuses any value but 0; KVM's accepts it (x2apic-basic). */
    private static final ApicvDependence EOI_OF_ZERO_ONLY = new ApicvDependence(
            "APICv inactive: WRMSR of another value than 0 to the EOI register",
            failed -> failed.what().equals("=")
                    && failed.found().equals("vec=0x0d")
                    && isNonzeroEoi(words(failed.operation())),
            ApicvDependence::isNonzeroEoi);

    private static final List<ApicvDependence> ALL = List.of(
            BITMAP_NOT_LOADED_ON_ACTIVATION,
            ALL_BITS_OF_TPR,
            SELF_IPI_LEAVES_TMR,
            SELF_IPI_WHEN_SOFTWARE_DISABLED,
            EOI_OF_ZERO_ONLY);

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

    /** Whether the operation is a self-IPI that the processor carries out: fixed, edge, to self. */
    private static boolean isSelfIpi(VectorDriver.Words operation) {
        boolean icr = operation.name().equals("lapic_write") && operation.number(2) == ApicRegister.ICR.offset()
                || operation.name().equals("wrmsr") && operation.number(2) == ApicRegister.ICR.msr();
        return icr && (operation.number(3) & ICR_FORM) == ICR_SELF
                || operation.name().equals("wrmsr") && operation.number(2) == ApicRegister.SELF_IPI.msr();
    }

    /** Whether the model has requested a vector that the recording has not, and lacks none. */
    private static boolean requestsMore(Conformance.Failed failed) {
        List<String> found = List.of(failed.found().split(",", -1));
        List<String> expected = List.of(failed.expected().split(",", -1));
        return found.size() > expected.size() && found.containsAll(expected)
                || expected.equals(List.of("-")) && !found.equals(expected);
    }

    private static boolean isNonzeroEoi(VectorDriver.Words operation) {
        return operation.name().equals("wrmsr")
                && operation.number(2) == ApicRegister.EOI.msr()
                && operation.number(3) != 0;
    }

    /** Whether the operation reads or writes the TPR. */
    private static boolean isTaskPriority(VectorDriver.Words operation) {
        return switch (operation.name()) {
            case "lapic_read", "lapic_write" -> operation.number(2) == ApicRegister.TASKPRI.offset();
            case "rdmsr", "wrmsr" -> operation.number(2) == ApicRegister.TASKPRI.msr();
            default -> false;
        };
    }
}
