package org.vcpusim.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.vcpusim.arch.RedirectionEntry;

class IoapicWriteTest {
    private static final int PIN = 5;
    private static final int LOW = 0x10 + 2 * PIN;
    private static final int HIGH = LOW + 1;

    private static AnsweredVm vm(RedirectionEntry entry, Fault... faults) {
        return AnsweredVm.with(Fixtures.apicvActive(4, faults), Ioapic.reset().withEntry(PIN, entry));
    }

    private static RedirectionEntry entry(String hex) {
        return new RedirectionEntry(Long.parseUnsignedLong(hex.substring(2), 16));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        before             | half | value      | targets | reason
        0x0100000000018031 | low  | 0x00008031 | 1       | the entry's target
        0x0100000000008031 | low  | 0x00008031 | 1       | a write that changes nothing scans too
        0x0100000000008031 | low  | 0x00008131 | 0 1 2 3 | not fixed any more: all
        0x0100000000008131 | low  | 0x00008031 | 1       | fixed after the write
        0x0100000000008031 | high | 0x02000000 | 1 2     | new and old target
        0x0100000000008031 | high | 0xff000000 | 0 1 2 3 | broadcast
        0xff00000000008031 | high | 0x02000000 | 0 1 2 3 | out of broadcast
        0x0100000000008031 | high | 0x09000000 | 1       | nobody has ID 9
        0x0900000000008031 | high | 0x09000000 | -       | nobody at all
        0x0200000000000031 | low  | 0x00000032 | 2       | edge pins are scanned for too
        """)
    void theTargetsOfTheNewAndTheOldEntryAreAskedToScan(String before, String half, long value, String targets) {
        AnsweredVm vm = vm(entry(before));

        vm.send(new Vm.IoapicRegisterWrite(0, half.equals("low") ? LOW : HIGH, (int) value));

        List<String> expected = targets.equals("-")
                ? List.of()
                : List.of(targets.split(" ")).stream()
                        .map(t -> "SCAN_IOAPIC " + t)
                        .toList();
        assertEquals(expected, vm.takeLog());
        assertEquals(List.of(new Vcpu.OperationDone(0)), vm.takeAnswers());
    }

    @Test
    void inTheOlderProtocolEveryVcpuIsAskedToLoad() {
        AnsweredVm vm = AnsweredVm.with(
                Fixtures.machine(2, Machine.Apicv.ACTIVE, Protocol.LOAD_EOI_EXITMAP),
                Ioapic.reset().withEntry(PIN, Fixtures.level(0x31, 1)));

        vm.send(new Vm.IoapicRegisterWrite(0, LOW, 0x8031));

        assertEquals(List.of("LOAD_EOI_EXITMAP 0", "LOAD_EOI_EXITMAP 1"), vm.takeLog());
    }

    @Test
    void eachHalfIsAWriteOfItsOwnWithItsOwnScan() {
        AnsweredVm vm = vm(Fixtures.level(0x31, 1));

        vm.send(new Vm.IoapicRegisterWrite(0, HIGH, 0x02000000)).send(new Vm.IoapicRegisterWrite(0, LOW, 0x8032));

        assertEquals(
                List.of(
                        new Event.RedirectionEntryWritten(PIN, Fixtures.level(0x31, 1), Fixtures.level(0x31, 2), 1, 1),
                        new Event.RedirectionEntryWritten(PIN, Fixtures.level(0x31, 2), Fixtures.level(0x32, 2), 2, 2)),
                vm.port().events(Event.RedirectionEntryWritten.class));
        assertEquals(List.of("SCAN_IOAPIC 1", "SCAN_IOAPIC 2", "SCAN_IOAPIC 2"), vm.takeLog());
    }

    /** A write of the low half can turn logical destination 1 into physical destination 1. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        fault                   | targets
        -                       | SCAN_IOAPIC 0, SCAN_IOAPIC 1
        OLD_TARGETS_BY_NEW_MODE | SCAN_IOAPIC 1
        """)
    void theOldTargetsAreThoseOfTheOldDestinationMode(String fault, String targets) {
        AnsweredVm vm = flatVm(fault, entry("0x0100000000008831"));

        vm.send(new Vm.IoapicRegisterWrite(0, LOW, 0x8031));

        assertEquals(targets, String.join(", ", vm.takeLog()));
    }

