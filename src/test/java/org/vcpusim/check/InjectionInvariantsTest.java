package org.vcpusim.check;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.vcpusim.arch.DeliveryMode;
import org.vcpusim.arch.EventInjection;
import org.vcpusim.arch.ExitReason;
import org.vcpusim.arch.PostedInterruptDescriptor;
import org.vcpusim.arch.RedirectionEntry;
import org.vcpusim.arch.TriggerMode;
import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.kvm.ApicIdentity;
import org.vcpusim.kvm.EntryPhase;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.LapicHints;
import org.vcpusim.kvm.Machine;
import org.vcpusim.kvm.MpState;
import org.vcpusim.kvm.Protocol;
import org.vcpusim.kvm.RequestSet;
import org.vcpusim.kvm.VcpuMode;
import org.vcpusim.kvm.VcpuRequest;
import org.vcpusim.trace.Source;
import org.vcpusim.trace.TraceRecord;

/**
 * Traces by hand of what keeps interrupts from vCPU 0 and what lets them in, a word an event: its name, then a number.
 *
 * <pre>
 * apic noapic                     its local APIC is enabled, disabled by software
 * edge:49 discard:49              a message; it is discarded
 * irr:49 known:49 hint:49 ack:49  requested, told as requested already, the hint raised, handed over
 * post:49 reposted:49             posted, told as posted already
 * make:EVENT join:EVENT seen:EVENT  a request is made, joins one that was made, is seen
 * passed:49 held:49 held2:49      entered past a vector; the guest or L2 goes on past one, in service 33, TPR 0x20
 * tpr:64 load:64/4/81             TPR; an entry finds TPR, the threshold, IRR
 * enter enter:nmi enter:49 enter:gp on mode  entries: with nothing, an NMI, a vector, #GP; APICv active; another mode
 * below                           exit because TPR is below the threshold
 * exit cancel inject:49 again:49 want  exit by HLT; entry cancelled; injections; an exit at once
 * nmi unblock request debug       an NMI; its handler has returned; KVM_NMI's request; a debugger holds events back
 * reset left:64 l2 vmcs02 vmcs12 status l1nmi  INIT, with TPR left; L2's state; an exit to L1 by an NMI
 * write msr                       KVM emulates an EOI in the page, as an MSR
 * high masked low other cleared the line of pin 5 is set, of pin 6 is lowered; pin 5 has its EOI
 * eoi:49 forward:49 pause:49 storm:9990  EOIs; the delayed work starts; a storm that was under way
 * audit asleep                    the audit, in the guest, asleep
 * </pre>
 */
