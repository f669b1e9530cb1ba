package org.vcpusim.arch;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.vcpusim.arch.VirtualApicOutcome.Completed;
import org.vcpusim.arch.VirtualApicOutcome.GeneralProtection;
import org.vcpusim.arch.VirtualApicOutcome.NotVirtualized;
import org.vcpusim.arch.VirtualApicOutcome.VmExit;

class Cr8VirtualizationTest {

    private static final VirtualApic APIC = new VirtualApic(LocalApic.zeroed().write(0x80, 0x7c), 0, 0, false);

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        primary  | cr8  | tpr  | outcome | reason
        0x200000 | 0x0  | 0x00 | done    | all of VTPR is written
        0x200000 | 0xf  | 0xf0 | done    |
        0x200000 | 0x10 | 0x7c | fault   | four bits
        0x200000 | -1   | 0x7c | fault   |
        0x280000 | 0x3  | 0x7c | exit    | CR8-load exiting
        0x280000 | 0x10 | 0x7c | exit    | a VM exit comes before #GP
        0x080000 | 0x3  | 0x7c | exit    |
        0x300000 | 0x3  | 0x30 | done    | CR8-store exiting does not matter
        0x000000 | 0x3  | 0x7c | normal  | no TPR shadow: the physical TPR
        0x000000 | 0x10 | 0x7c | fault   |
        """)
    void aWriteIsVirtualizedWithTheTprShadow(String primary, long cr8, int tpr, String outcome) {
        VirtualApicOutcome expected = switch (outcome) {
            case "done" -> new Completed(0);
            case "fault" -> new GeneralProtection();
            case "exit" -> new VmExit(ExitReason.CR_ACCESS, 0x08);
            default -> new NotVirtualized();
        };
        assertEquals(
                new VirtualApicStep(new VirtualApic(LocalApic.zeroed().write(0x80, tpr), 0, 0, false), expected),
                Cr8Virtualization.write(APIC, cr8, controls(primary)));
    }

    @Test
    void aReadReturnsTheClass() {
        assertEquals(new VirtualApicStep(APIC, new Completed(7)), Cr8Virtualization.read(APIC, controls("0x200000")));
        assertEquals(new VirtualApicStep(APIC, new Completed(7)), Cr8Virtualization.read(APIC, controls("0x280000")));
        assertEquals(
                new VirtualApicStep(APIC, new NotVirtualized()), Cr8Virtualization.read(APIC, controls("0x000000")));
        assertEquals(
                new VirtualApicStep(APIC, new VmExit(ExitReason.CR_ACCESS, 0x18)),
                Cr8Virtualization.read(APIC, controls("0x300000")));
    }

    @Test
    void aWriteBelowTheThresholdExitsAfterTheWrite() {
        VirtualApicControls controls = VirtualApicControls.of(Vmcs.cleared()
                .write(VmcsField.CPU_BASED_VM_EXEC_CONTROL, 0x20_0000L)
                .write(VmcsField.TPR_THRESHOLD, 4));
        VirtualApic lowered = new VirtualApic(LocalApic.zeroed().write(0x80, 0x30), 0, 0, false);
        VmExit exit = new VmExit(ExitReason.TPR_BELOW_THRESHOLD, 0);

        assertEquals(new VirtualApicStep(lowered, exit), Cr8Virtualization.write(APIC, 3, controls));
        assertEquals(
                new Completed(0), Cr8Virtualization.write(APIC, 4, controls).outcome());
    }

    private static VirtualApicControls controls(String primary) {
        return VirtualApicControls.of(Vmcs.cleared().write(VmcsField.CPU_BASED_VM_EXEC_CONTROL, Long.decode(primary)));
    }
}
