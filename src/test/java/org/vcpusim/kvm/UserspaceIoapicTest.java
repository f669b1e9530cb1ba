package org.vcpusim.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.vcpusim.arch.RedirectionEntry;

/** The IOAPIC in user space, and the VMM at work on it. */
class UserspaceIoapicTest {
    private static final int PIN = 5;
    private static final int LOW = 0x10 + 2 * PIN;
    private static final long WINDOW = Ioapic.DEFAULT_BASE + 0x10;
    private static final long EOI = Ioapic.DEFAULT_BASE + 0x40;
    private static final Machine SPLIT = Fixtures.apicvActive(2).with(Irqchip.split(24));

    private final RecordingPort port = new RecordingPort();

    private static UserspaceIoapic with(RedirectionEntry entry) {
        return UserspaceIoapic.of(new IoapicState(
                0,
                0,
                0,
                IntStream.range(0, Ioapic.PINS)
                        .mapToObj(pin -> pin == PIN ? entry : RedirectionEntry.RESET)
                        .toList()));
    }

    private static UserspaceIoapic written(UserspaceIoapic ioapic, int index, int value) {
        return ioapic.writeRegister(index, value).ioapic();
    }

    private Userspace userspace(RedirectionEntry entry) {
        return Userspace.of(SPLIT, with(entry));
    }

    private static RecordingPort.Sent line(int level) {
        return new RecordingPort.Sent(
                "vm", new Vm.SetIrqLine(Vm.OfUserspace.USERSPACE, PIN, 0, level, Vm.LineStatus.WANTED));
    }

    private static RecordingPort.Sent runs(int vcpu, long value) {
        return new RecordingPort.Sent("vcpu " + vcpu, new Vcpu.Run(value));
    }

    private static RecordingPort.Sent deviceGoesOn(int device) {
        return new RecordingPort.Sent("device " + device, new Device.Done(0));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        select | value      | reason
        0x00   | 0x05000000 | ID
        0x01   | 0x00170020 | version 0x20
        0x02   | 0x05000000 | arbitration reads as ID
        0x10   | 0x00010000 | low half of pin 0, masked
        0x1a   | 0x00008031 | low half of pin 5
        0x1b   | 0x01000000 | high half of pin 5
        0x40   | 0x00000000 | no pin 24
        """)
    void theWindowReadsTheSelectedRegister(int select, long value) {
        UserspaceIoapic ioapic = written(with(Fixtures.level(0x31, 1)), 0, 0xf5000000)
                .write(Ioapic.DEFAULT_BASE, select)
                .ioapic();

        assertEquals(value, ioapic.read(WINDOW) & 0xffffffffL);
        assertEquals(select, ioapic.read(Ioapic.DEFAULT_BASE));
        assertEquals(0, ioapic.read(EOI));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        bits               | address    | data
        0x0000000000000031 | 0xfee00000 | 0x0031
        0x0300000000008031 | 0xfee03000 | 0x8031
        0xff00000000008931 | 0xfeeff004 | 0x8131
        0x010000000000c431 | 0xfee01000 | 0x8431
        """)
    void theRouteOfAnEntryIsItsMsi(String bits, long address, int data) {
        RedirectionEntry entry = new RedirectionEntry(Long.parseUnsignedLong(bits.substring(2), 16));

        assertEquals(
                Routing.NONE.with(new Routing.MsiRoute(PIN, address, data)),
                with(entry).routing());
    }

    @Test
    void aMaskedPinKeepsTheRouteOfItsLastUnmaskedEntry() {
        UserspaceIoapic open = with(Fixtures.level(0x31, 1));
        UserspaceIoapic masked = written(open, LOW, 0x18041);

        assertEquals(open.routing(), masked.routing());
        assertEquals(
                List.of(new Routing.MsiRoute(PIN, 0xfee01000L, 0x8041)),
                written(masked, LOW, 0x8041).routing().ofPins(24));
        assertEquals(Routing.NONE, UserspaceIoapic.reset().routing());
    }

