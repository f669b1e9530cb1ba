package org.vcpusim.check;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.vcpusim.arch.DeliveryMode;
import org.vcpusim.arch.RedirectionEntry;
import org.vcpusim.arch.TriggerMode;
import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.kvm.ApicIdentity;
import org.vcpusim.kvm.EntryPhase;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.MpState;
import org.vcpusim.kvm.Protocol;
import org.vcpusim.kvm.RtcTracking;
import org.vcpusim.kvm.VcpuRequest;
import org.vcpusim.trace.Source;
import org.vcpusim.trace.TraceRecord;

/**
 * Traces by hand of the invariants about the RTC, ack notifiers, saved states, suppressed EOIs, storms and the host, a word an event.
 *
 * <pre>
 * rtc:1/2           the RTC counts 1 EOI to come, and 2 vCPUs owe one
 * put:0/97          user space puts back a local APIC's state in which vector 97 is requested
 * owe:97 rest:0 held:97  vCPU 0 owes the RTC an EOI of vector 97; at the end it has nothing; it has 97
 * resampler:5       pin 5 has a resampler; asked:0 resampler 0 is asked
 * mask:5 unmask:5   the level entry of pin 5, with vector 0x31, is masked, unmasked; unmaskedge:5 is of an edge entry
 * accept:49         a vCPU is given level interrupt 49; edge:49 an edge
 * accept:0/49       vCPU 0 is given level interrupt 49; edge:0/49 an edge
 * eoi:0/49          its EOI reaches KVM; silent:0/49 it does not
 * reset:0           vCPU 0 is reset
 * ack:5             the ack notifiers of pin 5 run
 * rewrite:5         the entry of pin 5 gets vector 0x32
 * storm:9           9 EOIs of vector 0x31 have found its line high at the start; pause:0 KVM makes a pause
 * rise:5 fall:5     line 5 rises, falls
 * vm:4              a VM starts with these flags of KVM_CAP_X2APIC_API
 * spiv:1/4607       vCPU 1 writes its spurious-interrupt vector register; spivmsr by MSR, eoiwrite the EOI register
 * pend:1/49         vCPU 1's EOI of 49 is for user space
 * spread:0/49       vCPU 0's EOI of 49 is broadcast; quiet:0/49 it is suppressed; ended:5 an EOI ends pin 5, of vector 49
 * scan:1            a request to scan is on its way to 1 vCPU
 * save:6/2          lines 1 and 2 are saved as pending, the edge of line 1 was delivered
 * restore:6         lines 1 and 2 are restored as pending
 * line:1 low:1      the line of edge pin 1 was raised, lowered; second:1 a rise is coalesced; served:1 it interrupts
 * audit:0           nothing moves any more
 * crash:NO_IOAPIC   the host crashes
 * </pre>
 */
class IoapicInvariantsTest {
    /** The rules that this class is about. */
    private static final List<String> SUBJECTS = List.of("I9", "I12", "I13", "E4", "L2", "L4", "H1");

    private static final long LEVEL = 0x8031;
    private static final long MASKED = 0x10000;

