package org.vcpusim.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.vcpusim.arch.DeliveryMode;
import org.vcpusim.arch.DestinationMode;
import org.vcpusim.arch.DestinationShorthand;
import org.vcpusim.arch.RedirectionEntry;
import org.vcpusim.arch.TriggerMode;
import org.vcpusim.kvm.InterruptMessage.MsiFormat;

/** How entries, MSIs and the ICR are read: what is sent, and to whom. */
class InterruptMessageTest {
    private static final InterruptMessage PLAIN = new InterruptMessage(
            0x31,
            DeliveryMode.LOWEST_PRIORITY,
            DestinationMode.LOGICAL,
            TriggerMode.LEVEL,
            true,
            DestinationShorthand.NONE,
            0x12,
            false);

    /** Vector, delivery mode, destination and its mode, trigger mode, and what is out of the ordinary. */
    private static String words(InterruptMessage m) {
        return "%x %s %s %x %s%s%s%s"
                .formatted(
                        m.vector(),
                        m.deliveryMode(),
                        m.destinationMode(),
                        m.destination(),
                        m.triggerMode(),
                        m.asserted() ? "" : " deasserted",
                        m.shorthand() == DestinationShorthand.NONE ? "" : " " + m.shorthand(),
                        m.redirectionHint() ? " hint" : "");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        address           | data  | format | message                          | reason
        00000000fee12000  | 31    | XAPIC  | 31 FIXED PHYSICAL 12 EDGE        | destination 19:12
        00000000fee12004  | 31    | XAPIC  | 31 FIXED LOGICAL 12 EDGE         | bit 2
        00000000fee12008  | 31    | XAPIC  | 31 FIXED PHYSICAL 12 EDGE hint   | bit 3
        00000000fee12ff3  | 31    | XAPIC  | 31 FIXED PHYSICAL 12 EDGE        | what else is below bit 12 says nothing
        00000000fee12000  | 8131  | XAPIC  | 31 LOWEST_PRIORITY PHYSICAL 12 LEVEL | bits 10:8 and 15
        00000000fee12000  | f831  | XAPIC  | 31 FIXED PHYSICAL 12 LEVEL       | bit 14 says nothing, bits 13:11 nothing
        00000000fee12000  | 4ff   | XAPIC  | ff NMI PHYSICAL 12 EDGE          | all eight bits of a vector
        aabbccddfee12000  | 31    | XAPIC  | 31 FIXED PHYSICAL 12 EDGE        | the upper half is not read
        aabbccddfee12000  | 31    | X2APIC | 31 FIXED PHYSICAL aabbcc12 EDGE  | it is the destination's bits 31:8
        """)
    void whatAnMsiAsksFor(String address, String data, MsiFormat format, String message) {
        assertEquals(
                message,
                words(InterruptMessage.ofMsi(Long.parseUnsignedLong(address, 16), Integer.parseInt(data, 16), format)));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        icr   | message                                           | reason
        4031  | 31 FIXED PHYSICAL 12 EDGE                         | bit 14 asserts
        31    | 31 FIXED PHYSICAL 12 EDGE deasserted              | without it
        8500  | 0 INIT PHYSICAL 12 LEVEL deasserted               | an INIT level de-assert
        4831  | 31 FIXED LOGICAL 12 EDGE                          | bit 11
        4731  | 31 EXTINT PHYSICAL 12 EDGE                        | bits 10:8
        44031 | 31 FIXED PHYSICAL 12 EDGE SELF                    | bits 19:18
        84031 | 31 FIXED PHYSICAL 12 EDGE ALL      | all
        c4031 | 31 FIXED PHYSICAL 12 EDGE ALL_BUT_SELF      | all but the sender
        """)
    void whatTheIcrSends(String icr, String message) {
        assertEquals(message, words(InterruptMessage.ofIcr(Integer.parseInt(icr, 16), 0x12)));
    }

    @Test
    void aPinSendsWhatItsEntrySays() {
        assertEquals(
                "31 LOWEST_PRIORITY LOGICAL 12 LEVEL",
                words(InterruptMessage.of(new RedirectionEntry(0x12L << 56 | 0x8931))));
        assertEquals("41 FIXED PHYSICAL 1 EDGE", words(InterruptMessage.of(Fixtures.edge(0x41, 1))));
    }

    @Test
    void oneOfTheDestinationsIsChosenByTheDeliveryModeOrTheHint() {
        assertEquals(true, PLAIN.toLowestPriority());
        assertEquals(false, PLAIN.asFixed().toLowestPriority());
        assertEquals(true, PLAIN.asFixed().withRedirectionHint().toLowestPriority());
    }

    @Test
    void aMessageIsChangedInOneRespectOnly() {
        assertEquals("31 FIXED LOGICAL 12 LEVEL", words(PLAIN.asFixed()));
        assertEquals("31 LOWEST_PRIORITY LOGICAL 12 LEVEL hint", words(PLAIN.withRedirectionHint()));
        assertEquals("31 LOWEST_PRIORITY PHYSICAL 34 LEVEL", words(PLAIN.to(0x34, DestinationMode.PHYSICAL)));
    }
}
