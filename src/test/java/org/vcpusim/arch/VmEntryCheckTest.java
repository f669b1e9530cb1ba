package org.vcpusim.arch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class VmEntryCheckTest {

    /** A guest with everything on: virtual-interrupt delivery, posted interrupts, xAPIC mode. */
    private static final Vmcs APICV = Vmcs.cleared()
            .write(VmcsField.PIN_BASED_VM_EXEC_CONTROL, 0x81)
            .write(VmcsField.CPU_BASED_VM_EXEC_CONTROL, 0x8020_0000L)
            .write(VmcsField.SECONDARY_VM_EXEC_CONTROL, 0x301)
            .write(VmcsField.VM_EXIT_CONTROLS, 0x8000)
            .write(VmcsField.POSTED_INTR_NV, 0xf2)
            .write(VmcsField.POSTED_INTR_DESC_ADDR, 0x1040);

    private static final String ROWS = """
        PIN_BASED_VM_EXEC_CONTROL | 0x81       | -
        PIN_BASED_VM_EXEC_CONTROL | 0x01       | -
        PIN_BASED_VM_EXEC_CONTROL | 0x80       | VIRTUAL_INTERRUPT_DELIVERY_NEEDS_EXTERNAL_INTERRUPT_EXITING
        PIN_BASED_VM_EXEC_CONTROL | 0x00       | VIRTUAL_INTERRUPT_DELIVERY_NEEDS_EXTERNAL_INTERRUPT_EXITING
        CPU_BASED_VM_EXEC_CONTROL | 0x80000000 | APIC_REGISTER_VIRTUALIZATION_NEEDS_TPR_SHADOW \
        VIRTUAL_INTERRUPT_DELIVERY_NEEDS_TPR_SHADOW
        CPU_BASED_VM_EXEC_CONTROL | 0x00200000 | POSTED_INTERRUPTS_NEED_VIRTUAL_INTERRUPT_DELIVERY
        CPU_BASED_VM_EXEC_CONTROL | 0x00000000 | POSTED_INTERRUPTS_NEED_VIRTUAL_INTERRUPT_DELIVERY
        SECONDARY_VM_EXEC_CONTROL | 0x310      | -
        SECONDARY_VM_EXEC_CONTROL | 0x300      | -
        SECONDARY_VM_EXEC_CONTROL | 0x200      | -
        SECONDARY_VM_EXEC_CONTROL | 0x311      | APIC_ACCESSES_EXCLUDE_X2APIC_MODE
        SECONDARY_VM_EXEC_CONTROL | 0x101      | POSTED_INTERRUPTS_NEED_VIRTUAL_INTERRUPT_DELIVERY
        VM_EXIT_CONTROLS          | 0xffff7fff | POSTED_INTERRUPTS_NEED_ACKNOWLEDGE_ON_EXIT
        POSTED_INTR_NV            | 0x00       | -
        POSTED_INTR_NV            | 0xff       | -
        POSTED_INTR_NV            | 0x100      | POSTED_INTERRUPT_NOTIFICATION_VECTOR_IS_A_VECTOR
        POSTED_INTR_DESC_ADDR     | 0xffffffc0 | -
        POSTED_INTR_DESC_ADDR     | 0xfffffffffffc0 | -
        POSTED_INTR_DESC_ADDR     | 0x10000000000000 | POSTED_INTERRUPT_DESCRIPTOR_IS_ALIGNED
        VIRTUAL_APIC_PAGE_ADDR    | 0xffffffffff000 | -
        VIRTUAL_APIC_PAGE_ADDR    | 0x800      | VIRTUAL_APIC_ADDRESS_IS_A_PAGE
        VIRTUAL_APIC_PAGE_ADDR    | 0x10000000000000 | VIRTUAL_APIC_ADDRESS_IS_A_PAGE
        APIC_ACCESS_ADDR          | 0xfee00000 | -
        APIC_ACCESS_ADDR          | 0xfee00001 | APIC_ACCESS_ADDRESS_IS_A_PAGE
        APIC_ACCESS_ADDR          | 0x10000000000000 | APIC_ACCESS_ADDRESS_IS_A_PAGE
        PID_POINTER_TABLE         | 0x1        | -
        POSTED_INTR_DESC_ADDR     | 0x1041     | POSTED_INTERRUPT_DESCRIPTOR_IS_ALIGNED
        POSTED_INTR_DESC_ADDR     | 0x1060     | POSTED_INTERRUPT_DESCRIPTOR_IS_ALIGNED
        TPR_THRESHOLD             | 0x10       | -
        """;

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = ROWS)
    void aGuestWithApicVirtualizationAndOneFieldChanged(VmcsField field, long value, String failures) {
        assertFailures(failures, APICV.write(field, value));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        primary    | secondary | threshold  | failures                   | reason
        0x80200000 | 0x001     | 0x0        | -                          | no virtual-interrupt delivery
        0x80200000 | 0x001     | 0xf        | -                          | four bits
        0x80200000 | 0x001     | 0x10       | TPR_THRESHOLD_IS_FOUR_BITS | bit 4
        0x80200000 | 0x001     | 0x80000000 | TPR_THRESHOLD_IS_FOUR_BITS | bit 31
        0x00200000 | 0x200     | 0x10       | TPR_THRESHOLD_IS_FOUR_BITS | secondary controls not activated
        0x80000000 | 0x001     | 0x10       | -                          | no TPR shadow: the field is not used
        0x80200000 | 0x200     | 0x10       | -                          | virtual-interrupt delivery does not use it
        0x80200000 | 0x010     | 0x0        | -                          | x2APIC mode with TPR shadow
        0x80000000 | 0x010     | 0x0        | X2APIC_MODE_NEEDS_TPR_SHADOW | x2APIC mode without TPR shadow
        0x00000000 | 0x010     | 0x0        | -                          | secondary controls not activated
        0x80000000 | 0x100     | 0x0        | APIC_REGISTER_VIRTUALIZATION_NEEDS_TPR_SHADOW | no TPR shadow
        """)
    void aGuestWithoutPostedInterrupts(long primary, long secondary, long threshold, String failures) {
        Vmcs vmcs = Vmcs.cleared()
                .write(VmcsField.PIN_BASED_VM_EXEC_CONTROL, 0x1)
                .write(VmcsField.CPU_BASED_VM_EXEC_CONTROL, primary)
                .write(VmcsField.SECONDARY_VM_EXEC_CONTROL, secondary)
                .write(VmcsField.TPR_THRESHOLD, threshold);
        assertFailures(failures, vmcs);
    }

    @Test
    void postedInterruptFieldsDoNotCountWhilePostedInterruptsAreOff() {
        Vmcs vmcs = Vmcs.cleared().write(VmcsField.POSTED_INTR_NV, 0xffff).write(VmcsField.POSTED_INTR_DESC_ADDR, 0x1);
        assertEquals(List.of(), VmEntryCheck.failures(vmcs, LocalApic.zeroed()));
    }

    @Test
    void failuresAreListedInOrderOfDeclaration() {
        Vmcs vmcs = Vmcs.cleared()
                .write(VmcsField.PIN_BASED_VM_EXEC_CONTROL, 0x80)
                .write(VmcsField.CPU_BASED_VM_EXEC_CONTROL, 0x8000_0000L)
                .write(VmcsField.SECONDARY_VM_EXEC_CONTROL, 0x111)
                .write(VmcsField.POSTED_INTR_NV, 0x100)
                .write(VmcsField.POSTED_INTR_DESC_ADDR, 0x20);
        assertEquals(
                List.of(
                        VmEntryCheck.X2APIC_MODE_NEEDS_TPR_SHADOW,
                        VmEntryCheck.APIC_REGISTER_VIRTUALIZATION_NEEDS_TPR_SHADOW,
                        VmEntryCheck.APIC_ACCESSES_EXCLUDE_X2APIC_MODE,
                        VmEntryCheck.POSTED_INTERRUPTS_NEED_VIRTUAL_INTERRUPT_DELIVERY,
                        VmEntryCheck.POSTED_INTERRUPTS_NEED_ACKNOWLEDGE_ON_EXIT,
                        VmEntryCheck.POSTED_INTERRUPT_NOTIFICATION_VECTOR_IS_A_VECTOR,
                        VmEntryCheck.POSTED_INTERRUPT_DESCRIPTOR_IS_ALIGNED),
                VmEntryCheck.failures(vmcs, LocalApic.zeroed()));
    }

    @ParameterizedTest
    @EnumSource
    void everyRuleIsASentenceAboutWhatMustHold(VmEntryCheck check) {
        assertTrue(check.rule().contains(" must be "), check.rule());
    }

    private static void assertFailures(String expected, Vmcs vmcs) {
        List<VmEntryCheck> failures = VmEntryCheck.failures(vmcs, LocalApic.zeroed());
        String names = failures.stream().map(Enum::name).collect(Collectors.joining(" "));
        assertEquals(expected, names.isEmpty() ? "-" : names);
        List<VmEntryCheck> broken = Arrays.stream(VmEntryCheck.values())
                .filter(check -> check.isBrokenBy(vmcs, LocalApic.zeroed()))
                .toList();
        assertEquals(broken, failures);
    }
}