    @ParameterizedTest(name = "{2}")
    @CsvSource(delimiter = '|', quoteCharacter = '"', textBlock = """
        # trace                                        | violated invariant at word, and sentence | reason
        rtc:1/1 rtc:2/2 rtc:0/0                        | "" | each vCPU owes one EOI
        rtc:1/0                                        | I9 0: the RTC counts 1 EOIs to come, and 0 vCPUs owe it one | one too many
        rtc:-1/0                                       | I9 0: the RTC counts -1 EOIs to come, and 0 vCPUs owe it one | an error for a number
        owe:97 reset:0 rest:0                             | ""      | INIT has taken it away
        owe:97 reset:0 edge:0/98 rest:0                   | ""      | something else came after INIT
        owe:97 reset:1 rest:0                             | I9 2: the RTC waits for an EOI of vector 0x61 by vcpu0, whose local APIC does not hold it | INIT of another
        owe:97 reset:0 edge:0/97 rest:0                   | I9 3: the RTC waits for an EOI of vector 0x61 by vcpu0, whose local APIC does not hold it | it came after INIT
        owe:97 put:0/97 rest:0                              | I9 2: the RTC waits for an EOI of vector 0x61 by vcpu0, whose local APIC does not hold it | user space has left it
        owe:97 put:0/98 rest:0                              | ""      | user space has taken it away
        owe:97 rest:0                                     | I9 1: the RTC waits for an EOI of vector 0x61 by vcpu0, whose local APIC does not hold it | it will never come
        owe:97 held:97                                 | "" | it has the interrupt
        boot:0 apic:0 pin8:97 put:0/97 enter:0         | I9 4: the RTC waits for no EOI by vcpu0, which was given its vector 0x61 | user space gave it
        boot:0 apic:0 pin8:97 put:0/97 owe:97 enter:0  | "" | it waits
        boot:0 apic:0 pin8:97 put:0/98 enter:0         | "" | another vector
        boot:0 apic:0 pin8:97 put:0/97 pin8:98 enter:0 | "" | its pin has another by now
        boot:1 apic:1 pin8:97 put:1/97 enter:1         | "" | its pin leads elsewhere
        apic:0 pin8:97 put:0/97 enter:0                | "" | the vCPU was created with it
        boot:0 apic:0 pin8:97 owe:97 put:0/98 enter:0  | I9 5: the RTC waits for an EOI by vcpu0, from which its vector 0x61 was taken | user space took it
        boot:0 apic:0 pin8:97 owe:97 put:0/98 edge:0/97 enter:0 | "" | it came again
        boot:0 apic:0 pin8:97 owe:97 put:0/98 rtc:0/0 enter:0 | "" | it waits no more
        boot:0 apic:0 pin8:97 put:0/98 edge:0/97 enter:0 | "" | another one of its vector came
        boot:1 apic:1 pin8:97 owe:97 put:1/98 enter:1  | "" | another vCPU owes it
        owe:97 quiet:0/97 rtc:0/0                      | "" | that was its EOI
        owe:97 quiet:0/98 rtc:0/0                      | I9 2: the RTC waits no more for the EOI of vector 0x61 by vcpu0, which has ended another | another vector's
        owe:97 quiet:0/98 put:0/98 rtc:0/0             | "" | user space has taken it away
        owe:97 quiet:0/98 restore:0 rtc:0/0            | "" | another state
        owe:97 held:98                                 | I9 1: the RTC waits for an EOI of vector 0x61 by vcpu0, whose local APIC does not hold it | it has another
        owe:97 rtc:0/0 rest:0                            | "" | the EOI has come
        resampler:5 unmask:5 scan:1 serve:5            | "" | the resampler has raised the line again
        resampler:5 mask:5 serve:5 scan:1              | "" | nothing was unmasked
        unmask:5 serve:5 scan:1                        | "" | there is no resampler
        resampler:6 unmask:5 serve:5 scan:1            | "" | the resampler is of another pin
        resampler:5 unmaskedge:5 serve:5 scan:1        | "" | only of a level pin an old line counts
        resampler:5 unmask:5 serve:6 scan:1            | "" | another pin
        resampler:5 unmask:5 serve:5 scan:1            | I12 2: unmasking pin 5 interrupted without asking its resampler | before the scan request
        resampler:5 line:5 unmask:5 asked:0 scan:1 rest:0 | "" | it is asked
        resampler:5 line:5 unmask:5 scan:1 rest:0      | I12 4: unmasking pin 5 with its line high did not ask its resampler | it is not
        resampler:5 line:5 unmask:5 scan:1 mask:5      | I12 4: unmasking pin 5 with its line high did not ask its resampler | not before the next write
        resampler:5 line:5 low:5 unmask:5 scan:1 rest:0 | "" | the line is low
        resampler:5 line:5 restore:0 unmask:5 scan:1 rest:0 | "" | so user space has it
        resampler:5 line:5 unmask:5 resampler:6 rest:0 | "" | the resampler is gone
        resampler:5 line:5 unmaskedge:5 scan:1 rest:0  | "" | an edge waits for no device
        line:5 unmask:5 scan:1 rest:0                  | "" | there is none
        resampler:1 line:1 unmask:1 scan:1 rest:0      | "" | the PIT's notifier asks nobody
        save:6/0 save:4/2                              | "" | what was delivered is not saved
        save:6/2                                       | I13 0: pin 1 was saved as pending, and its edge was delivered | it would come twice
        line:1 save:2/0                                | "" | the edge waits, and is saved
        line:1 save:0/0                                | I13 1: the edge of pin 1 waits, and was not saved | it waits
        served:1 line:1 save:0/0                       | "" | it was delivered
        served:1 line:1 save:2/0                       | I13 2: pin 1 was saved as pending, and its edge was delivered | it would come twice
        served:1 line:1 line:1 save:2/0                | "" | the next one waits
        served:1 line:1 line:1 save:0/0                | I13 3: the edge of pin 1 waits, and was not saved | the next one waits
        line:1 served:1 save:0/0                       | "" | it is being delivered
        line:1 low:1 save:0/0                          | "" | the line is low again
        line:1 rewrite:1 save:0/0                      | "" | the entry is another
        line:8 save:0/0                                | "" | a tick of the RTC may coalesce
        line:1 restore:0 save:0/0 audit:0              | "" | another state
        restore:6 line:1 line:2 audit:0                | "" | each line is raised
        restore:0 audit:0                              | "" | nothing was pending
        restore:6 line:1                               | "" | the end of the trace is missing
        restore:6 line:2 second:1 audit:0              | I13 3: pin 1 was restored as pending, and its line was never raised | it was high already
        restore:0 second:1                             | I13 1: the line of pin 1 rose after a restore, and counted as high already | it was kept
        restore:0 line:1 second:1                      | "" | it has risen since
        restore:0 served:1 second:1                    | "" | nobody has taken it
        second:1                                       | "" | nothing was restored
        restore:6 line:1 audit:0 audit:1               | I13 2: pin 2 was restored as pending, and its line was never raised | forgotten
        restore:4 restore:0 audit:0                    | "" | the second state has nothing pending
        resampler:5 unmask:5 scan:1 serve:5 accept:0/49 eoi:0/49 ack:5 audit:0 | "" | the notifier has run
        resampler:5 unmask:5 scan:1 serve:5 accept:0/49 eoi:0/49 | "" | the end of the trace is missing
        resampler:5 unmask:5 accept:0/49 eoi:0/49 audit:0           | "" | the interrupt was not the pin's
        unmask:5 serve:5 accept:0/49 eoi:0/49 audit:0               | "" | there is no notifier
        resampler:5 unmask:5 scan:1 serve:5 accept:0/49 eoi:1/49 audit:0 | "" | who ends it was not given it
        resampler:5 unmask:5 scan:1 serve:5 accept:0/49 eoi:0/50 audit:0 | "" | the end of another vector
        resampler:5 unmask:5 scan:1 serve:5 accept:0/49 reset:0 eoi:0/49 audit:0 | "" | reset in between
        resampler:5 unmask:5 scan:1 serve:5 accept:0/49 eoi:0/49 audit:0 | L2 6: the ack notifier of pin 5 never heard of an EOI | KVM has forgotten it
        resampler:5 unmask:5 scan:1 serve:5 accept:0/49 silent:0/49 audit:0 | L2 6: the ack notifier of pin 5 never heard of an EOI | the processor has ended it alone
        resampler:5 unmask:5 scan:1 serve:5 accept:0/49 eoi:0/49 ack:6 audit:0 | L2 7: the ack notifier of pin 5 never heard of an EOI | another pin's ran
        resampler:5 unmask:5 scan:1 serve:5 accept:0/49 eoi:0/49 rewrite:5 audit:0 | "" | the entry has another vector by then
        resampler:5 unmask:5 scan:1 serve:5 accept:0/49 eoi:0/49 resampler:6 audit:0 | "" | the notifier is gone
        storm:9998 line:5 accept:0/49 eoi:0/49 accept:0/49          | "" | one is left
        storm:9999 accept:0/49 eoi:0/49 accept:0/49 | L4 3: vector 0x31 came back to vcpu0 at each of 10000 EOIs in a row | the ten-thousandth
        storm:9999 rise:5 accept:0/49 eoi:0/49 accept:0/49 | L4 4: vector 0x31 came back to vcpu0 at each of 10000 EOIs in a row | a line that rises ends no storm
        storm:9998 accept:0/49 eoi:0/49 pause:0 accept:0/49 eoi:0/49 accept:0/49 | "" | what the pause brings is no row
        storm:9999 accept:0/49 eoi:0/49 rise:5 accept:0/49 | "" | the rise brought it
        storm:9999 fall:5 accept:0/49 eoi:0/49 accept:0/49 eoi:0/49 accept:0/49 | "" | a line that falls does
        storm:9999 accept:0/49 eoi:0/49 pause:0 accept:0/49 eoi:0/49 accept:0/49 | "" | there was a pause
        storm:9999 accept:0/49 eoi:0/49 edge:0/49 eoi:0/49 edge:0/49 eoi:0/49 edge:0/49 | "" | an edge needs a new one each time
        storm:9998 accept:0/49 eoi:0/49 accept:1/49 eoi:1/49 accept:0/49 | "" | two vCPUs take turns
        vm:4 spiv:1/4607 pend:0/49                     | "" | another vCPU suppresses
        vm:4 spiv:1/4607 spiv:1/511 pend:1/49          | "" | it does not any more
        vm:4 spiv:1/4607 reset:1 pend:1/49             | "" | it was reset
        vm:0 spiv:1/4607 pend:1/49                     | "" | user space has not enabled it
        vm:4 spiv:1/4607 pend:1/49                     | E4 2: vcpu1 suppresses the broadcast of its EOIs, and that of vector 0x31 goes to user space | it must stay
        vm:0 put:0/97 quiet:0/49 ended:5               | E4 2: the broadcast of the EOI of vector 0x31 by vcpu0 is suppressed, which nobody has asked for, E4 3: the interrupt of pin 5 ends, and no EOI of it was broadcast | suppressed, and it ends all the same
        vm:0 spread:0/49 ended:5                       | "" | broadcast
        vm:0 spread:0/49 spiv:0/4607 quiet:0/49 ended:5 | "" | one was before
        quiet:0/49 ended:5                             | "" | one may have been before
        vm:4 spivmsr:1/4607 pend:1/49                  | E4 2: vcpu1 suppresses the broadcast of its EOIs, and that of vector 0x31 goes to user space | by MSR
        vm:4 spiv:1/4607 quiet:1/49                    | "" | it has asked for that
        vm:4 spiv:1/4607 quiet:0/49                    | E4 2: the broadcast of the EOI of vector 0x31 by vcpu0 is suppressed, which nobody has asked for | another has
        vm:4 eoiwrite:1/4607 pend:1/49                 | "" | another register
        crash:NO_IOAPIC                                | H1 0: the host's kernel used an IOAPIC that was never created | there is none
        crash:NO_LOCAL_APIC                            | H1 0: the host's kernel used a local APIC that was never created | there is none
        crash:STACK_OVERFLOW                           | H1 0: the host's kernel called itself until its stack was used up | recursion
        """)
    void aTraceBreaksTheInvariant(String words, String violated, String reason) {
        Invariants invariants = Invariants.all();
        trace(words).forEach(invariants::accept);
        String found = invariants.violations().stream()
                .filter(violation -> SUBJECTS.contains(violation.invariant()))
                .map(v -> v.invariant() + " " + v.at().order() + ": " + v.sentence())
                .collect(Collectors.joining(", "));
        assertEquals(violated, found, reason);
    }

