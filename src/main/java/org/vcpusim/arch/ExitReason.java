package org.vcpusim.arch;

import java.util.Arrays;
import java.util.Optional;

/**
 * Basic exit reasons: why a guest stopped running.
 *
 * <p>Models SDM vol. 3D, appendix C, "VMX Basic Exit Reasons"; the names are those of the kernel's
 * {@code EXIT_REASON_} constants in {@code arch/x86/include/uapi/asm/vmx.h}, which its {@code kvm_exit} trace event
 * prints. Only the reasons that occur around interrupts and the devices of the model are here.
 */
public enum ExitReason {
    /** Exception that the exception bitmap selects, or an NMI. */
    EXCEPTION_NMI(0),
    /** Physical interrupt: a kick, or the notification vector outside posted-interrupt processing. */
    EXTERNAL_INTERRUPT(1),
    /** INIT arrived. */
    INIT_SIGNAL(3),
    /** Start-up IPI arrived. */
    SIPI_SIGNAL(4),
    /** The requested interrupt window is open. */
    INTERRUPT_WINDOW(7),
    /** The requested NMI window is open. */
    NMI_WINDOW(8),
    /** CPUID. */
    CPUID(10),
    /** HLT. */
    HLT(12),
    /** VMCALL. */
    VMCALL(18),
    /** VMRESUME. */
    VMRESUME(24),
    /** VMWRITE, unless it goes to a shadow VMCS. */
    VMWRITE(25),
    /** Access to a control register, CR8 among them. */
    CR_ACCESS(28),
    /** Port input or output. */
    IO_INSTRUCTION(30),
    /** RDMSR of an intercepted MSR. */
    MSR_READ(31),
    /** WRMSR of an intercepted MSR, such as the x2APIC EOI register without APICv. */
    MSR_WRITE(32),
    /** PAUSE, or a PAUSE loop. */
    PAUSE_INSTRUCTION(40),
    /** The virtual TPR fell below the threshold. */
    TPR_BELOW_THRESHOLD(43),
    /** Access to the APIC-access page that is not virtualized; fault-like. */
    APIC_ACCESS(44),
    /** EOI virtualized for a vector whose EOI-exit bit is 1; trap-like. */
    EOI_INDUCED(45),
    /** Guest-physical address without the rights needed. */
    EPT_VIOLATION(48),
    /** Guest-physical address with an invalid EPT entry, as KVM installs for emulated MMIO. */
    EPT_MISCONFIG(49),
    /** The VMX-preemption timer reached 0. */
    PREEMPTION_TIMER(52),
    /** Write to the virtual-APIC page that software must complete; trap-like. */
    APIC_WRITE(56);

    private static final ExitReason[] REASONS = values();
    private static final int[] NUMBERS =
            Arrays.stream(REASONS).mapToInt(ExitReason::number).toArray();

    private final int number;

    ExitReason(int number) {
        this.number = number;
    }

    /** Returns the basic exit reason: bits 15:0 of {@link VmcsField#VM_EXIT_REASON}. */
    public int number() {
        return number;
    }

    /** Returns the name that the kernel's {@code kvm_exit} trace event prints. */
    public String traceName() {
        return name();
    }

    /**
     * Finds the reason with a number.
     *
     * @param number any int; a number the model has no reason for finds none
     */
    public static Optional<ExitReason> ofNumber(int number) {
        int position = Arrays.binarySearch(NUMBERS, number);
        return position < 0 ? Optional.empty() : Optional.of(REASONS[position]);
    }
}
