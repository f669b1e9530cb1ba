package org.vcpusim.arch;

import static org.vcpusim.arch.PinBasedControl.EXTERNAL_INTERRUPT_EXITING;
import static org.vcpusim.arch.PinBasedControl.PROCESS_POSTED_INTERRUPTS;
import static org.vcpusim.arch.PrimaryProcessorControl.USE_TPR_SHADOW;
import static org.vcpusim.arch.SecondaryProcessorControl.APIC_REGISTER_VIRTUALIZATION;
import static org.vcpusim.arch.SecondaryProcessorControl.VIRTUALIZE_APIC_ACCESSES;
import static org.vcpusim.arch.SecondaryProcessorControl.VIRTUALIZE_X2APIC_MODE;
import static org.vcpusim.arch.SecondaryProcessorControl.VIRTUAL_INTERRUPT_DELIVERY;
import static org.vcpusim.arch.TertiaryProcessorControl.IPI_VIRTUALIZATION;
import static org.vcpusim.arch.VmExitControl.ACKNOWLEDGE_INTERRUPT_ON_EXIT;

import java.util.List;
import java.util.function.BiPredicate;
import java.util.function.Predicate;

/**
 * The rules between controls that a VM entry checks; breaking one fails the entry with
 * {@link VmInstructionError#ENTRY_INVALID_CONTROL_FIELD}.
 *
 * <p>Models SDM vol. 3C, "VM-Execution Control Fields" (27.2.1.1). Only the rules around APIC virtualization are here.
 * Physical addresses have 52 bits, the most that the architecture allows.
 */