    private static List<TraceRecord> trace(String words) {
        List<TraceRecord> records = new ArrayList<>();
        for (String word : words.split(" +", -1)) {
            int colon = word.indexOf(':');
            Event event = event(word.substring(0, colon), word.substring(colon + 1));
            records.add(new TraceRecord(records.size(), records.size() + 1L, Source.VM, event));
        }
        return records;
    }

    private static Event event(String verb, String what) {
        return switch (verb) {
            case "rtc" -> new Event.RtcTracked(tracking(number(what), second(what)));
            case "owe" -> new Event.RtcTracked(new RtcTracking(List.of(new RtcTracking.Owed(0, number(what))), 1));
            case "rest" -> atRest(VectorBitmap.EMPTY);
            case "held" -> atRest(VectorBitmap.of(number(what)));
            case "resampler" -> new Event.AckNotifiersChanged(1 << number(what));
            case "mask" -> written(number(what), LEVEL, LEVEL | MASKED);
            case "unmask" -> written(number(what), LEVEL | MASKED, LEVEL);
            case "unmaskedge" -> written(number(what), 0x31 | MASKED, 0x31);
            case "asked" -> new Event.ResampleSignalled(number(what));
            case "serve" -> new Event.IoapicServiced(number(what), new RedirectionEntry(LEVEL));
            case "rewrite" -> written(number(what), LEVEL, LEVEL + 1);
            case "reset" -> new Event.VcpuReset(number(what));
            case "ack" -> new Event.IrqAcknowledged(Event.IrqChip.IOAPIC, number(what));
            case "accept" -> accepted(what, TriggerMode.LEVEL);
            case "edge" -> accepted(what, TriggerMode.EDGE);
            case "eoi" -> new Event.EoiReceived(number(what), second(what));
            case "silent" -> new Event.EoiVirtualized(number(what), second(what));
            case "storm" -> new Event.StormUnderWay(5, new RedirectionEntry(LEVEL), number(what));
            case "pause" -> new Event.IoapicEoiInjectDelayed(new RedirectionEntry(LEVEL));
            case "rise" -> new Event.IrqLineSet(number(what), 1, 0);
            case "fall" -> new Event.IrqLineSet(number(what), 0, 0);
            default -> suppression(verb, what);
        };
    }

