package org.vcpusim.arch;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.vcpusim.arch.VirtualApicOutcome.Completed;
import org.vcpusim.arch.VirtualApicOutcome.GeneralProtection;
import org.vcpusim.arch.VirtualApicOutcome.IpiVirtualization;
import org.vcpusim.arch.VirtualApicOutcome.NotVirtualized;
import org.vcpusim.arch.VirtualApicOutcome.VmExit;

/**
 * The x2APIC MSRs: every combination of controls, every MSR, reads and writes.
 *
 * <p>The rules are those of SDM vol. 3C, 30.5, by MSR number.
 */
class ApicMsrTableTest {

    private static final int X2APIC = 0x10;
    private static final int REGISTERS = 0x100;
    private static final int DELIVERY = 0x200;
    private static final long[] VALUES = {0, 0x0f, 0x10, 0xff, 0x100, 0x4_0051, 1L << 32, -1};

    @Test
    void everyMsrIsReadAndWrittenAsTheControlsSay() {
        CaseCount cases = new CaseCount("x2APIC MSRs, 8 control combinations x 256 MSRs x read and write");
        CaseCount writes = new CaseCount("x2APIC MSRs, of these the writes, with 8 values each");
        for (int combination = 0; combination < 8; combination++) {
            int secondary = ((combination & 1) != 0 ? X2APIC : 0)
                    | ((combination & 2) != 0 ? REGISTERS : 0)
                    | ((combination & 4) != 0 ? DELIVERY : 0);
            VirtualApicControls controls = controls(secondary, 0);
            for (int msr = 0x800; msr <= 0x8ff; msr++) {
                checkRead(msr, secondary, controls);
                cases.add();
                for (long value : VALUES) {
                    checkWrite(new MsrWrite(msr, value), secondary, controls);
                    writes.add();
                }
                cases.add();
            }
        }
        cases.assertTotal(4_096);
        writes.assertTotal(16_384);
    }

    @Test
    void msrsOutsideTheRangeAreNotVirtualized() {
        VirtualApicControls controls = controls(X2APIC | REGISTERS | DELIVERY, 0x10);
        for (int msr : new int[] {0x7ff, 0x900, 0x1b, 0x4000_0070, 0x1808}) {
            VirtualApicStep normal = new VirtualApicStep(filled(), new NotVirtualized());
            assertEquals(normal, ApicMsrVirtualization.rdmsr(filled(), msr, MsrIntercept.PASSED_THROUGH, controls));
            assertEquals(
                    normal,
                    ApicMsrVirtualization.wrmsr(filled(), new MsrWrite(msr, 0), MsrIntercept.PASSED_THROUGH, controls));
        }
    }

