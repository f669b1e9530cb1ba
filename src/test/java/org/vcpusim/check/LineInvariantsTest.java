package org.vcpusim.check;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.vcpusim.arch.RedirectionEntry;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.Protocol;
import org.vcpusim.kvm.RtcTracking;
import org.vcpusim.trace.Source;
import org.vcpusim.trace.TraceRecord;

/**
 * Traces by hand of pins that interrupt by their lines, of the RTC's ticks and of ack notifiers, a word an event.
 *
 * <pre>
 * vm split          a VM starts, its IOAPIC in the kernel, in user space
 * rise:5 irqfd:5    line 5 is raised by user space, by an irqfd
 * up:5 down:5       its pin reports that the line counts as high, as low
 * level:5 edge:5    pin 5 interrupts, with a level entry, an edge entry
 * restore:0         user space restores the IOAPIC
 * owe:1             the RTC counts 1 EOI to come
 * ack:5 pic:5       the ack notifiers of pin 5 run, of input 5 of the PIC
 * end:5             an EOI ends the interrupt of pin 5; user:5 in user space's IOAPIC
 * </pre>
 */
class LineInvariantsTest {
    @ParameterizedTest(name = "{0}: {3}")
    @CsvSource(delimiter = '|', quoteCharacter = '"', textBlock = """
        # id | trace                                | violated at | reason
        I19  | edge:8                               | ""  | nothing is owed
        I19  | owe:1 edge:8                         | 1   | it has to coalesce
        I19  | owe:1 owe:0 edge:8                   | ""  | the EOI has come
        I19  | owe:1 edge:7                         | ""  | another pin
        I19  | owe:1 level:8                        | ""  | a level comes back at its EOI
        I19  | irqfd:8 owe:1 edge:8                 | ""  | irqfds do not coalesce
        I19  | irqfd:7 rise:8 owe:1 edge:8          | 3   | an irqfd of another line
        I19  | owe:1 restore:0 edge:8               | ""  | restored
        I20  | vm rise:5 level:5 up:5               | ""  | it is on its way up
        I20  | vm level:5                           | 1   | it is low
        I20  | vm rise:5 up:5 level:5               | ""  | it is high
        I20  | vm rise:5 up:5 down:5 level:5        | 4   | it is low again
        I20  | vm rise:5 up:5 down:5 rise:5 level:5 | ""  | it rises again
        I20  | vm rise:4 level:5                    | 2   | another line does
        I20  | vm edge:5                            | ""  | an edge need not be high any more
        I20  | vm rise:0 level:2                    | ""  | GSI 0 leads to pin 2
        I20  | vm restore:32 level:5                | ""  | restored
        I20  | split level:5                        | ""  | user space's
        I20  | level:5                              | ""  | it may have risen before
        E5   | vm ack:5 end:5                       | ""  | in this order
        E5   | vm end:5 ack:5                       | 1   | in the other
        E5   | vm ack:4 end:5                       | 2   | of another pin
        E5   | vm pic:5 end:5                       | 2   | of the PIC
        E5   | vm ack:5 ack:5 end:5 end:5           | ""  | two vCPUs end it
        E5   | vm ack:5 end:5 end:5                 | 3   | once each
        E5   | vm user:5                            | ""  | user space has no notifiers
        E5   | end:5                                | ""  | they may have run before
        """)
    void aTraceBreaksTheInvariant(String id, String words, String at, String reason) {
        Invariants invariants = Invariants.all();
        trace(words).forEach(invariants::accept);
        String found = invariants.violations().stream()
                .filter(violation -> violation.invariant().equals(id))
                .map(violation -> "" + violation.at().order())
                .collect(Collectors.joining(" "));
        assertEquals(at, found, reason);
    }

    private static List<TraceRecord> trace(String words) {
        List<TraceRecord> records = new ArrayList<>();
        for (String word : words.split(" +", -1)) {
            String[] parts = word.split(":", -1);
            Source source = parts[0].equals("user") ? Source.USERSPACE : Source.VM;
            Event event = event(parts[0], parts.length > 1 ? Integer.parseInt(parts[1]) : 0);
            records.add(new TraceRecord(records.size(), records.size() + 1L, source, event));
        }
        return records;
    }

    private static Event event(String verb, int number) {
        RedirectionEntry level = new RedirectionEntry(0x8031);
        RedirectionEntry edge = new RedirectionEntry(0x31);
        return switch (verb) {
            case "vm" -> new Event.VmCreated(2, Protocol.SCAN_THEN_LOAD, -1, 0);
            case "split" -> new Event.VmCreated(2, Protocol.SCAN_THEN_LOAD, 24, 0);
            case "rise" -> new Event.IrqLineSet(number, 1, 0);
            case "irqfd" -> new Event.IrqLineSet(number, 1, 1);
            case "up" -> new Event.IoapicIrqSet(level, number, false, 1, true);
            case "down" -> new Event.IoapicIrqSet(level, number, false, 0, false);
            case "level" -> new Event.IoapicServiced(number, level);
            case "edge" -> new Event.IoapicServiced(number, edge);
            case "restore" -> new Event.IoapicStateRestored(number);
            case "owe" -> new Event.RtcTracked(tracking(number));
            case "ack" -> new Event.IrqAcknowledged(Event.IrqChip.IOAPIC, number);
            case "pic" -> new Event.IrqAcknowledged(Event.IrqChip.PIC_MASTER, number);
            case "end", "user" -> new Event.RemoteIrrCleared(number, level);
            default -> throw new IllegalArgumentException(verb);
        };
    }

    private static RtcTracking tracking(int owing) {
        return new RtcTracking(
                IntStream.range(0, owing)
                        .mapToObj(vcpu -> new RtcTracking.Owed(vcpu, 97))
                        .toList(),
                owing);
    }
}