@SuppressWarnings("ImmutableEnumChecker") // the predicates hold nothing
public enum VmEntryCheck {
    /** {@code VIRTUALIZE_X2APIC_MODE} needs {@code USE_TPR_SHADOW}. */
    X2APIC_MODE_NEEDS_TPR_SHADOW(
            "\"virtualize x2APIC mode\" must be 0 if \"use TPR shadow\" is 0",
            vmcs -> VIRTUALIZE_X2APIC_MODE.isSetIn(vmcs) && !USE_TPR_SHADOW.isSetIn(vmcs)),
    /** {@code APIC_REGISTER_VIRTUALIZATION} needs {@code USE_TPR_SHADOW}. */
    APIC_REGISTER_VIRTUALIZATION_NEEDS_TPR_SHADOW(
            "\"APIC-register virtualization\" must be 0 if \"use TPR shadow\" is 0",
            vmcs -> APIC_REGISTER_VIRTUALIZATION.isSetIn(vmcs) && !USE_TPR_SHADOW.isSetIn(vmcs)),
    /** {@code VIRTUAL_INTERRUPT_DELIVERY} needs {@code USE_TPR_SHADOW}. */
    VIRTUAL_INTERRUPT_DELIVERY_NEEDS_TPR_SHADOW(
            "\"virtual-interrupt delivery\" must be 0 if \"use TPR shadow\" is 0",
            vmcs -> VIRTUAL_INTERRUPT_DELIVERY.isSetIn(vmcs) && !USE_TPR_SHADOW.isSetIn(vmcs)),
    /** {@code IPI_VIRTUALIZATION} needs {@code USE_TPR_SHADOW}. */
    IPI_VIRTUALIZATION_NEEDS_TPR_SHADOW(
            "\"IPI virtualization\" must be 0 if \"use TPR shadow\" is 0",
            vmcs -> IPI_VIRTUALIZATION.isSetIn(vmcs) && !USE_TPR_SHADOW.isSetIn(vmcs)),
    /** The virtual-APIC page is a page. */
    VIRTUAL_APIC_ADDRESS_IS_A_PAGE(
            "bits 11:0 and 63:52 of the virtual-APIC address must be 0 if \"use TPR shadow\" is 1",
            vmcs -> USE_TPR_SHADOW.isSetIn(vmcs) && !isAligned(vmcs, VmcsField.VIRTUAL_APIC_PAGE_ADDR, 4096)),
    /** The threshold is compared with four bits of the TPR; virtual-interrupt delivery does not use it. */
    TPR_THRESHOLD_IS_FOUR_BITS(
            "bits 31:4 of the TPR threshold must be 0 if \"use TPR shadow\" is 1 and \"virtual-interrupt delivery\" is"
                    + " 0",
            vmcs -> USE_TPR_SHADOW.isSetIn(vmcs)
                    && !VIRTUAL_INTERRUPT_DELIVERY.isSetIn(vmcs)
                    && vmcs.read(VmcsField.TPR_THRESHOLD) > 0xf),
    /** Else the guest would leave at once; where APIC accesses are virtualized it does, see {@link VirtualApic#entered}. */
    TPR_THRESHOLD_IS_NOT_ABOVE_VTPR(
            "bits 3:0 of the TPR threshold must be at most bits 7:4 of VTPR if \"use TPR shadow\" is 1,"
                    + " \"virtualize APIC accesses\" is 0 and \"virtual-interrupt delivery\" is 0",
            (vmcs, page) -> USE_TPR_SHADOW.isSetIn(vmcs)
                    && !VIRTUALIZE_APIC_ACCESSES.isSetIn(vmcs)
                    && !VIRTUAL_INTERRUPT_DELIVERY.isSetIn(vmcs)
                    && (vmcs.read(VmcsField.TPR_THRESHOLD) & 0xf) > (page.tpr() >>> 4 & 0xf)),
    /** The APIC-access page is a page. */
    APIC_ACCESS_ADDRESS_IS_A_PAGE(
            "bits 11:0 and 63:52 of the APIC-access address must be 0 if \"virtualize APIC accesses\" is 1",
            vmcs -> VIRTUALIZE_APIC_ACCESSES.isSetIn(vmcs) && !isAligned(vmcs, VmcsField.APIC_ACCESS_ADDR, 4096)),
    /** {@code VIRTUALIZE_APIC_ACCESSES} and {@code VIRTUALIZE_X2APIC_MODE} exclude each other. */
    APIC_ACCESSES_EXCLUDE_X2APIC_MODE(
            "\"virtualize APIC accesses\" must be 0 if \"virtualize x2APIC mode\" is 1",
            vmcs -> VIRTUALIZE_APIC_ACCESSES.isSetIn(vmcs) && VIRTUALIZE_X2APIC_MODE.isSetIn(vmcs)),
    /** {@code VIRTUAL_INTERRUPT_DELIVERY} needs {@code EXTERNAL_INTERRUPT_EXITING}. */
    VIRTUAL_INTERRUPT_DELIVERY_NEEDS_EXTERNAL_INTERRUPT_EXITING(
            "\"external-interrupt exiting\" must be 1 if \"virtual-interrupt delivery\" is 1",
            vmcs -> VIRTUAL_INTERRUPT_DELIVERY.isSetIn(vmcs) && !EXTERNAL_INTERRUPT_EXITING.isSetIn(vmcs)),
    /** {@code PROCESS_POSTED_INTERRUPTS} needs {@code VIRTUAL_INTERRUPT_DELIVERY}. */
    POSTED_INTERRUPTS_NEED_VIRTUAL_INTERRUPT_DELIVERY(
            "\"virtual-interrupt delivery\" must be 1 if \"process posted interrupts\" is 1",
            vmcs -> PROCESS_POSTED_INTERRUPTS.isSetIn(vmcs) && !VIRTUAL_INTERRUPT_DELIVERY.isSetIn(vmcs)),
    /** {@code PROCESS_POSTED_INTERRUPTS} needs {@code ACKNOWLEDGE_INTERRUPT_ON_EXIT}. */
    POSTED_INTERRUPTS_NEED_ACKNOWLEDGE_ON_EXIT(
            "\"acknowledge interrupt on exit\" must be 1 if \"process posted interrupts\" is 1",
            vmcs -> PROCESS_POSTED_INTERRUPTS.isSetIn(vmcs) && !ACKNOWLEDGE_INTERRUPT_ON_EXIT.isSetIn(vmcs)),
    /** The notification vector is a vector. */
    POSTED_INTERRUPT_NOTIFICATION_VECTOR_IS_A_VECTOR(
            "the notification vector must be 0 to 255 if \"process posted interrupts\" is 1",
            vmcs -> PROCESS_POSTED_INTERRUPTS.isSetIn(vmcs) && vmcs.read(VmcsField.POSTED_INTR_NV) > 0xff),
    /** The posted-interrupt descriptor is 64 bytes long and aligned. */
    POSTED_INTERRUPT_DESCRIPTOR_IS_ALIGNED(
            "bits 5:0 and 63:52 of the posted-interrupt descriptor address must be 0 if \"process posted interrupts\" is"
                    + " 1",
            vmcs -> PROCESS_POSTED_INTERRUPTS.isSetIn(vmcs)
                    && !isAligned(vmcs, VmcsField.POSTED_INTR_DESC_ADDR, PostedInterruptDescriptor.BYTES)),
    /** The table of posted-interrupt descriptors has entries of 8 bytes, and its last entry has an address. */
    PID_POINTER_TABLE_IS_ALIGNED(
            "bits 2:0 of the PID-pointer table address must be 0 and bits 63:52 of its last entry's address must be 0 if"
                    + " \"IPI virtualization\" is 1",
            vmcs -> IPI_VIRTUALIZATION.isSetIn(vmcs)
                    && (!isAligned(vmcs, VmcsField.PID_POINTER_TABLE, Long.BYTES)
                            || !isAddress(vmcs.read(VmcsField.PID_POINTER_TABLE)
                                    + vmcs.read(VmcsField.LAST_PID_POINTER_INDEX) * Long.BYTES)));

    private static final int PHYSICAL_ADDRESS_BITS = 52;
    private static final List<VmEntryCheck> ALL = List.of(values());

    private final String rule;
    private final BiPredicate<Vmcs, LocalApic> broken;

    VmEntryCheck(String rule, Predicate<Vmcs> broken) {
        this(rule, (vmcs, page) -> broken.test(vmcs));
    }

    VmEntryCheck(String rule, BiPredicate<Vmcs, LocalApic> broken) {
        this.rule = rule;
        this.broken = broken;
    }

    /** Returns the rule as a sentence for people, in the SDM's names of the controls. */
    public String rule() {
        return rule;
    }

    /**
     * Tells whether a VM entry breaks this rule.
     *
     * @param page the virtual-APIC page the VMCS points to
     */
    public boolean isBrokenBy(Vmcs vmcs, LocalApic page) {
        return broken.test(vmcs, page);
    }

    /** Returns the rules a VM entry breaks, in order of declaration; empty if it may go on. */
    public static List<VmEntryCheck> failures(Vmcs vmcs, LocalApic page) {
        return ALL.stream().filter(check -> check.isBrokenBy(vmcs, page)).toList();
    }

    private static boolean isAligned(Vmcs vmcs, VmcsField address, int bytes) {
        return vmcs.read(address) % bytes == 0 && isAddress(vmcs.read(address));
    }

    private static boolean isAddress(long address) {
        return address >>> PHYSICAL_ADDRESS_BITS == 0;
    }
}