    @Test
    void aTaskPriorityBelowTheThresholdExitsWithoutVirtualInterruptDelivery() {
        VirtualApicControls controls = VirtualApicControls.of(vmcs(X2APIC, 0).write(VmcsField.TPR_THRESHOLD, 6));
        LocalApic page = filled().page();

        assertEquals(
                new VirtualApicStep(apic(page.write(0x80, 0x5f)), new VmExit(ExitReason.TPR_BELOW_THRESHOLD, 0)),
                wrmsr(0x808, 0x5f, controls));
        assertEquals(new VirtualApicStep(apic(page.write(0x80, 0x60)), new Completed(0)), wrmsr(0x808, 0x60, controls));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        value              | outcome | reason
        0x0000000300000041 | ipi     | fixed, edge, physical, no shorthand
        0x0000000300004041 | ipi     | the level does not count
        0x0000000300000010 | ipi     | the lowest legal vector
        0x000000030000000f | exit    | an illegal vector
        0x0000000400000041 | exit    | above the last index of the table
        0xffffffff00000041 | exit    | broadcast
        0x0000000300000841 | exit    | logical
        0x0000000300000141 | exit    | lowest priority
        0x0000000300000441 | exit    | NMI
        0x0000000300001041 | exit    | bit 12, which is not reserved
        0x0000000300008041 | exit    | level-triggered
        0x0000000300040041 | exit    | to self: this MSR has no self-IPI virtualization
        0x0000000300080041 | exit    | to all
        0x00000003000c0041 | exit    | to all but self
        0x0000000300002041 | fault   | bit 13
        0x0000000300010041 | fault   | bit 16
        0x0000000300020041 | fault   | bit 17
        0x0000000300100041 | fault   | bit 20
        0x0000000380000041 | fault   | bit 31
        """)
    void ipiVirtualizationTakesFixedEdgePhysicalCommandsOver(String text, String outcome) {
        long value = Long.parseUnsignedLong(text.substring(2), 16);
        VirtualApicControls controls = VirtualApicControls.of(
                vmcs(X2APIC | REGISTERS | DELIVERY, 0x10).write(VmcsField.LAST_PID_POINTER_INDEX, 3));

        VirtualApic stored = apic(filled().page().write(0x300, (int) value).write(0x310, (int) (value >>> 32)));
        VirtualApicStep expected = switch (outcome) {
            case "ipi" -> new VirtualApicStep(stored, new IpiVirtualization((int) value & 0xff, 3));
            case "exit" -> new VirtualApicStep(stored, new VmExit(ExitReason.APIC_WRITE, 0x300));
            default -> new VirtualApicStep(filled(), new GeneralProtection());
        };
        assertEquals(expected, wrmsr(0x830, value, controls));
        assertEquals(
                new VirtualApicStep(filled(), new NotVirtualized()),
                wrmsr(0x830, value, controls(X2APIC | REGISTERS | DELIVERY, 0)));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        command | destination | outcome | reason
        0x00041 | 0x02000000  | ipi     | fixed, edge, physical, no shorthand
        0x40041 | 0x02000000  | self    | self-IPI virtualization
        0x00041 | 0x03000000  | last    | the last index of the table
        0x00010 | 0x02000000  | lowest  | the lowest legal vector
        0x00041 | 0x04000000  | exit    | above the last index of the table
        0x0000f | 0x02000000  | exit    | an illegal vector
        0x4000f | 0x02000000  | exit    | an illegal vector to self
        0x00841 | 0x02000000  | exit    | logical
        0x02041 | 0x02000000  | exit    | a reserved bit: no #GP through memory
        0x01041 | 0x02000000  | exit    | delivery status
        0x80041 | 0x02000000  | exit    | to all
        """)
    void ipiVirtualizationWorksThroughThePageToo(String command, String destination, String outcome) {
        int word = Integer.decode(command);
        VirtualApicControls controls =
                VirtualApicControls.of(vmcs(0x301, 0x10).write(VmcsField.LAST_PID_POINTER_INDEX, 3));
        VirtualApic before = apic(LocalApic.zeroed().write(0x310, Integer.decode(destination)));

        LocalApic page = before.page().write(0x300, word);
        VirtualApicStep expected = switch (outcome) {
            case "ipi" -> new VirtualApicStep(apic(page), new IpiVirtualization(0x41, 2));
            case "last" -> new VirtualApicStep(apic(page), new IpiVirtualization(0x41, 3));
            case "lowest" -> new VirtualApicStep(apic(page), new IpiVirtualization(0x10, 2));
            case "self" -> new VirtualApicStep(new VirtualApic(page.write(0x220, 2), 0x41, 0, true), new Completed(0));
            default -> new VirtualApicStep(apic(page), new VmExit(ExitReason.APIC_WRITE, 0x300));
        };
        ApicPageAccess access = new ApicPageAccess(ApicAccessType.LINEAR_WRITE, 0x300, 4);
        assertEquals(expected, ApicPageVirtualization.write(before, access, word, controls));
    }

    private static void checkRead(int msr, int secondary, VirtualApicControls controls) {
        VirtualApic apic = filled();
        assertEquals(
                new VirtualApicStep(apic, new VmExit(ExitReason.MSR_READ, 0)),
                ApicMsrVirtualization.rdmsr(apic, msr, MsrIntercept.INTERCEPTED, controls));
        boolean virtualized = (secondary & X2APIC) != 0 && ((secondary & REGISTERS) != 0 || msr == 0x808);
        int offset = (msr & 0xff) << 4;
        boolean hasRegister = offset < 0x400 && apic.page().read(offset) != 0;
        long low = hasRegister ? offset << 8 | offset : 0;
        long value = msr == 0x830 ? 0x31310L << 32 | low : low;
        assertEquals(
                new VirtualApicStep(apic, virtualized ? new Completed(value) : new NotVirtualized()),
                ApicMsrVirtualization.rdmsr(apic, msr, MsrIntercept.PASSED_THROUGH, controls));
    }