    private static Event suppression(String verb, String what) {
        return switch (verb) {
            case "vm" -> new Event.VmCreated(2, Protocol.SCAN_THEN_LOAD, 24, number(what));
            case "spiv" -> new Event.ApicAccessed(number(what), Event.Access.WRITE, 0xf0, 4, second(what));
            case "eoiwrite" -> new Event.ApicAccessed(number(what), Event.Access.WRITE, 0xb0, 4, second(what));
            case "spivmsr" -> new Event.MsrAccessed(number(what), Event.Access.WRITE, 0x80f, second(what), false);
            case "spread" -> new Event.EoiForwarded(number(what), second(what), TriggerMode.LEVEL, false);
            case "ended" -> new Event.RemoteIrrCleared(number(what), new RedirectionEntry(LEVEL));
            case "quiet" -> new Event.EoiForwarded(number(what), second(what), TriggerMode.LEVEL, true);
            case "pend" -> new Event.IoapicEoiPended(number(what), second(what));
            default -> saved(verb, what);
        };
    }

    private static Event accepted(String what, TriggerMode trigger) {
        return new Event.InterruptAccepted(number(what), DeliveryMode.FIXED, trigger, second(what));
    }

    private static Event saved(String verb, String what) {
        return switch (verb) {
            case "scan" -> new Event.BroadcastStarted(1, VcpuRequest.SCAN_IOAPIC, number(what));
            case "boot" -> new Event.VmcsInitialised(number(what), true);
            case "apic" ->
                new Event.ApicIdentityChanged(new ApicIdentity(
                        number(what),
                        number(what),
                        0,
                        ApicIdentity.DFR_FLAT,
                        ApicIdentity.ApicMode.XAPIC,
                        true,
                        false));
            case "pin8" -> written(8, 0, number(what));
            case "enter" -> new Event.GuestEntered(number(what), 0, 0, 0, Event.ApicvAtEntry.ACTIVE);
            case "put" ->
                new Event.LapicStateSet(
                        number(what), 0, 0x1ff, VectorBitmap.of(second(what)), VectorBitmap.EMPTY, VectorBitmap.EMPTY);
            case "save" -> new Event.IoapicStateSaved(number(what), second(what));
            case "restore" -> new Event.IoapicStateRestored(number(what));
            case "line" -> new Event.IoapicIrqSet(new RedirectionEntry(0x31), number(what), false, 1, true);
            case "second" -> new Event.IoapicIrqSet(new RedirectionEntry(0x31), number(what), true, 1, true);
            case "low" -> new Event.IoapicIrqSet(new RedirectionEntry(0x31), number(what), false, 0, false);
            case "served" -> new Event.IoapicServiced(number(what), new RedirectionEntry(0x31));
            case "audit" ->
                new Event.EoiExitBitmapAudited(
                        number(what), VectorBitmap.EMPTY, VectorBitmap.EMPTY, Event.BitmapVerdict.EQUAL);
            case "crash" -> new Event.HostCrashed(Event.HostCrash.valueOf(what));
            default -> throw new IllegalArgumentException(verb);
        };
    }

    private static RtcTracking tracking(int pendingEois, int owing) {
        return new RtcTracking(
                IntStream.range(0, owing)
                        .mapToObj(vcpu -> new RtcTracking.Owed(vcpu, 97))
                        .toList(),
                pendingEois);
    }

    private static Event written(int pin, long before, long after) {
        return new Event.RedirectionEntryWritten(pin, new RedirectionEntry(before), new RedirectionEntry(after), 1, 1);
    }

    private static int number(String what) {
        return Integer.parseInt(what.split("/", 2)[0]);
    }

    private static int second(String what) {
        return Integer.parseInt(what.split("/", 2)[1]);
    }

    private static Event atRest(VectorBitmap inService) {
        return new Event.VcpuAudited(
                0,
                EntryPhase.BLOCKED,
                MpState.HALTED,
                true,
                true,
                0,
                VectorBitmap.EMPTY,
                inService,
                VectorBitmap.EMPTY);
    }
}
