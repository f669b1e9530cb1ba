package org.vcpusim.arch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Vector bitmaps, redirection entries and local APIC pages. */
class ApicValuesTest {

    @Test
    void aBitmapIsASetOfVectors() {
        SplittableRandom random = new SplittableRandom(1);
        TreeSet<Integer> set = new TreeSet<>();
        VectorBitmap bitmap = VectorBitmap.EMPTY;
        for (int step = 0; step < 5_000; step++) {
            int vector = random.nextInt(256);
            if (random.nextInt(2) == 0) {
                set.add(vector);
                bitmap = bitmap.with(vector);
            } else {
                set.remove(vector);
                bitmap = bitmap.without(vector);
            }
            assertEquals(set.contains(vector), bitmap.get(vector));
            assertEquals(set.size(), bitmap.cardinality());
            assertEquals(set.isEmpty() ? -1 : set.last(), bitmap.highest());
            assertEquals(set.isEmpty(), bitmap.isEmpty());
        }
        assertEquals(List.copyOf(set), bitmap.vectors().boxed().toList());
    }

    @Test
    void vectorsAreBitsOfFourWordsAndOfEightRegisters() {
        for (int vector = 0; vector < 256; vector++) {
            VectorBitmap one = VectorBitmap.of(vector);
            for (int word = 0; word < 4; word++) {
                assertEquals(vector / 64 == word ? 1L << vector % 64 : 0, one.word(word));
            }
            for (int register = 0; register < 8; register++) {
                int expected = vector / 32 == register ? 1 << vector % 32 : 0;
                assertEquals(expected, one.register(register));
                assertEquals(
                        expected,
                        VectorBitmap.EMPTY.withRegister(register, expected).register(register));
            }
        }
    }

    @Test
    void aRegisterIsReplacedWithoutItsNeighbours() {
        VectorBitmap all = new VectorBitmap(-1, -1, -1, -1);

        assertEquals(new VectorBitmap(-1, 0xffffffffL, -1, -1), all.withRegister(3, 0));
        assertEquals(new VectorBitmap(-1, 0x80000001_ffffffffL, -1, -1), all.withRegister(3, 0x80000001));
    }

    @Test
    void unionAndDifference() {
        VectorBitmap a = VectorBitmap.of(1, 64, 200);
        VectorBitmap b = VectorBitmap.of(64, 129);

        assertEquals(VectorBitmap.of(1, 64, 129, 200), a.or(b));
        assertEquals(VectorBitmap.of(1, 200), a.andNot(b));
        assertEquals(a, a.or(VectorBitmap.EMPTY));
        VectorBitmap all = new VectorBitmap(-1, -1, -1, -1);
        for (int vector = 0; vector < 256; vector++) {
            assertEquals(all.without(vector), all.andNot(VectorBitmap.of(vector)));
        }
    }

