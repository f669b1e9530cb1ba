package org.vcpusim.arch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.vcpusim.arch.VirtualApicOutcome.Completed;
import org.vcpusim.arch.VirtualApicOutcome.NotVirtualized;
import org.vcpusim.arch.VirtualApicOutcome.VmExit;

/**
 * The APIC-access page: every combination of controls, every register slot, reads and writes.
 *
 * <p>The lists are those of SDM vol. 3C, 30.4.2, 30.4.3.1 and 30.4.3.2, by offset.
 */
class ApicPageTableTest {

    private static final long TPR_SHADOW = 0x20_0000L;
    private static final long SECONDARY = 0x8000_0000L;
    private static final int ACCESSES = 0x1;
    private static final int X2APIC = 0x10;
    private static final int REGISTERS = 0x100;
    private static final int DELIVERY = 0x200;

    /** Primary and secondary controls: all ten that a VM entry accepts without x2APIC mode, and all set but not activated. */
    private static final List<long[]> COMBINATIONS = List.of(
            new long[] {SECONDARY, 0},
            new long[] {SECONDARY, ACCESSES},
            new long[] {SECONDARY | TPR_SHADOW, 0},
            new long[] {SECONDARY | TPR_SHADOW, REGISTERS},
            new long[] {SECONDARY | TPR_SHADOW, DELIVERY},
            new long[] {SECONDARY | TPR_SHADOW, REGISTERS | DELIVERY},
            new long[] {SECONDARY | TPR_SHADOW, ACCESSES},
            new long[] {SECONDARY | TPR_SHADOW, ACCESSES | REGISTERS},
            new long[] {SECONDARY | TPR_SHADOW, ACCESSES | DELIVERY},
            new long[] {SECONDARY | TPR_SHADOW, ACCESSES | REGISTERS | DELIVERY},
            new long[] {TPR_SHADOW, ACCESSES | REGISTERS | DELIVERY});

    private static final Set<Integer> WRITABLE = new TreeSet<>(List.of(
            0x020, 0x080, 0x0b0, 0x0d0, 0x0e0, 0x0f0, 0x280, 0x300, 0x310, 0x320, 0x330, 0x340, 0x350, 0x360, 0x370,
            0x380, 0x3e0));
    private static final Set<Integer> READ_ONLY = new TreeSet<>(List.of(
            0x030, 0x100, 0x110, 0x120, 0x130, 0x140, 0x150, 0x160, 0x170, 0x180, 0x190, 0x1a0, 0x1b0, 0x1c0, 0x1d0,
            0x1e0, 0x1f0, 0x200, 0x210, 0x220, 0x230, 0x240, 0x250, 0x260, 0x270));
    private static final Set<Integer> WITH_DELIVERY = new TreeSet<>(List.of(0x080, 0x0b0, 0x300));

    private static final VirtualApicControls ALL = controls(SECONDARY | TPR_SHADOW, ACCESSES | REGISTERS | DELIVERY);

    @Test
    void everySlotIsReadAndWrittenAsTheControlsSay() {
        CaseCount cases = new CaseCount("APIC-access page, 11 control combinations x 64 slots x read and write");
        for (long[] combination : COMBINATIONS) {
            assertEquals(List.of(), VmEntryCheck.failures(vmcs(combination[0], combination[1]), LocalApic.zeroed()));
            VirtualApicControls controls = controls(combination[0], combination[1]);
            int effective = (combination[0] & SECONDARY) == 0 ? 0 : (int) combination[1];
            boolean shadow = (combination[0] & TPR_SHADOW) != 0;
            for (int offset = 0; offset < 0x400; offset += 0x10) {
                assertEquals(
                        expectedRead(offset, effective, shadow),
                        ApicPageVirtualization.read(filled(), read(offset, 4), controls));
                cases.add();
                assertEquals(
                        expectedWrite(offset, effective, shadow),
                        ApicPageVirtualization.write(filled(), write(offset, 4), 0xa5c3_9687, controls));
                cases.add();
            }
        }
        cases.assertTotal(1_408);
    }

    @Test
    void withX2apicModeThePageIsMemory() {
        CaseCount cases =
                new CaseCount("APIC-access page in x2APIC mode, 4 control combinations x 64 slots x read and write");
        for (int others : new int[] {0, REGISTERS, DELIVERY, REGISTERS | DELIVERY}) {
            VirtualApicControls controls = controls(SECONDARY | TPR_SHADOW, X2APIC | others);
            for (int offset = 0; offset < 0x400; offset += 0x10) {
                VirtualApicStep memory = new VirtualApicStep(filled(), new NotVirtualized());
                assertEquals(memory, ApicPageVirtualization.read(filled(), read(offset, 4), controls));
                cases.add();
                assertEquals(memory, ApicPageVirtualization.write(filled(), write(offset, 4), 1, controls));
                cases.add();
            }
        }
        cases.assertTotal(512);
    }

