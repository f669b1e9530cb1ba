package org.vcpusim.check;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.vcpusim.arch.DeliveryMode;
import org.vcpusim.arch.ExitReason;
import org.vcpusim.arch.TriggerMode;
import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.kvm.EntryPhase;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.MpState;
import org.vcpusim.kvm.RequestSet;
import org.vcpusim.kvm.VcpuMode;
import org.vcpusim.kvm.VcpuRequest;
import org.vcpusim.trace.Source;
import org.vcpusim.trace.TraceRecord;

/**
 * Traces by hand of what others want of vCPU 0 and how it gets to know, a word an event.
 *
 * <pre>
 * in out:1 found                  another CPU finds IN_GUEST_MODE, finds another mode, finds the vCPU asleep and wakes it
 * signal                          it is woken for a signal
 * kick call                       an IPI of a kick, of a request
 * saved:IN_GUEST_MODE             no IPI is needed, says who found this mode
 * start:SCAN_IOAPIC end:...       a request to several vCPUs starts, completes
 * message                         an interrupt message reaches its local APIC
 * sleep woken                     it blocks, it wakes
 * make:R seen:R done:R            a request is made, seen, applied
 * scan load skip defer inhibits   it scans, loads, has nothing to load, puts the load off, looks at the inhibits
 * enter disabled exit cancel user enters the guest, with its local APIC disabled, leaves it, cancels the entry, returns to user space
 * halted running                  the audit finds it asleep, in its guest
 * </pre>
 */
class RequestInvariantsTest {
    @ParameterizedTest(name = "{0}: {3}")
    @CsvSource(delimiter = '|', quoteCharacter = '"', textBlock = """
        # id | trace                                                       | violated at | reason
        R4   | enter in kick exit halted                                   | ""          | one IPI for one change
        R4   | enter in exit halted                                        | 3           | and no IPI
        R4   | enter kick exit halted                                      | 1           | nobody needs it
        R4   | enter in in kick kick exit                                  | 2           | the mode was changed already
        R4   | enter in exit in exit                                       | ""          | the new entry has not committed
        R4   | enter in kick out:EXITING_GUEST_MODE saved:EXITING_GUEST_MODE exit halted | "" | the second saves it
        R4   | enter in kick out:EXITING_GUEST_MODE kick exit              | 4           | the second sends another
        R4   | start:SCAN_IOAPIC enter in kick out:EXITING_GUEST_MODE call exit end:SCAN_IOAPIC halted | "" | who waits sends another
        R4   | start:LOAD_EOI_EXITMAP enter in kick out:EXITING_GUEST_MODE call exit | 5 | who does not wait does not
        R4   | enter in saved:IN_GUEST_MODE exit                           | 2           | it was in the guest
        R4   | saved:OUTSIDE_GUEST_MODE halted                             | ""          | it was not
        R4   | lifted                                                      | 0           | EXITING_GUEST_MODE is for the vCPU to leave
        R7   | sleep message found woken                                   | ""          | a kick
        R7   | sleep found woken                                           | 1           | nothing that wakes
        R7   | sleep start:SCAN_IOAPIC found                               | 2           | a scan does not wake
        R7   | sleep start:UNBLOCK found                                   | ""          | this request does
        R7   | sleep signal                                                | ""          | a signal
        R7   | sleep message saved:OUTSIDE_GUEST_MODE                      | 2           | the kick found it asleep, and left
        R7   | message sleep saved:OUTSIDE_GUEST_MODE                      | ""          | it may have found it awake
        R7   | sleep message start:SCAN_IOAPIC saved:OUTSIDE_GUEST_MODE    | ""          | it may be the scan's
        R7   | sleep message found woken message kick sleep found          | 7           | the kicks are over
        R7   | message call sleep found woken                              | ""          | the IPI was a request's, and the kick comes
        R7   | sleep message signal woken saved:OUTSIDE_GUEST_MODE         | ""          | the signal came first, and the kick finds nobody asleep
        R7   | sleep message start:UNBLOCK found woken end:UNBLOCK sleep found | ""      | the request woke it first, then the kick
        R7   | message start:UNBLOCK saved:OUTSIDE_GUEST_MODE end:UNBLOCK sleep found | "" | the request found it awake, the kick asleep
        X5   | seen:IOAPIC_EOI_EXIT seen:SCAN_IOAPIC seen:LOAD_EOI_EXITMAP seen:APICV_UPDATE | "" | the kernel's order
        X5   | seen:SCAN_IOAPIC seen:IOAPIC_EOI_EXIT                       | 1           | the scan comes first
        X5   | seen:APICV_UPDATE seen:LOAD_EOI_EXITMAP                     | 1           | APICv comes first
        X5   | seen:SCAN_IOAPIC seen:SCAN_IOAPIC                           | 1           | twice in one pass
        X5   | seen:SCAN_IOAPIC cancel seen:IOAPIC_EOI_EXIT                | ""          | in the next pass
        X5   | seen:SCAN_IOAPIC enter exit seen:SCAN_IOAPIC                | ""          | in the next pass
        X5   | seen:SCAN_IOAPIC seen:EVENT seen:SCAN_IOAPIC                | ""          | a nested exit is another pass
        X5   | seen:IOAPIC_EOI_EXIT user seen:IOAPIC_EOI_EXIT              | ""          | user space was there
        X6   | seen:SCAN_IOAPIC scan make:LOAD_EOI_EXITMAP done:SCAN_IOAPIC enter | ""   | the load is asked for
        X6   | seen:SCAN_IOAPIC scan done:SCAN_IOAPIC                      | 2           | it is not
        X6   | seen:SCAN_IOAPIC scan defer done:SCAN_IOAPIC                | ""          | L2 runs
        X6   | seen:SCAN_IOAPIC done:SCAN_IOAPIC enter                     | 2           | no scan
        X6   | seen:SCAN_IOAPIC done:SCAN_IOAPIC disabled                  | ""          | no local APIC
        X6   | seen:LOAD_EOI_EXITMAP load done:LOAD_EOI_EXITMAP            | ""          | loaded
        X6   | seen:LOAD_EOI_EXITMAP skip done:LOAD_EOI_EXITMAP            | ""          | nothing to load
        X6   | seen:LOAD_EOI_EXITMAP done:LOAD_EOI_EXITMAP                 | 1           | nothing happened
        X6   | seen:APICV_UPDATE inhibits done:APICV_UPDATE                | ""          | looked at
        X6   | seen:APICV_UPDATE done:APICV_UPDATE                         | 1           | not looked at
        L5   | make:SCAN_IOAPIC scan enter                                 | ""          | scanned in time
        L5   | make:SCAN_IOAPIC enter                                      | 1           | entered without
        L5   | make:SCAN_IOAPIC disabled                                   | ""          | no local APIC
        L5   | enter make:SCAN_IOAPIC exit scan enter                      | ""          | left in time
        L5   | enter make:SCAN_IOAPIC running                              | 2           | it stays
        L5   | make:SCAN_IOAPIC halted                                     | ""          | asleep
        """)
    void aTraceBreaksTheInvariant(String id, String words, String at, String reason) {
        assertEquals(at, violations(id, words), reason);
    }