    /** Four vCPUs with logical IDs 1, 2, 4 and 8. */
    private static AnsweredVm flatVm(String fault, RedirectionEntry entry) {
        Machine machine = fault.equals("-") ? Fixtures.apicvActive(4) : Fixtures.apicvActive(4, Fault.valueOf(fault));
        ApicIdentity[] flat = IntStream.range(0, 4)
                .mapToObj(i -> new ApicIdentity(
                        i, i, 1 << 24 + i, ApicIdentity.DFR_FLAT, ApicIdentity.ApicMode.XAPIC, true, false))
                .toArray(ApicIdentity[]::new);
        return new AnsweredVm(Vm.created(machine, Routing.of(Routing.Preset.IOAPIC), flat)
                .with(Ioapic.reset().withEntry(PIN, entry)));
    }

    /** A hint makes the vector pick one of several logical destinations: 0x31, the second of two and the second of three. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        fault                       | before             | half | value      | targets | reason
        -                           | 0x0700000000008831 | low  | 0x00008831 | 0 1 2   | all that the entry addresses
        SCAN_MASK_WITH_GARBAGE_HINT | 0x0700000000008831 | low  | 0x00008831 | 1       | one of three
        SCAN_MASK_WITH_GARBAGE_HINT | 0x0700000000008831 | high | 0x0c000000 | 1 3     | one of the new, one of the old
        SCAN_MASK_WITH_GARBAGE_HINT | 0x0200000000008031 | low  | 0x00008031 | 2       | a physical destination is one
        SCAN_MASK_WITH_GARBAGE_HINT | 0xff00000000008031 | low  | 0x00008031 | 0 1 2 3 | the slow path asks for no hint
        """)
    void aGarbageHintLeavesOneOfTheTargets(String fault, String before, String half, long value, String targets) {
        AnsweredVm vm = flatVm(fault, entry(before));

        vm.send(new Vm.IoapicRegisterWrite(0, half.equals("low") ? LOW : HIGH, (int) value));

        assertEquals("SCAN_IOAPIC " + targets.replace(" ", ", SCAN_IOAPIC "), String.join(", ", vm.takeLog()));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        fault                 | before             | value      | targets | reason
        -                     | 0x3f00000000008031 | 0x40000000 | 63 64   | the old and the new
        SCAN_MASK_OF_ONE_WORD | 0x3f00000000008031 | 0x40000000 | 63      | a word has no room for vCPU 64
        SCAN_MASK_OF_ONE_WORD | 0x3f00000000008731 | 0x40000000 | all     | where all are asked there is no word
        """)
    void aSetOfOneWordLosesTheOthers(String fault, String before, int value, String targets) {
        Machine machine = fault.equals("-") ? Fixtures.apicvActive(65) : Fixtures.apicvActive(65, Fault.valueOf(fault));
        AnsweredVm vm = AnsweredVm.with(machine, Ioapic.reset().withEntry(PIN, entry(before)));

        vm.send(new Vm.IoapicRegisterWrite(0, HIGH, value));

        IntStream asked = targets.equals("all")
                ? IntStream.range(0, 65)
                : Stream.of(targets.split(" ")).mapToInt(Integer::parseInt);
        assertEquals(asked.mapToObj(vcpu -> "SCAN_IOAPIC " + vcpu).toList(), vm.takeLog());
    }

    /** The targets of the entry are always among those that are asked, and so is whoever the garbage has a bit for. */
    @Test
    void aSetThatDoesNotBeginEmptyHasOthersInIt() {
        Machine machine = Fixtures.apicvActive(64, Fault.SCAN_MASK_NOT_ZEROED);
        Set<List<String>> sets = new LinkedHashSet<>();
        for (int seed = 0; seed < 10; seed++) {
            AnsweredVm vm = AnsweredVm.with(
                    machine.withGarbageSeed(seed), Ioapic.reset().withEntry(PIN, Fixtures.level(0x31, 1)));
            vm.send(new Vm.IoapicRegisterWrite(0, LOW, 0x8031));
            List<String> asked = vm.takeLog();
            assertTrue(asked.contains("SCAN_IOAPIC 1") && asked.size() > 1, asked::toString);
            sets.add(asked);
        }
        assertEquals(10, sets.size());
    }

