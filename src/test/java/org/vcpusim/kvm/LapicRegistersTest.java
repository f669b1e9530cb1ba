package org.vcpusim.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;

import java.util.List;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.vcpusim.arch.ApicRegister;
import org.vcpusim.arch.TriggerMode;
import org.vcpusim.kvm.LapicRegisters.Effect;
import org.vcpusim.kvm.LapicRegisters.Write;

class LapicRegistersTest {

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        register | value      | stored     | effect   | reason
        ID       | 0x05123456 | 0x05000000 | IDENTITY | bits 31:24
        LDR      | 0x04ffffff | 0x04000000 | IDENTITY | bits 31:24
        DFR      | 0x00000000 | 0x0fffffff | IDENTITY | low bits read as ones
        TASKPRI  | 0x00000120 | 0x00000020 | PRIORITY | bits 7:0
        SPIV     | 0xffffffff | 0x000003ff | NONE     | still enabled; EOI broadcasts cannot be suppressed
        SPIV     | 0x000000ff | 0x000000ff | IDENTITY | software disable
        ICR      | 0x00005041 | 0x00004041 | IPI      | the delivery status is never set
        ICR2     | 0x03ffffff | 0x03000000 | NONE     | bits 31:24
        LVTT     | 0xffffffff | 0x000310ff | NONE     | vector, status, mask, periodic
        LVTTHMR  | 0xffffffff | 0x000117ff | NONE     | with a delivery mode
        LVTPC    | 0xffffffff | 0x000117ff | NONE     | with a delivery mode
        LVT0     | 0xffffffff | 0x0001f7ff | NONE     | with polarity, remote IRR and trigger mode
        LVT1     | 0xffffffff | 0x0001f7ff | NONE     | with polarity, remote IRR and trigger mode
        LVTERR   | 0xffffffff | 0x000110ff | NONE     | vector, status, mask
        TDCR     | 0xffffffff | 0x0000000b | NONE     | bits 3, 1 and 0
        TMICT    | 0x12345678 | 0x12345678 | NONE     | stored as it is
        ESR      | 0x00000001 | 0x00000000 | NONE     | not stored
        EOI      | 0x00000001 | 0x00000000 | EOI      | any value
        LVR      | 0x00000001 | 0x00050014 | FAULT    | read-only
        PROCPRI  | 0x00000001 | 0x00000000 | FAULT    | read-only
        SELF_IPI | 0x00000041 | 0x00000000 | FAULT    | x2APIC only
        """)
    void aWriteInXapicModeStoresTheWritableBits(ApicRegister register, long value, long stored, Effect effect) {
        Write write = LapicRegisters.write(Fixtures.enabledLapic(1), register.offset(), (int) value);

        assertEquals(effect, write.effect());
        assertEquals(stored, write.lapic().page().read(register) & 0xffffffffL);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        msr   | value              | effect   | reason
        0x802 | 0x0000000000000001 | FAULT    | the ID is read-only
        0x80d | 0x0000000000000001 | FAULT    | so is the LDR
        0x80e | 0x0000000000000001 | FAULT    | there is no DFR
        0x831 | 0x0000000000000001 | FAULT    | there is no ICR2
        0x808 | 0x0000000000000020 | PRIORITY | TPR
        0x808 | 0x0000000100000020 | FAULT    | upper half of a 32-bit register
        0x80b | 0x0000000000000000 | EOI      | EOI
        0x828 | 0x0000000000000000 | NONE     | ESR, by zero only
        0x828 | 0x0000000000000001 | FAULT    | ESR, by zero only
        0x83f | 0x0000000000000041 | IPI      | self IPI
        0x83f | 0x0000000000000141 | FAULT    | self IPI, bits 7:0 only
        0x830 | 0x0000000300004041 | IPI      | ICR
        0x830 | 0x0000000000000fff | IPI      | vector, delivery and destination mode
        0x830 | 0x0000000000001000 | IPI      | the delivery status is ignored
        0x830 | 0x0000000000002000 | FAULT    | bit 13
        0x830 | 0x0000000000010000 | FAULT    | bit 16
        0x830 | 0x0000000000020000 | FAULT    | bit 17
        0x830 | 0x00000000000c0000 | IPI      | shorthand
        0x830 | 0x0000000000100000 | FAULT    | bit 20
        0x830 | 0x0000000080000000 | FAULT    | bit 31
        0x803 | 0x0000000000000000 | FAULT    | the version is read-only
        0x800 | 0x0000000000000000 | FAULT    | no register
        0x8ff | 0x0000000000000000 | FAULT    | no register
        """)
    void aWriteOfAnX2apicMsr(int msr, long value, Effect effect) {
        assertEquals(
                effect,
                LapicRegisters.writeMsr(Fixtures.x2apicLapic(1), msr, value).effect());
        assertEquals(
                Effect.FAULT,
                LapicRegisters.writeMsr(Fixtures.enabledLapic(1), msr, value).effect());
    }

    @Test
    void theIcrOfX2apicModeIsOneRegisterOfSixtyFourBits() {
        Write write = LapicRegisters.writeMsr(Fixtures.x2apicLapic(1), 0x830, 0x12345678_00005041L);

        assertEquals(List.of(0x4041, 0x12345678), List.of(write.icrLow(), write.icrHigh()));
        assertEquals(OptionalLong.of(0x12345678_00004041L), LapicRegisters.readMsr(write.lapic(), 0x830));
        assertEquals(OptionalLong.empty(), LapicRegisters.readMsr(Fixtures.enabledLapic(1), 0x830));
    }

    @Test
    void aSelfIpiIsAFixedIpiWithTheSelfShorthand() {
        Write write = LapicRegisters.writeMsr(Fixtures.x2apicLapic(1), 0x83f, 0x41);

        assertEquals(0x40041, write.icrLow());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        register | xapic | x2apic
        ID       | true  | true
        LVR      | true  | true
        TASKPRI  | true  | true
        ARBPRI   | true  | false
        PROCPRI  | true  | true
        EOI      | false | false
        RRR      | false | false
        LDR      | true  | true
        DFR      | true  | false
        SPIV     | true  | true
        ISR      | true  | true
        ESR      | true  | true
        LVTCMCI  | false | false
        ICR      | true  | true
        ICR2     | true  | false
        TMCCT    | true  | true
        TDCR     | true  | true
        SELF_IPI | false | false
        """)
    void whichRegistersCanBeRead(ApicRegister register, boolean xapic, boolean x2apic) {
        assertEquals(
                xapic,
                LapicRegisters.read(Fixtures.enabledLapic(1), register.offset()).isPresent());
        assertEquals(
                x2apic,
                LapicRegisters.read(Fixtures.x2apicLapic(1), register.offset()).isPresent());
        assertEquals(
                x2apic,
                LapicRegisters.readMsr(Fixtures.x2apicLapic(1), register.msr()).isPresent());
    }

    @Test
    void beyondTheLastRegisterThereIsNothingToRead() {
        assertEquals(OptionalInt.empty(), LapicRegisters.read(Fixtures.enabledLapic(0), 0x400));
        assertEquals(OptionalInt.empty(), LapicRegisters.read(Fixtures.enabledLapic(0), 0x40));
    }

    @Test
    void softwareDisableMasksEveryLvtAndKeepsThemMasked() {
        Lapic unmasked =
                LapicRegisters.write(Fixtures.enabledLapic(1), 0x350, 0x41).lapic();
        assertEquals(0x41, unmasked.page().read(ApicRegister.LVT0));

        Lapic disabled = LapicRegisters.write(unmasked, 0xf0, 0xff).lapic();

        for (ApicRegister lvt : Lapic.LVTS) {
            assertEquals(Lapic.LVT_MASKED, disabled.page().read(lvt) & Lapic.LVT_MASKED);
        }
        assertEquals(
                0x10042,
                LapicRegisters.write(disabled, 0x350, 0x42).lapic().page().read(ApicRegister.LVT0));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        from     | value         | effect   | to       | reason
        XAPIC    | 0x0fee00c00   | IDENTITY | X2APIC   | the way into x2APIC mode
        XAPIC    | 0x0fee00000   | IDENTITY | DISABLED | off
        XAPIC    | 0x0fee00400   | FAULT    | XAPIC    | x2APIC without enable
        XAPIC    | 0x0fee00800   | NONE     | XAPIC    | nothing changes
        XAPIC    | 0x0fed00800   | NONE     | XAPIC    | another page
        X2APIC   | 0x0fee00800   | FAULT    | X2APIC   | no way back to xAPIC mode
        X2APIC   | 0x0fee00000   | IDENTITY | DISABLED | but off
        X2APIC   | 0x0fee00c00   | NONE     | X2APIC   | nothing changes
        DISABLED | 0x0fee00c00   | FAULT    | DISABLED | not past xAPIC mode
        DISABLED | 0x0fee00800   | IDENTITY | XAPIC    | on
        XAPIC    | 0x0fee00a00   | FAULT    | XAPIC    | bit 9 is reserved
        XAPIC    | 0x0fee00801   | FAULT    | XAPIC    | bit 0 is reserved
        XAPIC    | 0x10000000800 | FAULT    | XAPIC    | beyond the physical addresses
        """)
    void theApicModesAndTheWaysBetweenThem(
            ApicIdentity.ApicMode from, long value, Effect effect, ApicIdentity.ApicMode to) {
        Lapic lapic = switch (from) {
            case XAPIC -> Fixtures.enabledLapic(1);
            case X2APIC -> Fixtures.x2apicLapic(1);
            case DISABLED -> Fixtures.enabledLapic(1).withApicBase(Lapic.DEFAULT_PAGE);
        };

        Write write = LapicRegisters.writeApicBase(lapic, value);

        assertEquals(effect, write.effect());
        assertEquals(to, Lapic.mode(write.lapic().apicBase()));
        if (effect == Effect.FAULT) {
            assertSame(lapic, write.lapic());
        }
    }

    @Test
    void x2apicModeFixesTheIdAndTheLogicalId() {
        Lapic x2apic = Fixtures.x2apicLapic(0x25);

        assertEquals(0x25, x2apic.page().read(ApicRegister.ID));
        assertEquals(2 << 16 | 1 << 5, x2apic.page().read(ApicRegister.LDR));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        tpr  | inService | requested | ppr  | deliverable | reason
        0x00 | -1        | 0x31      | 0x00 | 0x31        | nothing in the way
        0x30 | -1        | 0x31      | 0x30 | -1          | same class as the task
        0x2f | -1        | 0x31      | 0x2f | 0x31        | class above the task's
        0x00 | 0x35      | 0x3f      | 0x30 | -1          | same class as the one in service
        0x00 | 0x35      | 0x41      | 0x30 | 0x41        | class above
        0x45 | 0x35      | 0x41      | 0x45 | -1          | the task's priority is higher
        0x38 | 0x35      | 0x41      | 0x38 | 0x41        | same class: the task's bits
        """)
    void onlyAHigherClassInterrupts(int tpr, int inService, int requested, int ppr, int deliverable) {
        Lapic lapic = Fixtures.enabledLapic(0);
        if (inService >= 0) {
            lapic = lapic.requested(inService, TriggerMode.EDGE).acknowledged(inService);
        }
        lapic = lapic.withTpr(tpr).requested(requested, TriggerMode.EDGE);

        assertEquals(ppr, lapic.page().ppr());
        assertEquals(deliverable, lapic.deliverable());
    }

    @Test
    void theTriggerModeIsThatOfTheLastRequest() {
        Lapic level = Fixtures.enabledLapic(0).requested(0x31, TriggerMode.LEVEL);
        assertEquals(true, level.page().tmr().get(0x31));

        assertEquals(false, level.requested(0x31, TriggerMode.EDGE).page().tmr().get(0x31));
    }

    @Test
    void resetKeepsTheIdAndTheBaseAndClearsTheRest() {
        Lapic used = LapicRegisters.write(Fixtures.enabledLapic(1), 0xd0, 0x02000000)
                .lapic()
                .withTpr(0x50)
                .requested(0x31, TriggerMode.LEVEL);

        Lapic reset = used.reset();

        assertEquals(
                List.of(1 << 24, 0, 0xff, 0, -1, -1, -1),
                List.of(
                        reset.page().read(ApicRegister.ID),
                        reset.page().read(ApicRegister.LDR),
                        reset.page().read(ApicRegister.SPIV),
                        reset.page().tpr(),
                        reset.page().irr().highest(),
                        reset.page().tmr().highest(),
                        reset.page().read(ApicRegister.DFR)));
        assertEquals(used.apicBase(), reset.apicBase());
    }
}
