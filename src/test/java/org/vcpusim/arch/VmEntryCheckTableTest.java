package org.vcpusim.arch;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Every combination of the controls around APIC virtualization, with good and bad values of the fields they need. */
class VmEntryCheckTableTest {

    private static final int CONTROLS = 11;
    private static final int VALUES = 5;
    private static final long[] THRESHOLDS = {0, 3, 4, 0x10, 0x8000_0003L};
    private static final int[] VTPRS = {0x3f, 0xf0};

    /** One combination: bits 10:0 choose controls, bits 15:11 choose between a good and a bad value of a field. */
    private record Combination(int bits, long threshold, int vtpr) {
        boolean has(int bit) {
            return (bits >> bit & 1) != 0;
        }

        long mask(int bit, long mask) {
            return has(bit) ? mask : 0;
        }

        long choose(int bit, long good, long bad) {
            return has(CONTROLS + bit) ? bad : good;
        }
    }

    @Test
    void anEntryFailsByTheRulesItBreaks() {
        CaseCount cases = new CaseCount("VM-entry checks of APIC virtualization");
        int good = 0;
        for (int bits = 0; bits < 1 << CONTROLS + VALUES; bits++) {
            for (long threshold : THRESHOLDS) {
                for (int vtpr : VTPRS) {
                    Combination combination = new Combination(bits, threshold, vtpr);
                    List<String> expected = brokenRules(combination);
                    List<VmEntryCheck> failures = VmEntryCheck.failures(
                            vmcs(combination), LocalApic.zeroed().write(0x80, vtpr));
                    if (!expected.equals(failures.stream().map(Enum::name).toList())) {
                        assertEquals(expected, failures.stream().map(Enum::name).toList(), combination::toString);
                    }
                    good += expected.isEmpty() ? 1 : 0;
                    cases.add();
                }
            }
        }
        cases.assertTotal((1 << 16) * 10);
        System.out.printf("VM-entry checks of APIC virtualization: %,d of them may enter%n", good);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        address          | last  | failures                     | reason
        0x1000           | 0     | []                           |
        0x1008           | 0     | []                           | eight bytes an entry
        0x1004           | 0     | PID_POINTER_TABLE_IS_ALIGNED |
        0xfffffffffff80  | 15    | []                           | the last entry is the last eight bytes there are
        0xfffffffffff80  | 16    | PID_POINTER_TABLE_IS_ALIGNED | the last entry has no address
        0x10000000000000 | 0     | PID_POINTER_TABLE_IS_ALIGNED | nor has the first
        """)
    void theTableOfDescriptorsLiesInMemory(String address, long last, String failures) {
        Vmcs vmcs = Vmcs.cleared()
                .write(VmcsField.CPU_BASED_VM_EXEC_CONTROL, 0x22_0000L)
                .write(VmcsField.TERTIARY_VM_EXEC_CONTROL, 0x10)
                .write(VmcsField.PID_POINTER_TABLE, Long.decode(address))
                .write(VmcsField.LAST_PID_POINTER_INDEX, last);

        String broken = VmEntryCheck.failures(vmcs, LocalApic.zeroed()).toString();
        assertEquals(failures.equals("[]") ? "[]" : "[" + failures + "]", broken);
    }

    private static Vmcs vmcs(Combination c) {
        return Vmcs.cleared()
                .write(VmcsField.PIN_BASED_VM_EXEC_CONTROL, c.mask(0, 0x1) | c.mask(1, 0x80))
                .write(
                        VmcsField.CPU_BASED_VM_EXEC_CONTROL,
                        c.mask(2, 0x20_0000L) | c.mask(3, 0x8000_0000L) | c.mask(4, 0x2_0000L))
                .write(
                        VmcsField.SECONDARY_VM_EXEC_CONTROL,
                        c.mask(5, 0x1) | c.mask(6, 0x10) | c.mask(7, 0x100) | c.mask(8, 0x200))
                .write(VmcsField.TERTIARY_VM_EXEC_CONTROL, c.mask(9, 0x10))
                .write(VmcsField.VM_EXIT_CONTROLS, c.mask(10, 0x8000))
                .write(VmcsField.POSTED_INTR_NV, c.choose(0, 0xff, 0x100))
                .write(VmcsField.POSTED_INTR_DESC_ADDR, c.choose(1, 0x40, 0x20))
                .write(VmcsField.VIRTUAL_APIC_PAGE_ADDR, c.choose(2, 0x1000, 0x800))
                .write(VmcsField.APIC_ACCESS_ADDR, c.choose(3, 0xfee0_0000L, 0xfee0_0010L))
                .write(VmcsField.PID_POINTER_TABLE, c.choose(4, 0x8, 0x4))
                .write(VmcsField.TPR_THRESHOLD, c.threshold());
    }

    /** The rules of SDM vol. 3C, 27.2.1.1, each on the raw bits, in the order in which they are listed. */
    private static List<String> brokenRules(Combination c) {
        boolean shadow = c.has(2);
        boolean accesses = c.has(3) && c.has(5);
        boolean x2apic = c.has(3) && c.has(6);
        boolean registers = c.has(3) && c.has(7);
        boolean delivery = c.has(3) && c.has(8);
        boolean ipis = c.has(4) && c.has(9);
        boolean posted = c.has(1);
        List<String> broken = new ArrayList<>();
        add(broken, "X2APIC_MODE_NEEDS_TPR_SHADOW", x2apic && !shadow);
        add(broken, "APIC_REGISTER_VIRTUALIZATION_NEEDS_TPR_SHADOW", registers && !shadow);
        add(broken, "VIRTUAL_INTERRUPT_DELIVERY_NEEDS_TPR_SHADOW", delivery && !shadow);
        add(broken, "IPI_VIRTUALIZATION_NEEDS_TPR_SHADOW", ipis && !shadow);
        add(broken, "VIRTUAL_APIC_ADDRESS_IS_A_PAGE", shadow && c.has(CONTROLS + 2));
        boolean thresholdCounts = shadow && !delivery;
        add(broken, "TPR_THRESHOLD_IS_FOUR_BITS", thresholdCounts && c.threshold() >= 16);
        add(
                broken,
                "TPR_THRESHOLD_IS_NOT_ABOVE_VTPR",
                thresholdCounts && !accesses && c.threshold() % 16 > c.vtpr() / 16);
        add(broken, "APIC_ACCESS_ADDRESS_IS_A_PAGE", accesses && c.has(CONTROLS + 3));
        add(broken, "APIC_ACCESSES_EXCLUDE_X2APIC_MODE", accesses && x2apic);
        add(broken, "VIRTUAL_INTERRUPT_DELIVERY_NEEDS_EXTERNAL_INTERRUPT_EXITING", delivery && !c.has(0));
        add(broken, "POSTED_INTERRUPTS_NEED_VIRTUAL_INTERRUPT_DELIVERY", posted && !delivery);
        add(broken, "POSTED_INTERRUPTS_NEED_ACKNOWLEDGE_ON_EXIT", posted && !c.has(10));
        add(broken, "POSTED_INTERRUPT_NOTIFICATION_VECTOR_IS_A_VECTOR", posted && c.has(CONTROLS));
        add(broken, "POSTED_INTERRUPT_DESCRIPTOR_IS_ALIGNED", posted && c.has(CONTROLS + 1));
        add(broken, "PID_POINTER_TABLE_IS_ALIGNED", ipis && c.has(CONTROLS + 4));
        return broken;
    }

    private static void add(List<String> broken, String rule, boolean isBroken) {
        if (isBroken) {
            broken.add(rule);
        }
    }
}