class InjectionInvariantsTest {
    @ParameterizedTest(name = "{0}: {3}")
    @CsvSource(delimiter = '|', quoteCharacter = '"', textBlock = """
        # id | trace                                                   | violated at | reason
        L3   | irr:49 passed:49 audit                                  | 2           | nobody asks, as the end shows
        L3   | irr:49 passed:49 hint:49 make:EVENT audit               | ""          | its sender was on its way
        L3   | irr:49 hint:49 passed:49 make:EVENT audit               | ""          | and still is
        L3   | irr:49 hint:49 make:EVENT passed:49                     | 3           | its sender has asked
        L3   | irr:49 hint:49 make:EVENT irr:65 passed:49              | 4           | another one's is no help
        L3   | passed:49                                               | 0           | nobody has requested it
        L3   | held:49                                                 | 0           | above what is in service and TPR
        L3   | held:33                                                 | ""          | of the class in service
        L3   | held:40                                                 | ""          | below TPR
        L3   | held2:49                                                | 0           | also in L2
        P5   | irr:49 low:49 hint:49 make:EVENT audit                  | ""          | between bit and hint
        P5   | irr:49 hint:49 low:49                                   | 2           | the hint was raised
        P5   | low:49                                                  | 0           | nobody is about to raise it
        P10  | apic seen:EVENT load:64/3/49                            | ""          | kept back
        P10  | apic seen:EVENT load:64/0/49                            | 2           | nobody would hear that TPR falls
        P10  | apic seen:EVENT load:64/4/49                            | 2           | it would leave too early
        P10  | apic seen:EVENT load:32/0/49                            | ""          | not kept back
        P10  | apic seen:EVENT load:32/3/49                            | 2           | not kept back
        P10  | apic seen:EVENT irr:49 load:64/0/49                     | ""          | requested since
        P10  | apic seen:EVENT cancel load:64/0/49                     | ""          | the next pass has not looked
        P10  | apic load:64/0/49                                       | ""          | events were not looked at
        P10  | noapic seen:EVENT load:64/0/49                          | ""          | the local APIC is disabled
        P10  | apic l2 seen:EVENT load:64/0/49                         | ""          | L2's threshold is L1's
        P10  | load:64/3/49 below                                      | ""          | TPR has fallen
        P10  | load:64/0/49 below                                      | 1           | there is no threshold
        P10  | load:64/3/49 exit enter below                           | 3           | nor at the next entry
        P10  | l2 below                                                | ""          | L2's threshold is L1's
        X1   | tpr:64 load:64/0/0                                      | ""          | as written
        X1   | tpr:64 load:32/0/0                                      | 1           | another one
        X1   | tpr:64 enter                                            | 1           | an entry that finds nothing has lost it
        X1   | irr:49 known:49                                         | ""          | requested before
        X1   | known:49                                                | 0           | not requested before
        X1   | irr:49 irr:49                                           | 1           | requested before, and not told
        X1   | reset                                                   | ""          | INIT
        X1   | left:64                                                 | 0           | INIT has left TPR
        X1   | reset noapic                                            | ""          | INIT disables by software
        X1   | reset apic                                              | 1           | it has not
        X1   | reset noapic apic                                       | ""          | the guest enables it
        P1   | post:49 reposted:49                                     | ""          | posted before
        P1   | reposted:49                                             | 0           | not posted before
        P1   | post:49 post:49                                         | 1           | posted before, and not told
        X3   | irr:49 ack:49 eoi:49 make:EVENT enter                   | ""          | it looks for the next one
        X3   | irr:49 ack:49 eoi:49 enter                              | 3           | it does not
        X3   | eoi:-1 enter                                            | ""          | nothing has ended
        X7   | noapic edge:49 discard:49                               | ""          | discarded
        X7   | noapic edge:49 irr:49                                   | 2           | accepted all the same
        X7   | apic edge:49 irr:49 make:EVENT                          | ""          | accepted
        X7   | apic edge:49 discard:49                                 | 2           | discarded for nothing
        X7   | edge:49 irr:49 make:EVENT                               | ""          | not known to be disabled
        X11  | nmi make:NMI seen:NMI enter:nmi                         | ""          | collected and taken
        X11  | nmi make:NMI seen:NMI enter                             | 3           | forgotten
        X11  | nmi make:NMI seen:NMI inject:49 enter:49                | 4           | an interrupt comes first
        X11  | nmi make:NMI seen:NMI again:49 enter:49                 | ""          | one of a cancelled entry
        X11  | nmi make:NMI seen:NMI again:49 cancel enter             | 5           | and no other entry
        X11  | nmi make:NMI seen:NMI enter:gp                          | ""          | an exception
        X11  | nmi make:NMI seen:NMI want enter                        | ""          | it leaves at once
        X11  | nmi make:NMI seen:NMI want enter exit enter             | 6           | and then
        X11  | nmi make:NMI enter                                      | ""          | not collected yet
        X11  | enter:nmi                                               | 0           | nobody has sent it
        X11  | request enter:nmi                                       | ""          | user space has
        X11  | nmi make:NMI seen:NMI enter:nmi exit enter:nmi          | 5           | twice
        X11  | nmi nmi make:NMI seen:NMI enter:nmi exit enter          | ""          | the second one waits
        X11  | nmi nmi make:NMI seen:NMI enter:nmi exit enter:nmi      | 6           | and must
        X11  | nmi nmi make:NMI seen:NMI enter:nmi unblock exit enter:nmi | ""       | until the handler has returned
        X11  | nmi nmi make:NMI seen:NMI enter:nmi unblock exit enter  | 7           | then it comes
        X11  | nmi nmi nmi make:NMI seen:NMI enter:nmi unblock enter:nmi unblock enter:nmi | 9 | a third one is lost
        X11  | nmi make:NMI seen:NMI audit                             | 3           | never taken
        X11  | nmi make:NMI seen:NMI asleep                            | 3           | never taken
        X11  | nmi make:NMI seen:NMI reset enter                       | ""          | INIT drops it
        X11  | nmi make:NMI seen:NMI debug enter                       | ""          | a debugger holds it back
        X11  | nmi make:NMI seen:NMI again:49 enter:49 exit enter      | ""          | its window is asked for
        X11  | nmi make:NMI seen:NMI again:49 enter:49 exit seen:EVENT enter | 7     | and events are looked at
        X11  | nmi make:NMI seen:NMI debug nodebug enter               | 5           | it lets it go
        X11  | nmi make:NMI seen:NMI inhibit enter                     | 4           | it holds another's back
        X11  | nmi make:NMI seen:NMI l1nmi enter                       | ""          | L1 gets it
        R6   | again:49                                                | 0           | no entry was cancelled
        R6   | inject:49 cancel again:49                               | ""          | one was
        R6   | inject:49 cancel reset again:49                         | 3           | INIT drops it
        R6   | l2 again:49                                             | ""          | L1 injects it
        I10  | on                                                      | ""          | as it should be
        I10  | mode                                                    | 0           | controls of another mode
        I11  | l2                                                      | ""          | as vmcs12
        I11  | vmcs02                                                  | 0           | another status
        I11  | l2 status                                               | 1           | L1 does not find L2's
        E2   | on write                                                | 1           | the processor should have
        E2   | on wide                                                 | ""          | the processor does not carry out such a one
        E2   | on msr                                                  | 1           | the processor should have
        E2   | enter write                                             | ""          | APICv is inactive
        E2   | on l2 msr                                               | ""          | L2 has L1's local APIC
        R1   | make:SCAN_IOAPIC join:SCAN_IOAPIC                       | ""          | made before
        R1   | join:SCAN_IOAPIC                                        | 0           | not made before
        L4   | storm:9999 forward:49 pause:49                          | ""          | after 10,000 EOIs
        L4   | storm:9998 forward:49 pause:49                          | 2           | too early
        L4   | storm:9999 forward:49 pause:49 forward:49 pause:49      | 4           | too early again
        L4   | storm:9990 low forward:49 cleared high forward:49 pause:49 | 6        | a row that was over
        L4   | storm:9999 high forward:49 cleared pause:49             | ""          | the line was high
        L4   | storm:9999 masked forward:49 cleared pause:49           | 4           | the pin was masked
        L4   | storm:9999 high other forward:49 cleared pause:49       | ""          | another pin went low
        R8   | signal cancel                                           | ""          | it leaves next
        R8   | signal cancel cancel                                    | 2           | it tries again
        """)
    void aTraceBreaksTheInvariant(String id, String words, String at, String reason) {
        Invariants invariants = Invariants.all();
        trace(words).forEach(invariants::accept);
        assertEquals(at, Breaches.of(invariants, id), reason);
    }