    @Test
    void whatIsNoVectorOrWordIsRefused() {
        assertThrows(IllegalArgumentException.class, () -> VectorBitmap.of(256));
        assertThrows(IllegalArgumentException.class, () -> VectorBitmap.EMPTY.get(-1));
        assertThrows(IllegalArgumentException.class, () -> VectorBitmap.EMPTY.word(4));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        bits               | vector | delivery        | destination | trigger | status | rirr  | masked | id
        0x0000000000010000 | 0x00   | FIXED           | PHYSICAL    | EDGE    | false  | false | true   | 0
        0xff0000000001ffff | 0xff   | EXTINT          | LOGICAL     | LEVEL   | true   | true  | true   | 255
        0x0100000000008931 | 0x31   | LOWEST_PRIORITY | LOGICAL     | LEVEL   | false  | false | false  | 1
        0x8000000000005400 | 0x00   | NMI             | PHYSICAL    | EDGE    | true   | true  | false  | 128
        0x00fffffffffe2000 | 0x00   | FIXED           | PHYSICAL    | EDGE    | false  | false | false  | 0
        """)
    void anEntryIsItsFields(
            String bits,
            int vector,
            DeliveryMode delivery,
            DestinationMode destination,
            TriggerMode trigger,
            boolean status,
            boolean rirr,
            boolean masked,
            int id) {
        RedirectionEntry entry = new RedirectionEntry(Long.parseUnsignedLong(bits.substring(2), 16));

        assertEquals(
                List.of(vector, delivery, destination, trigger, status, rirr, masked, id),
                List.of(
                        entry.vector(),
                        entry.deliveryMode(),
                        entry.destinationMode(),
                        entry.triggerMode(),
                        entry.deliveryStatus(),
                        entry.remoteIrr(),
                        entry.masked(),
                        entry.destination()));
    }

    @Test
    void eachHalfOfAnEntryIsReplacedAlone() {
        RedirectionEntry entry = new RedirectionEntry(0x1122334455667788L);

        assertEquals(new RedirectionEntry(0x11223344ffffffffL), entry.withLowHalf(-1));
        assertEquals(new RedirectionEntry(0xffffffff55667788L), entry.withHighHalf(-1));
        assertEquals(List.of(0x55667788, 0x11223344), List.of(entry.lowHalf(), entry.highHalf()));
        assertEquals(
                new RedirectionEntry(0x5000), new RedirectionEntry(0).withReadOnlyBitsOf(new RedirectionEntry(-1)));
        assertEquals(
                new RedirectionEntry(~0x5000L), new RedirectionEntry(-1).withReadOnlyBitsOf(new RedirectionEntry(0)));
        assertEquals(new RedirectionEntry(0x11223344_55667788L | 0x4000), entry.withRemoteIrr());
        assertEquals(new RedirectionEntry(~0x4000L), new RedirectionEntry(-1).withoutRemoteIrr());
    }

    @Test
    void everyOffsetOfABankNamesItsFirstRegister() {
        for (int register = 0; register < ApicRegister.BANK_REGISTERS; register++) {
            assertEquals(Optional.of(ApicRegister.ISR), ApicRegister.at(0x100 + 0x10 * register));
            assertEquals(Optional.of(ApicRegister.TMR), ApicRegister.at(0x180 + 0x10 * register));
            assertEquals(Optional.of(ApicRegister.IRR), ApicRegister.at(0x200 + 0x10 * register));
        }
        assertEquals(Optional.empty(), ApicRegister.at(0x400));
        assertEquals(Optional.empty(), ApicRegister.at(-16));
        assertEquals(Optional.empty(), ApicRegister.at(0x40));
    }

    @Test
    void everyRegisterIsFoundAtItsOffsetAndMsr() {
        for (ApicRegister register : ApicRegister.values()) {
            assertEquals(Optional.of(register), ApicRegister.at(register.offset()));
            assertEquals(0x800 + register.offset() / 16, register.msr());
        }
        assertEquals(
                List.of(0x808, 0x80b, 0x830, 0x83f),
                List.of(
                        ApicRegister.TASKPRI.msr(), ApicRegister.EOI.msr(),
                        ApicRegister.ICR.msr(), ApicRegister.SELF_IPI.msr()));
    }

    @Test
    void aPageReadsWhatWasWrittenAndNothingElseChanges() {
        for (int offset = 0; offset < 0x400; offset += 16) {
            LocalApic written = LocalApic.zeroed().write(offset, 0x12345678);
            for (int other = 0; other < 0x400; other += 16) {
                boolean same = other == offset && ApicRegister.at(offset).isPresent();
                assertEquals(same ? 0x12345678 : 0, written.read(other));
            }
        }
    }

    @Test
    void pagesAreEqualIfEveryRegisterIs() {
        LocalApic page = LocalApic.zeroed();
        for (ApicRegister register : ApicRegister.values()) {
            page = page.write(register, register.offset());
        }
        for (int offset = 0; offset < 0x400; offset += 16) {
            LocalApic changed = page.write(offset, -1);
            assertEquals(ApicRegister.at(offset).isEmpty(), changed.equals(page));
            assertEquals(page, changed.write(offset, page.read(offset)));
            assertEquals(
                    page.hashCode(), changed.write(offset, page.read(offset)).hashCode());
        }
        assertEquals(
                "LocalApic[0x80=0x40, 0x210=0x10000]",
                LocalApic.zeroed().write(0x80, 0x40).write(0x210, 0x10000).toString());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        tpr  | irr  | isr  | ppr  | deliverable | reason
        0x00 | 0x31 | 0x00 | 0x00 | 0x31        | nothing masks it
        0x00 | 0x00 | 0x00 | 0x00 | -1          | nothing is requested
        0x30 | 0x31 | 0x00 | 0x30 | -1          | the same class
        0x2f | 0x31 | 0x00 | 0x2f | 0x31        | a lower class, whatever its low bits
        0x25 | 0x31 | 0x2f | 0x25 | 0x31        | equal classes: all of TPR
        0x24 | 0x41 | 0x35 | 0x30 | 0x41        | the class in service alone
        0x24 | 0x3f | 0x35 | 0x30 | -1          | in service in the same class
        """)
    void theProcessorPriorityIsTheHigherOfTaskAndServiceAndDecidesWhatIsDeliverable(
            int tpr, int irr, int isr, int ppr, int deliverable) {
        LocalApic page = LocalApic.zeroed()
                .write(ApicRegister.TASKPRI, tpr)
                .withIrr(irr == 0 ? VectorBitmap.EMPTY : VectorBitmap.of(irr, 0x11))
                .withIsr(isr == 0 ? VectorBitmap.EMPTY : VectorBitmap.of(isr))
                .withTmr(VectorBitmap.of(7))
                .withPprUpdated();

        assertEquals(
                List.of(ppr, deliverable, VectorBitmap.of(7)), List.of(page.ppr(), page.deliverable(), page.tmr()));
    }

    @Test
    void codesAndNamesAreThoseOfTheRegisters() {
        assertEquals(
                List.of("Fixed", "LowPrio", "SMI", "Res3", "NMI", "INIT", "SIPI", "ExtINT"),
                Arrays.stream(DeliveryMode.values())
                        .map(DeliveryMode::traceName)
                        .toList());
        for (int code = 0; code < 8; code++) {
            assertEquals(code, DeliveryMode.ofCode(code).code());
        }
        assertEquals(
                List.of("dst", "self", "all", "all-but-self"),
                java.util.stream.IntStream.range(0, 4)
                        .mapToObj(code -> DestinationShorthand.ofCode(code).traceName())
                        .toList());
        assertEquals(
                List.of("edge", "level", 0, 1),
                List.of(
                        TriggerMode.EDGE.traceName(), TriggerMode.LEVEL.traceName(),
                        TriggerMode.EDGE.bit(), TriggerMode.LEVEL.bit()));
        assertEquals(
                List.of("physical", "logical"),
                List.of(DestinationMode.PHYSICAL.traceName(), DestinationMode.LOGICAL.traceName()));
        assertEquals("APIC_TASKPRI", ApicRegister.TASKPRI.traceName());
    }
}
