package org.vcpusim.check;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.vcpusim.kvm.VcpuRequest.LOAD_EOI_EXITMAP;
import static org.vcpusim.kvm.VcpuRequest.SCAN_IOAPIC;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.vcpusim.arch.ExitReason;
import org.vcpusim.arch.PostedInterruptDescriptor;
import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.kvm.EntryPhase;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.LapicHints;
import org.vcpusim.kvm.Machine;
import org.vcpusim.kvm.RequestSet;
import org.vcpusim.kvm.VcpuMode;
import org.vcpusim.kvm.VcpuRequest;
import org.vcpusim.trace.Source;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * Traces by hand, a word an event.
 *
 * <pre>
 * enter0 enter0!S      vCPU 0 enters, with nothing pending, with SCAN pending; exit0, cancel0 likewise
 * make0:S1 join0:S1    SCAN is made on vCPU 0 and starts flow 1, finds the bit of flow 1 set
 * seen0:S1 done0:S1    flow 1 is seen, applied
 * start5:S end5:S      broadcast 5 of SCAN starts, completes
 * in0:INACTIVE         vCPU 0 enters with APICv inactive; enter0 is with APICv active
 * init0:on store8      vCPU 0's VMCS is initialised, with APICv; the VM's inhibits become 8
 * sleep0 wake0         vCPU 0 falls asleep, is woken
 * audit0:WRONG         the bitmap of vCPU 0 is audited
 * pend0 eoi0 drop0     an EOI of vCPU 0 is for user space, reaches it, is dropped
 * nest0 leave0 reset0  vCPU 0 goes to L2, whose bitmap has vector 49, and back to L1; is reset
 * defer0 bitmap0:49    the load of vCPU 0 is put off; vector 49 is loaded
 * skip0                a load of vCPU 0 has nothing to write
 * </pre>
 *
 * S is SCAN_IOAPIC, whose requester waits; L is LOAD_EOI_EXITMAP, whose requester does not.
 */
class InvariantsTest {
    /** The rules that this class is about; those of the bitmap and the table have classes of their own. */
    private static final List<String> SUBJECTS =
            List.of("R1", "R2", "R3", "I7", "I10", "I11", "R5", "P2", "P3", "P4", "P7", "E3", "L6");