    private static List<TraceRecord> trace(String words) {
        List<TraceRecord> records = new ArrayList<>();
        records.add(record(-2, new Event.VmCreated(1, Protocol.SCAN_THEN_LOAD, -1, 0)));
        records.add(record(-1, new Event.VmcsInitialised(0, true)));
        int order = 0;
        for (String word : words.split(" +", -1)) {
            String[] parts = word.split(":", -1);
            records.add(record(order, event(parts[0], parts.length > 1 ? parts[1] : "")));
            order++;
        }
        return records;
    }

    private static TraceRecord record(int order, Event event) {
        return new TraceRecord(order, order + 3L, Source.vcpu(0), event);
    }

    private static Event event(String verb, String what) {
        int vector = what.matches("-?[0-9]+") ? Integer.parseInt(what) : 0;
        return switch (verb) {
            case "edge" -> new Event.InterruptAccepted(0, DeliveryMode.FIXED, TriggerMode.EDGE, vector);
            case "nmi" -> new Event.InterruptAccepted(0, DeliveryMode.NMI, TriggerMode.EDGE, 0);
            case "discard" -> new Event.InterruptDiscarded(0, vector);
            case "irr" -> new Event.InterruptRequested(0, vector, Event.SyncedBy.KVM, false);
            case "known" -> new Event.InterruptRequested(0, vector, Event.SyncedBy.KVM, true);
            case "ack" -> new Event.InterruptAcknowledged(0, vector, true);
            case "hint" -> new Event.IrrPendingRaised(0, vector);
            case "post" -> new Event.PostedInterruptSet(0, vector, Event.Poster.DEVICE, false);
            case "reposted" -> new Event.PostedInterruptSet(0, vector, Event.Poster.DEVICE, true);
            case "make" -> new Event.RequestMade(0, flow(what), false, EntryPhase.RUN_LOOP);
            case "join" -> new Event.RequestMade(0, flow(what), true, EntryPhase.RUN_LOOP);
            case "request" -> new Event.RequestMade(0, flow("NMI"), false, EntryPhase.RUN_LOOP);
            case "seen" -> new Event.RequestSeen(0, flow(what));
            case "passed" -> new Event.InterruptPassedOver(0, vector);
            case "held" -> new Event.InterruptsHeldBack(0, false, vector, 33, 0x20);
            case "held2" -> new Event.InterruptsHeldBack(0, true, vector, 33, 0x20);
            case "tpr" -> new Event.TaskPriorityChanged(0, vector);
            case "unblock" -> new Event.NmiUnblocked(0);
            case "debug" -> new Event.GuestDebugSet(0, true);
            case "nodebug" -> new Event.GuestDebugSet(0, false);
            case "inhibit" -> new Event.ApicvInhibitsStored(1 << 3);
            case "signal" -> new Event.VcpuSignalled(0);
            default -> entry(verb, what, vector);
        };
    }