    @Test
    void aWriteOfTheInterruptCommandIsASelfIpiOrAnExit() {
        CaseCount cases = new CaseCount("interrupt command, bits 19:0 and each of 31:20");
        int selfIpis = 0;
        VirtualApic idle = entered(LocalApic.zeroed());
        for (int word = 0; word < 1 << 20; word++) {
            selfIpis += checkCommand(idle, word);
            cases.add();
        }
        for (int bit = 20; bit < 32; bit++) {
            selfIpis += checkCommand(idle, 1 << bit | 1 << 18 | 0x41);
            cases.add();
        }
        cases.assertTotal((1 << 20) + 12);
        // 240 vectors, either destination mode, either level
        assertEquals(240 * 2 * 2, selfIpis);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        offset | size | alone | registers | reason
        0x080  | 4    | true  | true      | the register
        0x080  | 1    | true  | true      | its first byte
        0x080  | 2    | true  | true      |
        0x081  | 1    | false | true      | alone, only the first byte's offset counts
        0x082  | 2    | false | true      |
        0x083  | 1    | false | true      | the last byte
        0x081  | 4    | false | false     | one byte behind the register
        0x083  | 2    | false | false     |
        0x084  | 4    | false | false     | bits 3:2 of the address
        0x088  | 1    | false | false     |
        0x08c  | 4    | false | false     |
        0x07f  | 1    | false | false     | the byte before
        0x07e  | 4    | false | false     | reaches into the register
        0x080  | 8    | false | false     | more than 32 bits
        0x080  | 16   | false | false     |
        0x880  | 4    | false | false     | no register there
        """)
    void onlyAccessesWithinARegisterAreVirtualized(int offset, int size, boolean alone, boolean registers) {
        VmExit readExit = new VmExit(ExitReason.APIC_ACCESS, offset);
        VmExit writeExit = new VmExit(ExitReason.APIC_ACCESS, 0x1000 | offset);
        VirtualApicControls bare = controls(SECONDARY | TPR_SHADOW, ACCESSES);
        VirtualApicControls full = controls(SECONDARY | TPR_SHADOW, ACCESSES | REGISTERS);
        VirtualApic apic = filled();

        for (VirtualApicControls controls : List.of(bare, full)) {
            boolean virtualized = controls.equals(bare) ? alone : registers;
            VirtualApicOutcome read = ApicPageVirtualization.read(apic, read(offset, size), controls)
                    .outcome();
            VirtualApicOutcome write = ApicPageVirtualization.write(apic, write(offset, size), 0x77, controls)
                    .outcome();
            assertEquals(!virtualized, read.equals(readExit), read::toString);
            assertEquals(!virtualized, write.equals(writeExit), write::toString);
        }
    }

    @Test
    void partsOfARegisterAreReadAndWrittenInPlace() {
        VirtualApic apic = apic(LocalApic.zeroed().write(0x320, 0x1122_3344));

        assertEquals(new Completed(0x22), read(apic, 0x322, 1));
        assertEquals(new Completed(0x1122), read(apic, 0x322, 2));
        assertEquals(new Completed(0x11), read(apic, 0x323, 1));
        assertEquals(new Completed(0xffff_fffeL), read(apic(LocalApic.zeroed().write(0x320, -2)), 0x320, 4));
        VirtualApicStep step = ApicPageVirtualization.write(apic, write(0x321, 2), 0xdead_beef, ALL);
        assertEquals(new VmExit(ExitReason.APIC_WRITE, 0x321), step.outcome());
        assertEquals(0x11be_ef44, step.next().page().read(0x320));
    }

    @Test
    void aByteOfTheTaskPriorityIsVirtualizedAsAWriteOfIt() {
        LocalApic page = LocalApic.zeroed().write(0x80, 0x10);

        VirtualApicStep step = ApicPageVirtualization.write(apic(page), write(0x81, 1), 0xff, ALL);
        assertEquals(new VirtualApicStep(apic(page.write(0xa0, 0x10)), new Completed(0)), step);
    }

    @ParameterizedTest
    @EnumSource
    void fetchesAndGuestPhysicalAccessesAlwaysExit(ApicAccessType type) {
        ApicPageAccess access = new ApicPageAccess(type, 0x080, 4);
        boolean virtualized =
                List.of("LINEAR_READ", "LINEAR_WRITE", "LINEAR_EVENT_DELIVERY").contains(type.name());

        VirtualApicOutcome exit = new VmExit(ExitReason.APIC_ACCESS, (long) type.number() << 12 | 0x080);
        assertEquals(
                virtualized ? new Completed(0x8080) : exit,
                ApicPageVirtualization.read(filled(), access, ALL).outcome());
        assertEquals(
                virtualized ? new Completed(0) : exit,
                ApicPageVirtualization.write(filled(), access, 0, ALL).outcome());
    }

    @Test
    void anAccessLiesWithinThePageAndMovesSomething() {
        assertThrows(IllegalArgumentException.class, () -> read(-1, 4));
        assertThrows(IllegalArgumentException.class, () -> read(0x1000, 4));
        assertThrows(IllegalArgumentException.class, () -> read(0, 0));
        assertEquals(new ApicPageAccess(ApicAccessType.LINEAR_READ, 0xfff, 1), read(0xfff, 1));
    }

    private static VirtualApicStep expectedRead(int offset, int secondary, boolean shadow) {
        if ((secondary & ACCESSES) == 0) {
            return new VirtualApicStep(filled(), new NotVirtualized());
        }
        boolean listed = (secondary & REGISTERS) != 0
                ? WRITABLE.contains(offset) || READ_ONLY.contains(offset)
                : offset == 0x080 || (secondary & DELIVERY) != 0 && WITH_DELIVERY.contains(offset);
        return new VirtualApicStep(
                filled(),
                shadow && listed ? new Completed(offset << 8 | offset) : new VmExit(ExitReason.APIC_ACCESS, offset));
    }

    private static VirtualApicStep expectedWrite(int offset, int secondary, boolean shadow) {
        if ((secondary & ACCESSES) == 0) {
            return new VirtualApicStep(filled(), new NotVirtualized());
        }
        boolean listed = (secondary & REGISTERS) != 0
                ? WRITABLE.contains(offset)
                : offset == 0x080 || (secondary & DELIVERY) != 0 && WITH_DELIVERY.contains(offset);
        if (!shadow || !listed) {
            return new VirtualApicStep(filled(), new VmExit(ExitReason.APIC_ACCESS, 0x1000 | offset));
        }
        boolean delivery = (secondary & DELIVERY) != 0;
        LocalApic page = filled().page();
        return switch (offset) {
            // TPR 0x87 is above SVI 0
            case 0x080 -> completed(delivery ? page.write(0x080, 0x87).write(0x0a0, 0x87) : page.write(0x080, 0x87));
            // ends vector 0, which is not in service; the highest in service is bit 16 of the register at 0x170
            case 0x0b0 ->
                delivery
                        ? new VirtualApicStep(
                                new VirtualApic(page.write(0x0b0, 0).write(0x0a0, 0xf0), 0, 0xf0, false),
                                new Completed(0))
                        : stored(page, offset);
            case 0x310 -> completed(page.write(0x310, 0xa500_0000));
            default -> stored(page, offset);
        };
    }

    private static VirtualApicStep completed(LocalApic page) {
        return new VirtualApicStep(apic(page), new Completed(0));
    }

    private static VirtualApicStep stored(LocalApic page, int offset) {
        return new VirtualApicStep(apic(page.write(offset, 0xa5c3_9687)), new VmExit(ExitReason.APIC_WRITE, offset));
    }

    /** Returns 1 if it is a self-IPI. */
    private static int checkCommand(VirtualApic idle, int word) {
        boolean reserved = word >>> 20 != 0 || (word >>> 16 & 3) != 0 || (word >>> 13 & 1) != 0;
        boolean pending = (word >>> 12 & 1) != 0;
        boolean edge = (word >>> 15 & 1) == 0;
        boolean fixed = (word >>> 8 & 7) == 0;
        boolean self = (word >>> 18 & 3) == 1;
        boolean legal = (word >>> 4 & 0xf) != 0;
        boolean selfIpi = !reserved && !pending && edge && fixed && self && legal;
        int vector = word & 0xff;
        LocalApic stored = idle.page().write(0x300, word);
        LocalApic requested = stored.write(0x200 + vector / 32 * 16, 1 << vector % 32);
        VirtualApicStep expected = selfIpi
                ? new VirtualApicStep(new VirtualApic(requested, vector, 0, true), new Completed(0))
                : new VirtualApicStep(new VirtualApic(stored, 0, 0, false), new VmExit(ExitReason.APIC_WRITE, 0x300));
        VirtualApicStep step = ApicPageVirtualization.write(idle, write(0x300, 4), word, ALL);
        if (!expected.equals(step)) {
            assertEquals(expected, step, () -> "word 0x%x".formatted(word));
        }
        return selfIpi ? 1 : 0;
    }

    private static VirtualApicOutcome read(VirtualApic apic, int offset, int size) {
        return ApicPageVirtualization.read(apic, read(offset, size), ALL).outcome();
    }

    private static ApicPageAccess read(int offset, int size) {
        return new ApicPageAccess(ApicAccessType.LINEAR_READ, offset, size);
    }

    private static ApicPageAccess write(int offset, int size) {
        return new ApicPageAccess(ApicAccessType.LINEAR_WRITE, offset, size);
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

    private static VirtualApic entered(LocalApic page) {
        return apic(page).entered(ALL, ActivityState.ACTIVE).next();
    }

    private static VirtualApicControls controls(long primary, long secondary) {
        return VirtualApicControls.of(vmcs(primary, secondary));
    }

    private static Vmcs vmcs(long primary, long secondary) {
        return Vmcs.cleared()
                .write(VmcsField.PIN_BASED_VM_EXEC_CONTROL, 0x1)
                .write(VmcsField.CPU_BASED_VM_EXEC_CONTROL, primary)
                .write(VmcsField.SECONDARY_VM_EXEC_CONTROL, secondary);
    }
}
