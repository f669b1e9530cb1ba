package org.vcpusim.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.vcpusim.arch.RedirectionEntry;
import org.vcpusim.arch.TriggerMode;
import org.vcpusim.arch.VectorBitmap;

class IoapicScanTest {
    private static final Machine MACHINE = Fixtures.apicvActive(2);
    private static final int PIN = 5;
    /** Pin 8 counts whatever its trigger mode; here it has a vector of its own, for vCPU 1. */
    private static final RedirectionEntry RTC = Fixtures.edge(0x28, 1);

    private static IoapicScan.Result scan(RedirectionEntry entry, int notifiedPins, Lapic lapic) {
        Ioapic ioapic = Ioapic.reset().withEntry(Ioapic.RTC_PIN, RTC).withEntry(PIN, entry);
        return IoapicScan.scan(MACHINE, ioapic, notifiedPins, lapic);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        bits                  | notified | pending | handled | stale | reason
        0x0000000000008031    | false    | -       | 0x31    | -1    | level pin for this vCPU
        0x0000000000018031    | false    | -       | 0x31    | -1    | the mask bit is ignored
        0x000000000000c031    | false    | -       | 0x31    | -1    | so is remote IRR
        0x0000000000008431    | false    | -       | 0x31    | -1    | and the delivery mode
        0x0000000000000031    | false    | -       | -       | -1    | an edge pin is not considered
        0x0000000000000031    | true     | -       | 0x31    | -1    | an edge pin with an ack notifier is
        0x0000000000000031    | false    | 0x31    | -       | -1    | an edge pin is not, pending or not
        0x0100000000008031    | false    | -       | -       | -1    | a level pin for the other vCPU
        0x0100000000008031    | false    | 0x31    | 0x31    | 0x31  | it is handled while pending, and stale
        0x0000000000008031    | false    | 0x31    | 0x31    | -1    | pending and addressed is not stale
        0x0100000000000031    | true     | 0x31    | 0x31    | 0x31  | a notified edge pin can be stale too
        0xff00000000008031    | false    | -       | 0x31    | -1    | broadcast
        0x0100000000008831    | false    | -       | -       | -1    | logical, and no logical ID is set
        """)
    void whichEntriesMakeAVectorHandled(String bits, boolean notified, String pending, String handled, int stale) {
        Lapic lapic = Fixtures.enabledLapic(0);
        if (!pending.equals("-")) {
            lapic = lapic.requested(Integer.decode(pending), TriggerMode.LEVEL);
        }
        RedirectionEntry entry = new RedirectionEntry(Long.parseUnsignedLong(bits.substring(2), 16));

        IoapicScan.Result result = scan(entry, notified ? 1 << PIN : 0, lapic);

        VectorBitmap expected = handled.equals("-") ? VectorBitmap.EMPTY : VectorBitmap.of(Integer.decode(handled));
        assertEquals(new IoapicScan.Result(expected, stale), result);
    }

    /** The entry leads to the other vCPU by now, and its vector is pending here. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        fault                      | bits               | stale
        -                          | 0x0100000000008031 | 0x31
        -                          | 0x0100000000000031 | 0x31
        SCAN_FORGETS_PENDING_LEVEL | 0x0100000000008031 | -1
        SCAN_FORGETS_PENDING_LEVEL | 0x0100000000000031 | 0x31
        SCAN_FORGETS_PENDING_EDGE  | 0x0100000000008031 | 0x31
        SCAN_FORGETS_PENDING_EDGE  | 0x0100000000000031 | -1
        """)
    void aScanBeforeTheFixForgetsWhatIsPending(String fault, String bits, int stale) {
        Machine machine = fault.equals("-") ? MACHINE : Fixtures.apicvActive(2, Fault.valueOf(fault));
        RedirectionEntry entry = new RedirectionEntry(Long.decode(bits));
        Ioapic ioapic = Ioapic.reset().withEntry(Ioapic.RTC_PIN, RTC).withEntry(PIN, entry);
        Lapic lapic = Fixtures.enabledLapic(0).requested(0x31, TriggerMode.LEVEL);

        IoapicScan.Result result = IoapicScan.scan(machine, ioapic, 1 << PIN, lapic);

        VectorBitmap expected = stale < 0 ? VectorBitmap.EMPTY : VectorBitmap.of(stale);
        assertEquals(new IoapicScan.Result(expected, stale), result);
    }

    @Test
    void aVectorInServiceIsPendingToo() {
        Lapic lapic =
                Fixtures.enabledLapic(0).requested(0x31, TriggerMode.LEVEL).acknowledged(0x31);

        assertEquals(new IoapicScan.Result(VectorBitmap.of(0x31), 0x31), scan(Fixtures.level(0x31, 1), 0, lapic));
    }

    @Test
    void theHighestStaleVectorIsTheHighestOfThoseOnlyPending() {
        Lapic lapic = Fixtures.enabledLapic(0)
                .requested(0x31, TriggerMode.LEVEL)
                .requested(0x41, TriggerMode.LEVEL)
                .requested(0x51, TriggerMode.LEVEL);
        Ioapic ioapic = Ioapic.reset()
                .withEntry(Ioapic.RTC_PIN, RTC)
                .withEntry(1, Fixtures.level(0x41, 1))
                .withEntry(2, Fixtures.level(0x31, 1))
                .withEntry(3, Fixtures.level(0x51, 0));

        assertEquals(
                new IoapicScan.Result(VectorBitmap.of(0x31, 0x41, 0x51), 0x41),
                IoapicScan.scan(MACHINE, ioapic, 0, lapic));
    }

    /** After creation pin 8 has vector 0 and destination 0, and counts although it is edge-triggered and masked. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        vcpu | word0
        0    | 1
        1    | 0
        """)
    void afterCreationThePinOfTheRtcAddressesTheFirstVcpuWithVectorZero(int vcpu, long word0) {
        assertEquals(
                new IoapicScan.Result(new VectorBitmap(word0, 0, 0, 0), -1),
                IoapicScan.scan(MACHINE, Ioapic.reset(), 0, Fixtures.enabledLapic(vcpu)));
    }

    @Test
    void theVectorThatAVcpuOwesTheRtcIsHandledAfterTheEntryHasChanged() {
        Ioapic ioapic = Ioapic.reset()
                .withEntry(Ioapic.RTC_PIN, RTC)
                .withRtc(RtcTracking.NONE.accepted(0, 0x71).withPendingEois(1));

        assertEquals(
                new IoapicScan.Result(VectorBitmap.of(0x71), -1),
                IoapicScan.scan(MACHINE, ioapic, 0, Fixtures.enabledLapic(0)));
        assertEquals(
                new IoapicScan.Result(VectorBitmap.of(0x28), -1),
                IoapicScan.scan(MACHINE, ioapic, 0, Fixtures.enabledLapic(1)));
    }
}