    private static void checkWrite(MsrWrite write, int secondary, VirtualApicControls controls) {
        VirtualApic apic = filled();
        assertEquals(
                new VirtualApicStep(apic, new VmExit(ExitReason.MSR_WRITE, 0)),
                ApicMsrVirtualization.wrmsr(apic, write, MsrIntercept.INTERCEPTED, controls));
        assertEquals(
                expectedWrite(write.msr(), write.value(), secondary),
                ApicMsrVirtualization.wrmsr(apic, write, MsrIntercept.PASSED_THROUGH, controls),
                write::toString);
    }

    /** Vector 0 is not in service: an EOI of it makes SVI the highest that is, bit 16 of the register at 0x170. */
    private static VirtualApicStep expectedWrite(int msr, long value, int secondary) {
        boolean delivery = (secondary & DELIVERY) != 0;
        boolean special = (secondary & X2APIC) != 0 && (msr == 0x808 || delivery && (msr == 0x80b || msr == 0x83f));
        VirtualApicStep fault = new VirtualApicStep(filled(), new GeneralProtection());
        LocalApic page = filled().page();
        int low = (int) value;
        if (!special) {
            return new VirtualApicStep(filled(), new NotVirtualized());
        }
        if (value < 0 || value > (msr == 0x80b ? 0 : 0xff)) {
            return fault;
        }
        return switch (msr) {
            case 0x808 ->
                new VirtualApicStep(
                        apic(delivery ? page.write(0x80, low).write(0xa0, low) : page.write(0x80, low)),
                        new Completed(0));
            case 0x80b ->
                new VirtualApicStep(
                        new VirtualApic(page.write(0xb0, 0).write(0xa0, 0xf0), 0, 0xf0, false), new Completed(0));
            default ->
                low >> 4 == 0
                        ? new VirtualApicStep(apic(page.write(0x3f0, low)), new VmExit(ExitReason.APIC_WRITE, 0x3f0))
                        : new VirtualApicStep(
                                new VirtualApic(withRequest(page.write(0x3f0, low), low), low, 0, low >> 4 > 0xa),
                                new Completed(0));
        };
    }

    private static LocalApic withRequest(LocalApic page, int vector) {
        int register = 0x200 + vector / 32 * 16;
        return page.write(register, page.read(register) | 1 << vector % 32);
    }

    private static VirtualApicStep wrmsr(int msr, long value, VirtualApicControls controls) {
        return ApicMsrVirtualization.wrmsr(filled(), new MsrWrite(msr, value), MsrIntercept.PASSED_THROUGH, controls);
    }

    /** Each slot that has a register holds its offset twice. */
    private static VirtualApic filled() {
        LocalApic page = LocalApic.zeroed();
        for (int offset = 0; offset < 0x400; offset += 0x10) {
            page = page.write(offset, offset << 8 | offset);
        }
        return apic(page);
    }

    private static VirtualApic apic(LocalApic page) {
        return new VirtualApic(page, 0, 0, false);
    }

    private static VirtualApicControls controls(long secondary, long tertiary) {
        return VirtualApicControls.of(vmcs(secondary, tertiary));
    }

    private static Vmcs vmcs(long secondary, long tertiary) {
        return Vmcs.cleared()
                .write(VmcsField.PIN_BASED_VM_EXEC_CONTROL, 0x1)
                .write(VmcsField.CPU_BASED_VM_EXEC_CONTROL, 0x8022_0000L)
                .write(VmcsField.SECONDARY_VM_EXEC_CONTROL, secondary)
                .write(VmcsField.TERTIARY_VM_EXEC_CONTROL, tertiary);
    }
}
