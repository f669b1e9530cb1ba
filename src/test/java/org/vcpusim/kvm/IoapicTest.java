package org.vcpusim.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.vcpusim.arch.RedirectionEntry;

class IoapicTest {
    private static final long WINDOW = Ioapic.DEFAULT_BASE + 0x10;

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        select | value      | reason
        0x00   | 0x05000000 | ID, bits 27:24
        0x01   | 0x00170011 | version and highest pin
        0x02   | 0x05000000 | arbitration reads as ID
        0x03   | 0xffffffff | no register
        0x0f   | 0xffffffff | no register
        0x10   | 0x00010000 | low half of pin 0, masked
        0x11   | 0x00000000 | high half of pin 0
        0x1a   | 0x00008031 | low half of pin 5
        0x1b   | 0x01000000 | high half of pin 5
        0x3f   | 0x00000000 | high half of pin 23
        0x40   | 0xffffffff | no pin 24
        0xff   | 0xffffffff | no register
        """)
    void theWindowReadsTheSelectedRegister(int select, long value) {
        Ioapic ioapic =
                Ioapic.reset().withId(5).withEntry(5, Fixtures.level(0x31, 1)).withSelect(select);

        assertEquals(value, ioapic.read(WINDOW) & 0xffffffffL);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        offset | read | reason
        0x00   | 0x1a | IOREGSEL
        0x20   | 0x00 | nothing there
        0x40   | 0x00 | no EOI register in this version
        0xf0   | 0x00 | nothing there
        """)
    void outsideTheWindowOnlyTheSelectRegisterReads(int offset, int read) {
        assertEquals(read, Ioapic.reset().withSelect(0x1a).read(Ioapic.DEFAULT_BASE + offset));
    }

    @Test
    void theSelectRegisterKeepsEightBits() {
        assertEquals(
                0x34,
                Ioapic.reset().writeOutsideWindow(Ioapic.DEFAULT_BASE, 0x1234).select());
        assertEquals(
                0,
                Ioapic.reset()
                        .writeOutsideWindow(Ioapic.DEFAULT_BASE + 0x40, 0x1234)
                        .select());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        select | value      | id
        0x00   | 0xff000000 | 15
        0x00   | 0x0a000001 | 10
        0x01   | 0xffffffff | 3
        0x02   | 0xffffffff | 3
        """)
    void ofThePlainRegistersOnlyTheIdIsWritten(int select, long value, int id) {
        assertEquals(
                id,
                Ioapic.reset()
                        .withId(3)
                        .withSelect(select)
                        .writePlainRegister((int) value)
                        .id());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        before             | select | value      | after              | reason
        0x0000000000010000 | 0x10   | 0xffffffff | 0x00000000ffffafff | read-only bits stay clear
        0x000000000000d031 | 0x10   | 0x00008032 | 0x000000000000d032 | read-only bits stay set
        0x000000000000c031 | 0x10   | 0x00000031 | 0x0000000000000031 | remote IRR goes where the entry is edge now
        0x000000000000d031 | 0x10   | 0x00000031 | 0x0000000000001031 | the delivery status stays
        0x000000000000c031 | 0x11   | 0xff123456 | 0xff1234560000c031 | the high half, reserved bits too
        0x0000000000004031 | 0x11   | 0x01000000 | 0x0100000000000031 | remote IRR of an edge entry goes by any write
        0xffffffff00010000 | 0x10   | 0x00000000 | 0xffffffff00000000 | the low half only
        """)
    void aWriteReplacesOneHalfAndKeepsWhatTheGuestCannotWrite(String before, int select, String value, String after) {
        Ioapic ioapic = Ioapic.reset().withEntry(0, entry(before)).withSelect(select);

        assertEquals(entry(after), ioapic.selectedEntryAfter(Machine.plain(1), (int)
                Long.decode(value).longValue()));
    }

    private static RedirectionEntry entry(String hex) {
        return new RedirectionEntry(Long.parseUnsignedLong(hex.substring(2), 16));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        bits     | can   | reason
        0x08031  | true  | level
        0x18031  | false | masked
        0x0c031  | false | level and an EOI owed
        0x04031  | true  | remote IRR of an edge pin means nothing
        0x10031  | false | masked edge
        0x00031  | true  | edge
        """)
    void aPinCanInterruptUnlessItIsMaskedOrAnEoiIsOwed(long bits, boolean can) {
        assertEquals(
                can, Ioapic.reset().withEntry(3, new RedirectionEntry(bits)).canService(3));
    }

    @Test
    void aPinIsAssertedWhileAnySourceAssertsIt() {
        Ioapic both = Ioapic.reset().withSource(4, 0, 1).withSource(4, 1, 1);

        assertEquals(
                List.of(true, true, true, false, false),
                List.of(
                        both.asserted(4),
                        both.withSource(4, 0, 0).asserted(4),
                        both.withSource(4, 1, 0).asserted(4),
                        both.withSource(4, 0, 0).withSource(4, 1, 0).asserted(4),
                        both.asserted(5)));
    }

    @Test
    void aDeliveredEdgeIsNotSaved() {
        Ioapic ioapic = Ioapic.reset().withIrr(3).withIrr(4).withDelivered(4);

        assertEquals(1 << 3, ioapic.savedIrr(Machine.plain(1)));
        assertEquals(1 << 3 | 1 << 4, ioapic.withoutDelivered(4).savedIrr(Machine.plain(1)));
    }

    @Test
    void aSavedStateHasTheTwentyFourEntries() {
        Ioapic ioapic = Ioapic.reset()
                .withId(2)
                .withSelect(0x1a)
                .withEntry(5, Fixtures.level(0x31, 1))
                .withIrr(5);

        IoapicState state = IoapicState.of(Machine.plain(1), ioapic);

        assertEquals(
                List.of(0x1a, 2, 1 << 5, 24, Fixtures.level(0x31, 1), RedirectionEntry.RESET),
                List.of(
                        state.select(),
                        state.id(),
                        state.irr(),
                        state.entries().size(),
                        state.entries().get(5),
                        state.entries().get(4)));
        assertThrows(IllegalArgumentException.class, () -> new IoapicState(0, 0, 0, List.of(RedirectionEntry.RESET)));
    }

    @Test
    void theWindowIsAPageOfTwoHundredFiftySixBytes() {
        assertEquals(
                List.of(false, true, true, false),
                List.of(
                        Ioapic.reset().claims(0xfebfffffL),
                        Ioapic.reset().claims(0xfec00000L),
                        Ioapic.reset().claims(0xfec000ffL),
                        Ioapic.reset().claims(0xfec00100L)));
    }
}