    private static Event entry(String verb, String what, int vector) {
        return switch (verb) {
            case "enter" -> new Event.GuestEntered(0, 0, information(what, vector), 0, Event.ApicvAtEntry.INACTIVE);
            case "on" -> new Event.GuestEntered(0, 0, 0, 0, Event.ApicvAtEntry.ACTIVE);
            case "mode" -> new Event.GuestEntered(0, 0, 0, 0, Event.ApicvAtEntry.MODE_DIFFERS);
            case "exit" -> new Event.GuestExited(0, ExitReason.HLT, 0, 0, 0, 0);
            case "below" -> new Event.GuestExited(0, ExitReason.TPR_BELOW_THRESHOLD, 0, 0, 0, 0);
            case "cancel" -> new Event.EntryCancelled(0, VcpuMode.EXITING_GUEST_MODE, 0);
            case "inject" -> new Event.InterruptInjected(0, vector, false);
            case "again" -> new Event.InterruptInjected(0, vector, true);
            case "want" -> new Event.ImmediateExitWanted(0);
            case "load" -> load(what);
            case "low" -> load(0, 0, vector, false);
            case "l2" -> new Event.Vmcs02Prepared(0, VectorBitmap.EMPTY);
            case "vmcs02" -> new Event.Vmcs02Prepared(0, VectorBitmap.EMPTY, VectorBitmap.EMPTY, 0x41, 0x51, 0, 0);
            case "status" -> new Event.NestedStateSynced(0, 0x41, 0x51);
            case "l1nmi" ->
                new Event.NestedExitInjected(
                        0, ExitReason.EXCEPTION_NMI, 0, EventInjection.nmi().word());
            case "wide" -> new Event.ApicAccessed(0, Event.Access.WRITE, 0xb0, 8, 0);
            case "write" -> new Event.ApicAccessed(0, Event.Access.WRITE, 0xb0, 4, 0);
            case "msr" -> new Event.MsrAccessed(0, Event.Access.WRITE, 0x80b, 0, false);
            default -> rare(verb, vector);
        };
    }