    @Test
    void aWriteKeepsReadOnlyBitsAndEdgeClearsRemoteIrr() {
        UserspaceIoapic waiting = with(Fixtures.level(0x31, 1).withRemoteIrr());

        assertEquals(
                new RedirectionEntry(0x010000000000c041L),
                written(waiting, LOW, 0x8041).entries().get(PIN));
        assertEquals(
                new RedirectionEntry(0x0100000000000041L),
                written(waiting, LOW, 0x0041).entries().get(PIN));
        assertEquals(
                new UserspaceIoapic.Written(
                        waiting.write(Ioapic.DEFAULT_BASE, LOW).ioapic(), -1),
                waiting.write(Ioapic.DEFAULT_BASE, LOW),
                "IOREGSEL is no entry");
        assertEquals(1, written(waiting, LOW, 0x8041).writes());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        bits               | vector | remoteIrr | reason
        0x010000000000c031 | 0x31   | false     | its vector
        0x010000000000c031 | 0x32   | true      | another's
        0x010000000001c031 | 0x31   | false     | masked or not
        """)
    void anEoiEndsTheLevelPinsWithTheVector(String bits, int vector, boolean remoteIrr) {
        UserspaceIoapic ioapic = with(new RedirectionEntry(Long.parseUnsignedLong(bits.substring(2), 16)));

        assertEquals(remoteIrr, ioapic.ended(vector).entries().get(PIN).remoteIrr(), "KVM_EXIT_IOAPIC_EOI");
        assertEquals(
                remoteIrr, ioapic.write(EOI, vector).ioapic().entries().get(PIN).remoteIrr(), "EOI register");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        bits               | levels | pin | reason
        0x0100000000008031 | 1      | 5   | a level
        0x0100000000008031 | 1 0    | -1  | which has gone
        0x010000000000c031 | 1      | -1  | an EOI is owed
        0x0100000000018031 | 1      | -1  | masked
        0x0100000000000031 | 1      | 5   | an edge
        0x0100000000000031 | 1 0    | 5   | which is remembered
        0x0100000000010031 | 1      | -1  | masked
        """)
    void whichPinCanInterrupt(String bits, String levels, int pin) {
        UserspaceIoapic ioapic = with(new RedirectionEntry(Long.parseUnsignedLong(bits.substring(2), 16)));
        for (String level : levels.split(" ", -1)) {
            ioapic = ioapic.withLine(PIN, Integer.parseInt(level));
        }
        assertEquals(pin, ioapic.deliverablePin());
    }

    @Test
    void aMaskedEdgeIsLostAndAMaskedLevelIsNot() {
        UserspaceIoapic edge = with(new RedirectionEntry(0x10031)).withLine(PIN, 1);
        UserspaceIoapic level = with(new RedirectionEntry(0x18031)).withLine(PIN, 1);

        assertEquals(-1, written(edge, LOW, 0x0031).deliverablePin());
        assertEquals(PIN, written(level, LOW, 0x8031).deliverablePin());
    }

    @Test
    void aChangedEntryIsPublishedBeforeItsPinInterruptsAndTheGuestGoesOnLast() {
        Userspace high = userspace(new RedirectionEntry(0x18031)).step(new Userspace.SetLine(2, PIN, 1), port);
        assertEquals(List.of(deviceGoesOn(2)), port.takeSent());

        Userspace publishing = high.step(new Userspace.IoapicRegisterWritten(1, LOW, 0x8031), port);
        Routing routing = Routing.NONE.with(new Routing.MsiRoute(PIN, 0xfee00000L, 0x8031));
        assertEquals(List.of(new RecordingPort.Sent("vm", new Vm.SetRouting(routing))), port.takeSent());
        assertEquals(
                List.of(new Event.RedirectionEntryWritten(
                        PIN, new RedirectionEntry(0x18031), new RedirectionEntry(0x8031), 1, 0)),
                port.takeEvents());

        Userspace raising = publishing.step(new Userspace.Done(0), port);
        assertEquals(List.of(line(1)), port.takeSent());

        Userspace free = raising.step(new Userspace.Done(1), port);
        assertEquals(List.of(runs(1, 0)), port.takeSent());
        assertEquals(true, free.irqchip().ioapic().entries().get(PIN).remoteIrr());
    }