    private static String violations(String id, String words) {
        Invariants invariants = Invariants.all();
        List<TraceRecord> trace = new ArrayList<>();
        for (String word : words.split(" +", -1)) {
            String[] parts = word.split(":", -1);
            trace.add(new TraceRecord(
                    trace.size(), trace.size() + 1L, Source.VM, event(parts[0], parts.length > 1 ? parts[1] : "")));
        }
        trace.forEach(invariants::accept);
        return invariants.violations().stream()
                .filter(violation -> violation.invariant().equals(id))
                .map(violation -> Long.toString(violation.at().order()))
                .collect(Collectors.joining(" "));
    }

    private static Event event(String verb, String what) {
        return switch (verb) {
            case "in" -> new Event.ModeExchanged(0, VcpuMode.IN_GUEST_MODE, VcpuMode.EXITING_GUEST_MODE);
            case "out" -> new Event.ModeExchanged(0, VcpuMode.valueOf(what), VcpuMode.valueOf(what));
            case "lifted" -> new Event.ModeExchanged(0, VcpuMode.EXITING_GUEST_MODE, VcpuMode.OUTSIDE_GUEST_MODE);
            case "found" -> new Event.SleeperFound(0, Event.WakeCause.REQUEST);
            case "signal" -> new Event.SleeperFound(0, Event.WakeCause.SIGNAL);
            case "kick" -> new Event.IpiSent(0, Event.HostVector.RESCHEDULE);
            case "call" -> new Event.IpiSent(0, Event.HostVector.CALL_FUNCTION);
            case "saved" -> new Event.IpiElided(0, VcpuMode.valueOf(what));
            case "start" -> new Event.BroadcastStarted(1, VcpuRequest.valueOf(what), 1);
            case "end" -> new Event.BroadcastCompleted(1, VcpuRequest.valueOf(what));
            case "message" -> new Event.InterruptAccepted(0, DeliveryMode.FIXED, TriggerMode.EDGE, 49);
            case "sleep" -> new Event.VcpuBlocked(0);
            case "woken" -> new Event.VcpuWoken(0);
            case "make" -> new Event.RequestMade(0, flow(what), false, EntryPhase.RUN_LOOP);
            case "seen" -> new Event.RequestSeen(0, flow(what));
            case "done" -> new Event.RequestApplied(0, flow(what));
            default -> vcpuEvent(verb);
        };
    }

    private static Event vcpuEvent(String verb) {
        return switch (verb) {
            case "scan" -> new Event.IoapicScanned(0, VectorBitmap.EMPTY, 1, VectorBitmap.EMPTY);
            case "load" -> new Event.EoiExitmapLoaded(0, VectorBitmap.EMPTY);
            case "skip" -> new Event.EoiExitmapLoadSkipped(0, Event.LoadSkipped.APICV_INACTIVE);
            case "defer" -> new Event.EoiExitmapLoadDeferred(0);
            case "inhibits" -> new Event.ApicvUpdated(0, true, 0, false);
            case "enter" -> new Event.GuestEntered(0, 0, 0, 0, Event.ApicvAtEntry.ACTIVE);
            case "disabled" -> new Event.GuestEntered(0, 0, 0, 0, Event.ApicvAtEntry.APIC_DISABLED);
            case "exit" -> new Event.GuestExited(0, ExitReason.HLT, 0, 0, 0, 0);
            case "cancel" -> new Event.EntryCancelled(0, VcpuMode.EXITING_GUEST_MODE, 0);
            case "user" -> new Event.UserspaceExited(0, Event.UserspaceExit.KVM_EXIT_IOAPIC_EOI);
            case "halted" -> audit(EntryPhase.BLOCKED, MpState.HALTED);
            case "running" -> audit(EntryPhase.IN_GUEST, MpState.RUNNABLE);
            default -> throw new IllegalArgumentException(verb);
        };
    }

    private static Event audit(EntryPhase phase, MpState state) {
        return new Event.VcpuAudited(
                0, phase, state, true, true, 0, VectorBitmap.EMPTY, VectorBitmap.EMPTY, VectorBitmap.EMPTY);
    }

    private static RequestSet.Flow flow(String request) {
        return new RequestSet.Flow(VcpuRequest.valueOf(request), 1, 0);
    }
}