    @ParameterizedTest(name = "{2}")
    @CsvSource(delimiter = '|', quoteCharacter = '"', textBlock = """
        # trace                                                    | violated invariant at word    | reason
        ""                                                         | ""                            | nothing happened
        enter0 exit0                                               | ""                            | nothing pending
        enter0!L                                                   | R2 0 | LOAD pending at the commit
        enter0 exit0!S                                             | ""                            | set after the commit
        cancel0!L                                                  | ""                            | the entry was abandoned
        enter0 start5:S make0:S1 exit0!S end5:S                    | ""                            | left the guest before the end
        enter0 start5:S make0:S1 end5:S                            | R3 3 | still in the old entry
        enter0 make0:S1 start5:S join0:S1 end5:S                   | R3 4 | a coalesced make counts too
        start5:S make0:S1 seen0:S1 done0:S1 enter0 end5:S          | ""                            | the entry is newer than the make
        enter0 exit0 start5:S make0:S1 end5:S                      | ""                            | not in the guest
        enter1 start5:S make0:S1 end5:S                            | ""                            | vCPU 1 is no target
        enter0 start5:L make0:L1 end5:L                            | ""                            | LOAD does not wait
        enter0 start5:S make0:L1 end5:S                            | ""                            | another request
        enter0 make0:S1 start5:S end5:S                            | ""                            | made before the broadcast
        enter1 start5:S start6:S make1:S1 end5:S exit1!S end6:S    | ""                            | the make may be of the broadcast that still runs
        enter1 start5:S start6:S make1:S1 end5:S end6:S            | R3 5 | both candidates are complete
        enter1 start5:S make1:S1 start6:S end5:S end6:S            | R3 4 | only the first was running at the make
        end5:S                                                     | ""                            | its start is before the trace
        sleep0 start5:L make0:L1 wake0 end5:L                      | ""                            | woken for it
        sleep0 start5:L make0:L1 end5:L                            | R5 3 | nobody woke it
        sleep0 start5:L join0:L1 end5:L                            | R5 3 | a coalesced make wakes too
        sleep0 wake0 start5:L make0:L1 end5:L                      | ""                            | not asleep
        start5:L make0:L1 sleep0 end5:L                            | ""                            | asleep after its request
        sleep1 start5:L make0:L1 end5:L                            | ""                            | vCPU 1 is no target
        sleep0 start5:S make0:S1 end5:S                            | ""                            | SCAN wakes nobody
        sleep0 make0:L1 start5:L end5:L                            | ""                            | made outside of the broadcast
        sleep0 start5:L start6:L make0:L1 end5:L wake0 end6:L      | ""                            | the make may be of the broadcast that still runs
        sleep0 start5:L start6:L make0:L1 end5:L end6:L            | R5 5 | both candidates are complete
        make0:S1 join0:S1 seen0:S1 done0:S1 enter0                 | ""                            | one life of a request
        make0:S1 seen0:S1 make0:S2 done0:S1 seen0:S2 done0:S2 enter0 | ""                          | made anew while handled
        make0:S1 seen0:S1 make0:L2 done0:S1 seen0:L2 done0:L2 enter0 | ""                          | the scan asks for the load
        make0:S1                                                   | ""                            | pending at the end
        make0:S1 seen0:S1                                          | ""                            | being handled at the end
        make0:S1 exit0!S cancel0!S                                 | ""                            | its bit is still there
        make0:S1 seen0:S1 join0:S1 done0:S1                        | R1 2        | the bit was not cleared first
        make0:S1 seen0:S1 enter0                                   | R1 2        | seen and forgotten
        make0:S1 seen0:S1 make0:S2 seen0:S2                        | R1 3        | the next is seen first
        make0:S1 make0:S2                                          | R1 1        | the bit was cleared in secret
        make0:S1 enter0                                            | R1 1        | the bit is not in the word
        make0:S1 exit0                                             | R1 1        | not in the word of the exit either
        make0:S1 make0:L2 cancel0!S                                | R1 2        | LOAD is not in the word
        done0:S1                                                   | R1 0        | applied and never seen
        make0:S1 make1:S1 seen0:S1 done0:S1 enter0 exit1!S         | ""                            | flows of two vCPUs do not mix
        audit0:EQUAL audit1:STALE_EXTRA audit2:PENDING audit3:UNUSED | ""                          | legal verdicts
        audit0:WRONG                                               | ""            | what the model thinks of it is no rule
        load0:rs load1:ro                                          | ""                            | RVI and SVI agree with the page
        load0:i                                                    | P4 0 | RVI lacks what is requested
        load0:s                                                    | P4 0 | SVI without anything in service
        load0:ix                                                   | ""                            | without APICv nobody reads the status
        post0 load0:p                                              | ""                            | ON is not set yet
        load0:p                                                    | P2 0 | a sync does not look at PIR
        load0:pn                                                   | ""                            | notifications are suppressed
        vtd0 load0:p                                               | P2 1 | a device is done at once
        post0 on0 load0:po                                         | ""                            | the mode is not read yet
        post0 on0 trigger0 load0:po                                | P3 3 | it was woken, and enters
        post0 on0 notify0 trigger0 load0:po                        | ""                            | the notification is on its way
        post0 on0 notify0 trigger0 load0:po exit0 load0:po         | P3 6 | it was for the entry before
        post0 on0 notify0 trigger0 cancel0 load0:po                | P3 5 | it was for the entry before
        post0 on0 post0 joinon0 trigger0 load0:po                  | P3 5 | who finds ON set leaves it to the first
        post1 on1 trigger0 load1:po                                | ""                            | posters of two vCPUs do not mix
        told0 nload0:n                                              | ""                            | the mode is not read yet
        told0 woken0 nload0:n                                       | P7 2 | it was outside, and enters L2
        told0 woken0 nload0:-                                       | ""                            | KVM has looked since
        told0 nnotify0 woken0 nload0:n                              | ""                            | the notification is on its way
        told0 nnotify0 woken0 nload0:n exit0 nload0:n                | P7 5 | it was for the entry before
        told0 nnotify0 woken0 cancel0 nload0:n                      | P7 4 | it was for the entry before
        told0 notify0 woken0 nload0:n                               | P7 3 | L1's vector does nothing in L2
        told0 nnotify0 inside0                                       | ""   | notified in the guest
        told0 inside0                                                | P7 1 | in the guest, and not notified
        told0 notify0 inside0                                        | P7 2 | L1's vector does nothing in L2
        told0 nnotify0 inside0 told0 inside0                         | P7 4 | each notifies
        told1 woken1 nload0:n told0 nload0:n                         | P7 2 | notifications of two vCPUs do not mix
        nest0 enter0 leave0 bitmap0:50 enter0                        | ""                            | nothing is loaded in L2
        nest0 bitmap0:50                                             | I11 1       | the load wrote vmcs02
        nest0 bitmap0:49                                             | ""                            | what is there already
        nest0 bitmap1:50                                             | ""                            | vCPU 1 is not in L2
        nest0 reset0 bitmap0:50                                      | ""                            | a reset leaves L2
        nest0 defer0 enter0 leave0 bitmap0:50 enter0                 | ""                            | made up for in time
        nest0 defer0 enter0 leave0 skip0 enter0                    | ""                            | with nothing to write
        nest0 defer0 leave0 enter0                                 | L6 3  | L1 runs with the old bitmap
        nest0 defer0 bitmap0:49 leave0 enter0                        | L6 4  | a load in L2 makes up for nothing
        nest0 defer0 leave0 reset0 enter0                          | ""                            | a reset asks for a scan of its own
        nest0 defer0 enter0                                        | ""                            | still in L2
        pend0 eoi0 enter0 pend0 eoi0 enter0                        | ""                            | each EOI reaches user space
        pend0 pend1 eoi1 eoi0 enter0 enter1                        | ""                            | EOIs of two vCPUs do not mix
        pend0                                                      | ""                            | on its way at the end
        pend0 user0 enter0                                         | E3 2 | another exit is not for the EOI
        pend0 enter0 enter0                                        | E3 1 | the guest goes on before
        pend0 drop0 enter0                                         | E3 1 | dropped
        pend0 pend0 eoi0                                           | E3 1 | there is one slot
        in0:INACTIVE enter0                                        | ""                            | what the VM wants is not known
        init0:on enter0                                            | ""                            | active and not inhibited
        init0:on in0:INACTIVE                                      | I10 1      | inactive and not inhibited
        init0:on in0:APIC_DISABLED                                 | ""                            | a disabled local APIC is reason enough
        init0:on in0:ACTIVE_APIC_DISABLED                          | I10 1      | active without a local APIC
        init0:on in0:CONTROLS_DIFFER                               | I10 1      | the flag and the controls differ
        init0:off in0:INACTIVE                                     | ""                            | APICv is off altogether
        init0:off enter0                                           | I10 1      | active although it is off altogether
        init0:on store8 in0:INACTIVE store0 enter0                 | ""                            | inhibited, then not
        init0:on store8 enter0                                     | I10 2      | active and inhibited
        init0:on store8 store10 in0:INACTIVE init1:on in0:INACTIVE | ""                            | another reason, another vCPU
        store8 store0 in1:INACTIVE                                 | I10 2      | not inhibited any more
        """)
    void aTraceBreaksTheInvariant(String words, String violated, String reason) {
        String found = violations(words).stream()
                .map(violation -> violation.invariant() + " " + violation.at().order())
                .collect(Collectors.joining(", "));
        assertEquals(violated, found, reason);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
        enter0!SL                       | vcpu0 entered the guest with a request pending | requests 0x80800000 (SCAN_IOAPIC, LOAD_EOI_EXITMAP)
        enter0 start5:S make0:S1 end5:S | the broadcast of SCAN_IOAPIC completed while vcpu0 was still in the guest it had entered before | entered at record 0, request made at record 2, operation 5
        sleep2 start5:L make2:L1 end5:L | the broadcast of LOAD_EOI_EXITMAP completed while vcpu2 slept on | operation 5
        make0:S3 exit0                  | SCAN_IOAPIC of vcpu0 is not pending and was never seen | flow 3, table write 9
        store2 enter3                   | vcpu3 entered the guest with APICv active, which is inhibited | ''
        nest0 bitmap0:50                | the load of vcpu0 wrote vmcs02 while L2 ran | missing [0x31], extra [0x32]
        nest2 defer2 leave2 enter2      | vcpu2 entered L1 without the load that L2 had put off | ''
        pend0 drop0                     | the EOI of vector 0x31 by vcpu0 was dropped | ''
        load0:i                         | vcpu0 entered the guest with a wrong RVI | it is 0x0 and should be 0x31
        load0:p                         | vcpu0 entered the guest with an interrupt posted which no notification is outstanding for | highest vector 0x32
        load0:po                        | vcpu0 entered the guest with an interrupt posted which nobody will tell the processor of | highest vector 0x32
        """)
    void aViolationSaysWhatHappened(String words, String sentence, String detail) {
        assertEquals(
                List.of(sentence + " / " + detail),
                violations(words).stream()
                        .map(v -> v.sentence() + " / " + v.detail())
                        .toList());
    }

    @Test
    void aBrokenMachineDoesNotFillTheMemory() {
        Invariant invariant = new NoEntryWithPendingRequest();
        TraceRecord record = record(0, "enter0!S");
        for (int i = 0; i < 1000; i++) {
            invariant.accept(record);
        }
        assertEquals(Invariant.MOST_VIOLATIONS, invariant.violations().size());
    }

    @Test
    void invariantsHaveDifferentIds() {
        List<String> ids = Invariants.all().list().stream().map(Invariant::id).toList();
        assertEquals(ids.size(), ids.stream().distinct().count());
        assertTrue(ids.stream().allMatch(id -> id.matches("[CEHILMPRX][0-9]+")), ids::toString);
    }

    @Test
    void titlesAreSentencesWithoutAFullStop() {
        for (Invariant invariant : Invariants.all().list()) {
            assertTrue(invariant.title().matches("[A-Z].{20,}[^.]"), invariant.title());
        }
    }

    @Test
    void anInvariantIsGivenWhatItWantsAndNothingElse() {
        List<String> given = new ArrayList<>();
        Invariants invariants = Invariants.allAnd(new Invariant("X1", "", Tracepoint.KVM_EXIT, Tracepoint.VCPU_RESET) {
            @Override
            public List<Thing> looksAt() {
                return List.of();
            }

            @Override
            public void accept(TraceRecord record) {
                given.add(Tracepoint.of(record.event()).traceName());
            }
        });
        trace("enter0 exit0 reset0 enter0").forEach(invariants::accept);
        assertEquals(List.of("kvm_exit", "vcpu_reset"), given);
    }

    @Test
    void violationsOfSeveralInvariantsAreInTheOrderOfTheTrace() {
        assertEquals(
                List.of("R2 0", "P4 1", "R2 2"),
                violations("enter0!S load0:i enter0!S").stream()
                        .map(v -> v.invariant() + " " + v.at().order())
                        .toList());
    }

    private static List<Violation> violations(String words) {
        Invariants invariants = Invariants.all();
        trace(words).forEach(invariants::accept);
        invariants.close();
        return invariants.violations().stream()
                .filter(violation -> SUBJECTS.contains(violation.invariant()))
                .toList();
    }

    private static List<TraceRecord> trace(String words) {
        List<TraceRecord> records = new ArrayList<>();
        for (String word :
                Arrays.stream(words.split(" +", -1)).filter(w -> !w.isEmpty()).toList()) {
            records.add(record(records.size(), word));
        }
        return records;
    }

    private static TraceRecord record(int order, String word) {
        String verb = word.replaceAll("[0-9].*", "");
        String rest = word.substring(verb.length());
        String[] parts = rest.split("[:!]", -1);
        int index = Integer.parseInt(parts[0]);
        return new TraceRecord(order, order + 1L, Source.VM, event(verb, index, parts.length > 1 ? parts[1] : ""));
    }

    private static Event event(String verb, int index, String what) {
        return switch (verb) {
            case "enter" -> new Event.GuestEntered(index, 0, 0, word(what), Event.ApicvAtEntry.ACTIVE);
            case "in" -> new Event.GuestEntered(index, 0, 0, 0, Event.ApicvAtEntry.valueOf(what));
            case "init" -> new Event.VmcsInitialised(index, what.equals("on"));
            case "store" -> new Event.ApicvInhibitsStored(index);
            case "exit" -> new Event.GuestExited(index, ExitReason.HLT, 0, 0, 0, word(what));
            case "cancel" -> new Event.EntryCancelled(index, VcpuMode.EXITING_GUEST_MODE, word(what));
            case "sleep" -> new Event.VcpuBlocked(index);
            case "wake" -> new Event.VcpuWoken(index);
            case "make" -> new Event.RequestMade(index, flow(what), false, EntryPhase.RUN_LOOP);
            case "join" -> new Event.RequestMade(index, flow(what), true, EntryPhase.RUN_LOOP);
            case "seen" -> new Event.RequestSeen(index, flow(what));
            case "done" -> new Event.RequestApplied(index, flow(what));
            case "start" -> new Event.BroadcastStarted(index, request(what.charAt(0)), 1);
            case "end" -> new Event.BroadcastCompleted(index, request(what.charAt(0)));
            case "audit" ->
                new Event.EoiExitBitmapAudited(
                        index, VectorBitmap.of(48, 50, 51), VectorBitmap.of(48, 49), Event.BitmapVerdict.valueOf(what));
            case "nest", "leave", "reset", "defer", "bitmap", "skip" -> nested(verb, index, what);
            case "pend" -> new Event.IoapicEoiPended(index, 49);
            case "drop" -> new Event.IoapicEoiDropped(index, 49);
            case "eoi" -> new Event.UserspaceExited(index, Event.UserspaceExit.KVM_EXIT_IOAPIC_EOI);
            case "user" -> new Event.UserspaceExited(index, Event.UserspaceExit.KVM_EXIT_MMIO);
            case "post" -> new Event.PostedInterruptSet(index, 50, Event.Poster.CPU, false);
            case "vtd" -> new Event.PostedInterruptSet(index, 50, Event.Poster.DEVICE, false);
            case "on" -> new Event.NotificationRequested(index, false);
            case "joinon" -> new Event.NotificationRequested(index, true);
            case "notify" -> new Event.IpiSent(index, Event.HostVector.POSTED_INTR);
            case "trigger" -> new Event.PostedInterruptTriggered(index, VcpuMode.OUTSIDE_GUEST_MODE);
            case "load" -> load(index, what);
            case "told" -> new Event.NestedNotificationNoted(index);
            case "woken" -> new Event.NestedNotificationTriggered(index, VcpuMode.OUTSIDE_GUEST_MODE);
            case "inside" -> new Event.NestedNotificationTriggered(index, VcpuMode.IN_GUEST_MODE);
            case "nnotify" -> new Event.IpiSent(index, Event.HostVector.POSTED_INTR_NESTED);
            case "nload" -> new Event.NestedPostingLoaded(index, what.equals("n"), VectorBitmap.of(50));
            default -> throw new IllegalArgumentException(verb);
        };
    }

    /** Letters: r RVI and the request, i the request only, s SVI; p PIR, o ON, n SN; x without APICv. */
    private static Event load(int vcpu, String letters) {
        boolean requested = letters.matches(".*[ri].*");
        PostedInterruptDescriptor descriptor = new PostedInterruptDescriptor(
                letters.contains("p") ? VectorBitmap.of(50) : VectorBitmap.EMPTY,
                new PostedInterruptDescriptor.Control(
                        (letters.contains("o") ? 1 : 0) | (letters.contains("n") ? 2 : 0)));
        return new Event.InterruptStateLoaded(
                vcpu,
                !letters.contains("x"),
                (letters.contains("r") ? 49 : 0) | (letters.contains("s") ? 33 << 8 : 0),
                0,
                0,
                requested ? VectorBitmap.of(49) : VectorBitmap.EMPTY,
                letters.contains("rs") ? VectorBitmap.of(33) : VectorBitmap.EMPTY,
                VectorBitmap.EMPTY,
                new LapicHints(Machine.Apicv.ACTIVE, true, 1, -1),
                descriptor);
    }

    private static Event nested(String verb, int index, String what) {
        return switch (verb) {
            case "nest" -> new Event.Vmcs02Prepared(index, VectorBitmap.of(49));
            case "leave" -> new Event.NestedExitInjected(index, ExitReason.VMCALL, 0, 0);
            case "reset" -> new Event.VcpuReset(index);
            case "defer" -> new Event.EoiExitmapLoadDeferred(index);
            case "bitmap" -> new Event.EoiExitmapLoaded(index, VectorBitmap.of(Integer.parseInt(what)));
            default -> new Event.EoiExitmapLoadSkipped(index, Event.LoadSkipped.APICV_INACTIVE);
        };
    }

    private static long word(String letters) {
        return letters.chars().mapToLong(c -> request((char) c).mask()).sum();
    }

    private static RequestSet.Flow flow(String what) {
        return new RequestSet.Flow(request(what.charAt(0)), Integer.parseInt(what.substring(1)), 9);
    }

    private static VcpuRequest request(char letter) {
        return letter == 'S' ? SCAN_IOAPIC : LOAD_EOI_EXITMAP;
    }
}