    @Test
    void anEoiWithTheLineHighInterruptsAgain() {
        Userspace busy = userspace(Fixtures.level(0x31, 1))
                .step(new Userspace.SetLine(0, PIN, 1), port)
                .step(new Userspace.Done(1), port);
        assertEquals(List.of(line(1), deviceGoesOn(0)), port.takeSent());

        Userspace again = busy.step(new Userspace.IoapicEoi(1, 0x31), port).step(new Userspace.Done(1), port);
        assertEquals(List.of(line(1), runs(1, 0)), port.takeSent());

        again.step(new Userspace.SetLine(0, PIN, 0), port).step(new Userspace.IoapicEoi(1, 0x31), port);
        assertEquals(List.of(deviceGoesOn(0), runs(1, 0)), port.takeSent());
    }

    @Test
    void anEdgeRisesAndFalls() {
        userspace(Fixtures.edge(0x31, 1))
                .step(new Userspace.SetLine(0, PIN, 1), port)
                .step(new Userspace.Done(1), port)
                .step(new Userspace.Done(-1), port);

        assertEquals(List.of(line(1), line(0), deviceGoesOn(0)), port.takeSent());
    }

    @Test
    void whatComesDuringACallWaitsForItAndComesInTurn() {
        UserspaceIoapic ioapic = with(Fixtures.level(0x31, 1));
        Userspace calling = Userspace.of(SPLIT, ioapic).step(new Userspace.IoapicRegisterWritten(0, LOW, 0x8041), port);
        port.forget();
        Userspace.Unhandled read = new Userspace.Unhandled(Event.Access.READ, WINDOW, 4, 0);

        Userspace waiting = calling.step(new Userspace.VcpuExited(1, Event.UserspaceExit.KVM_EXIT_MMIO, read), port)
                .step(new Userspace.SetLine(0, PIN, 0), port);
        assertEquals(List.of(), port.takeSent());

        waiting.step(new Userspace.Done(0), port);
        assertEquals(List.of(runs(0, 0), runs(1, 0x8041), deviceGoesOn(0)), port.takeSent());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        size | value
        1    | 0x41
        2    | 0x8041
        4    | 0x18041
        8    | 0x18041
        """)
    void aReadHasItsSize(int size, long value) {
        Userspace.Unhandled select = new Userspace.Unhandled(Event.Access.WRITE, Ioapic.DEFAULT_BASE, 4, LOW);
        Userspace.Unhandled read = new Userspace.Unhandled(Event.Access.READ, WINDOW, size, 0);
        Event.UserspaceExit mmio = Event.UserspaceExit.KVM_EXIT_MMIO;

        userspace(new RedirectionEntry(0x18041))
                .step(new Userspace.VcpuExited(0, mmio, select), port)
                .step(new Userspace.VcpuExited(0, mmio, read), port);

        assertEquals(List.of(runs(0, 0), runs(0, value)), port.takeSent());
    }

    @Test
    void otherExitsAndOtherMachinesAreNoneOfTheIoapicsBusiness() {
        Userspace.Unhandled elsewhere = new Userspace.Unhandled(Event.Access.READ, 0xfed00000L, 4, 0);
        Userspace.Unhandled window = new Userspace.Unhandled(Event.Access.READ, WINDOW, 4, 0);
        Event.UserspaceExit mmio = Event.UserspaceExit.KVM_EXIT_MMIO;

        userspace(RedirectionEntry.RESET).step(new Userspace.VcpuExited(0, mmio, elsewhere), port);
        Userspace.of(Fixtures.apicvActive(1)).step(new Userspace.VcpuExited(0, mmio, window), port);
        Userspace.driven(SPLIT).step(new Userspace.IoapicEoi(0, 0x31), port);

        assertEquals(List.of(runs(0, -1), runs(0, -1)), port.takeSent());
    }

    @Test
    void theAuditSeesTheTableOfUserspace() {
        userspace(Fixtures.level(0x31, 1)).step(new Userspace.ShowIoapic(7), port);

        assertEquals(
                List.of(new RecordingPort.Sent(
                        "vm",
                        new Vm.IoapicShown(7, with(Fixtures.level(0x31, 1)).entries()))),
                port.takeSent());
    }

    @ParameterizedTest
    @CsvSource({"-1", "4097"})
    void moreReservedPinsThanRoutesAreRefused(int pins) {
        assertEquals(
                "reservedPins = " + pins + ": must be 0 to 4096",
                assertThrows(IllegalArgumentException.class, () -> Irqchip.split(pins))
                        .getMessage());
    }
}