    /** A broadcast is not in the APIC map; no write asks for the targets of another delivery mode than fixed. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        fault                      | bits               | targets
        -                          | 0xff00000000008031 | [0, 1]
        -                          | 0xff00000000008131 | [0, 1]
        SCAN_MASK_BY_DELIVERY_MODE | 0xff00000000008031 | [0, 1]
        SCAN_MASK_BY_DELIVERY_MODE | 0xff00000000008131 | []
        SCAN_MASK_BY_DELIVERY_MODE | 0x0100000000008131 | [1]
        """)
    void aDeliveryModeReadAsAShorthandMatchesNobodyUnlessItIsFixed(String fault, String bits, String targets) {
        Machine machine = fault.equals("-") ? Fixtures.apicvActive(2) : Fixtures.apicvActive(2, Fault.valueOf(fault));
        Apics apics = Apics.of(machine, Fixtures.identities(2));

        assertEquals(
                targets, apics.scanTargets(InterruptMessage.of(entry(bits))).toString());
    }

    @Test
    void aPinThatTheWriteUnmasksInterruptsBeforeTheScanIsRequested() {
        AnsweredVm vm = AnsweredVm.with(
                Fixtures.apicvActive(4),
                Ioapic.reset().withEntry(PIN, entry("0x0100000000018031")).withIrr(PIN));

        vm.send(new Vm.IoapicRegisterWrite(0, LOW, 0x8031));

        assertEquals(List.of("accept 1 0x31", "SCAN_IOAPIC 1"), vm.takeLog());
        assertEquals(Fixtures.level(0x31, 1).withRemoteIrr(), vm.ioapic().entry(PIN));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        before             | irr   | value      | reason
        0x0100000000018031 | true  | 0x00018031 | still masked
        0x010000000000c031 | true  | 0x00008031 | an EOI is owed
        0x0100000000018031 | false | 0x00008031 | the line is low
        0x0100000000010031 | true  | 0x00000031 | an edge that came while masked is not replayed
        """)
    void otherWritesDoNotInterrupt(String before, boolean irr, long value) {
        Ioapic ioapic = Ioapic.reset().withEntry(PIN, entry(before));
        AnsweredVm vm = AnsweredVm.with(Fixtures.apicvActive(4), irr ? ioapic.withIrr(PIN) : ioapic);

        vm.send(new Vm.IoapicRegisterWrite(0, LOW, (int) value));

        assertEquals(List.of("SCAN_IOAPIC 1"), vm.takeLog());
    }

    @Test
    void aPinWithAResamplerIsResampledInsteadWhenUnmasked() {
        AnsweredVm vm = AnsweredVm.with(
                Fixtures.apicvActive(4),
                Ioapic.reset().withEntry(PIN, entry("0x0100000000018031")).withIrr(PIN));
        vm.send(new Vm.AssignIrqfd(new Irqfds.Irqfd(77, PIN, true)));
        vm.takeLog();
        vm.takeAnswers();

        vm.send(new Vm.IoapicRegisterWrite(0, LOW, 0x8031));

        assertEquals(List.of("SCAN_IOAPIC 1"), vm.takeLog());
        assertEquals(List.of(new Userspace.ResampleSignalled(77), new Vcpu.OperationDone(0)), vm.takeAnswers());
        assertEquals(false, vm.ioapic().irr(PIN));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        size | value              | entry low half
        1    | 0xffffffffffffffff | 0xff
        2    | 0xffffffffffffffff | 0xafff
        4    | 0x1234567800008031 | 0x8031
        8    | 0x1234567800008031 | 0x8031
        """)
    void aNarrowWriteOfTheWindowIsZeroExtendedAndAWideOneCutOff(int size, String value, long low) {
        AnsweredVm vm = vm(RedirectionEntry.RESET);
        vm.send(new Vm.IoapicWrite(0, Ioapic.DEFAULT_BASE, 1, LOW));

        vm.send(new Vm.IoapicWrite(
                0, Ioapic.DEFAULT_BASE + 0x10, size, Long.parseUnsignedLong(value.substring(2), 16)));

        assertEquals(low, vm.ioapic().entry(PIN).lowHalf() & 0xffffffffL);
    }
}