    private static Event rare(String verb, int vector) {
        RedirectionEntry entry = RedirectionEntry.RESET.withLowHalf(1 << 15 | 49);
        return switch (verb) {
            case "apic" -> identity(true);
            case "noapic" -> identity(false);
            case "reset" -> new Event.VcpuReset(0);
            case "left" -> new Event.VcpuReset(0, vector, VectorBitmap.EMPTY, VectorBitmap.EMPTY, VectorBitmap.EMPTY);
            case "eoi" -> new Event.EoiReceived(0, vector);
            case "forward" -> new Event.EoiForwarded(0, vector, TriggerMode.LEVEL, false);
            case "storm" -> new Event.StormUnderWay(5, entry, vector);
            case "high" -> new Event.IoapicIrqSet(entry, 5, false, 1, true);
            case "masked" -> new Event.IoapicIrqSet(entry.withLowHalf(1 << 16 | 1 << 15 | 49), 5, false, 1, true);
            case "low" -> new Event.IoapicIrqSet(entry, 5, false, 0, false);
            case "other" -> new Event.IoapicIrqSet(entry, 6, false, 0, false);
            case "cleared" -> new Event.RemoteIrrCleared(5, entry);
            case "pause" -> new Event.IoapicEoiInjectDelayed(entry);
            case "audit" -> audited(EntryPhase.IN_GUEST, MpState.RUNNABLE);
            case "asleep" -> audited(EntryPhase.BLOCKED, MpState.HALTED);
            default -> throw new IllegalArgumentException(verb);
        };
    }

    private static Event identity(boolean enabled) {
        return new Event.ApicIdentityChanged(
                new ApicIdentity(0, 0, 0, ApicIdentity.DFR_FLAT, ApicIdentity.ApicMode.XAPIC, enabled, false));
    }

    private static RequestSet.Flow flow(String request) {
        return new RequestSet.Flow(VcpuRequest.valueOf(request), 1, 0);
    }

    private static int information(String what, int vector) {
        return switch (what) {
            case "" -> 0;
            case "nmi" -> EventInjection.nmi().word();
            case "gp" -> EventInjection.hardwareExceptionWithErrorCode(13).word();
            default -> EventInjection.externalInterrupt(vector).word();
        };
    }

    private static Event load(String what) {
        String[] parts = what.split("/", -1);
        return load(Integer.parseInt(parts[0]), Integer.parseInt(parts[1]), Integer.parseInt(parts[2]), true);
    }

    @SuppressWarnings("TooManyParameters") // what an entry finds
    private static Event load(int priority, int threshold, int requested, boolean pending) {
        return new Event.InterruptStateLoaded(
                0,
                false,
                0,
                priority,
                threshold,
                requested == 0 ? VectorBitmap.EMPTY : VectorBitmap.of(requested),
                VectorBitmap.EMPTY,
                VectorBitmap.EMPTY,
                new LapicHints(Machine.Apicv.INACTIVE, pending, 0, -1),
                new PostedInterruptDescriptor(VectorBitmap.EMPTY, new PostedInterruptDescriptor.Control(0)));
    }

    private static Event audited(EntryPhase phase, MpState state) {
        return new Event.VcpuAudited(
                0, phase, state, false, true, 0, VectorBitmap.EMPTY, VectorBitmap.EMPTY, VectorBitmap.EMPTY);
    }
}
