package org.vcpusim.check;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.vcpusim.arch.DeliveryMode;
import org.vcpusim.arch.EventInjection;
import org.vcpusim.arch.ExitReason;
import org.vcpusim.arch.PostedInterruptDescriptor;
import org.vcpusim.arch.TriggerMode;
import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.kvm.ApicIdentity;
import org.vcpusim.kvm.EntryPhase;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.LapicHints;
import org.vcpusim.kvm.Machine;
import org.vcpusim.kvm.MpState;
import org.vcpusim.kvm.RequestSet;
import org.vcpusim.kvm.VcpuMode;
import org.vcpusim.kvm.VcpuRequest;
import org.vcpusim.trace.Source;
import org.vcpusim.trace.TraceRecord;

/**
 * Traces by hand of what happens to the local APIC of vCPU 0, a word an event: its name, then a vector.
 *
 * <pre>
 * edge:49 level:49 nmi discard:49   a message reaches it; nothing is done about it
 * irr:49 self:49                    requested by KVM, by the guest itself
 * post:49 vtd:49 sync:49+50         posted by KVM, by a device; taken from PIR
 * ack:49 auto:49 virt:49            handed over to KVM, without being in service; delivered by the processor
 * inject:49 again:49                injected, injected again
 * taken:49 masked:49                taken by the processor, with interrupts off
 * enter enter:49 exit cancel        entry, entry with an injection, exit by HLT, entry cancelled
 * exit45:49 eoi:49 veoi:49          exit for an EOI; EOI in KVM; EOI in the processor
 * write msr                         KVM emulates a write of the EOI register, in the page or as an MSR
 * tpr:64 reset set:49 l2 l1         TPR; INIT; KVM_SET_LAPIC with a request; L2 is entered, left
 * noted                             L1's notification vector is noted for L2
 * load:r49+s33+t49+p50              an entry finds IRR, ISR, TMR, PIR; a: APICv is active; n: irr_pending is false;
 *                                   #2: isr_count; c33: highest_isr_cache
 * halted:r49 running:p50 off:r49    the audit finds the vCPU asleep, in the guest, with interrupts off
 * want event                        an exit at once is wanted; KVM_REQ_EVENT is seen
 * make:EVENT reload                 a request is made; KVM_REQ_APIC_PAGE_RELOAD is seen
 * gone there                        IA32_APIC_BASE disables the local APIC, enables it
 * </pre>
 */
class LocalApicInvariantsTest {
    /** What begins a trace whose beginning is missing. */
    private static final String CUT = "... ";

    @ParameterizedTest(name = "{0}: {3}")
    @CsvSource(delimiter = '|', quoteCharacter = '"', textBlock = """
        # id | trace                                                   | violated at | reason
        P1   | post:50 load:p50                                        | ""          | posted
        P1   | post:50 sync:50 load:r50                                | ""          | and taken
        P1   | load:p50                                                | 0           | posted by nobody
        P1   | post:50 enter exit                                      | 1           | an entry that finds nothing has lost it
        P1   | post:50 vtd:51 sync:50                                  | 2           | one of two is left behind
        P1   | post:50 sync:50 sync:50                                 | 2           | taken twice
        P1   | post:50 reset enter exit                                | ""          | INIT clears PIR
        P1   | post:50 set:49 load:r49                                 | ""          | and so does KVM_SET_LAPIC
        P1   | post:50 set:49 load:r49+p50                             | 2           | which did not
        P1   | post:50 halted                                          | 1           | the audit does not find it
        P1   | "... load:p50"                                          | ""          | posted before the trace begins
        X1   | "... load:r49"                                          | ""          | requested before
        X2   | "... virt:49"                                           | ""          | requested before
        X3   | "... eoi:49"                                            | ""          | in service before
        X7   | "... irr:49 make:EVENT"                                 | ""          | the message came before
        P6   | "... load:r49+t49"                                      | ""          | and so did its message
        P5   | load:r49+s33                                            | ""          | hints that fit
        P5   | load:r49+n running                                      | 0           | a request nobody looks for
        P5   | irr:49 load:r49+n make:EVENT running                    | ""          | its sender was not done
        P5   | load:r49+n enter running                                | 0           | its own entry
        P5   | irr:49 load:r49+n enter enter running                   | ""          | nor at the next entry
        P5   | load:s33+n                                              | ""          | nothing is requested
        P5   | load:s33+#2                                             | 0           | counted twice
        P5   | load:s33+c33                                            | ""          | the cache has the highest
        P5   | load:s33+s34+c33                                        | 0           | the cache has another
        P5   | load:s33+s34+a+#1                                       | ""          | with APICv one stands for any
        P5   | load:s33+a+c33                                          | 0           | the processor may have ended it
        P5   | load:s33+a+n                                            | 0           | the processor may have requested one
        P6   | level:49 irr:49 load:r49+t49                            | ""          | level
        P6   | level:49 irr:49 load:r49                                | 2           | level, and TMR says edge
        P6   | level:49 irr:49 edge:49 irr:49 load:r49                 | ""          | the last message counts
        P6   | edge:49 level:49 discard:49 load:r49                    | ""          | nothing is done about the level message
        P6   | level:49 post:49 vtd:49 load:p49+t49                    | ""          | a device passes TMR by
        X1   | irr:49 load:r49                                         | ""          | requested
        X1   | irr:49 ack:49 load:s49                                  | ""          | in service
        X1   | irr:49 auto:49 enter exit                               | ""          | it ends itself
        X1   | irr:49 ack:49 load:r49+s49                              | 2           | it would come again
        X1   | irr:49 ack:49 enter exit                                | 2           | not in service
        X1   | post:50 sync:50 enter exit                              | 2           | lost on the way to IRR
        X1   | irr:49 virt:49 veoi:49 enter exit                       | ""          | ended by the processor
        X1   | irr:49 virt:49 exit45:49 eoi:49 enter exit              | ""          | ended by the processor, and KVM was told
        X1   | irr:49 ack:49 eoi:49 load:s49                           | 3           | the EOI was without effect
        X1   | irr:49 reset enter exit                                 | ""          | INIT empties all
        X1   | set:49 load:r49                                         | ""          | KVM_SET_LAPIC sets all
        X1   | l2 virt:49 exit45:49 enter exit                         | ""          | L2's local APIC is another
        X1   | irr:49 halted                                           | 1           | the audit does not find it
        X2   | irr:49 ack:49                                           | ""          | the only one
        X2   | ack:49                                                  | 0           | not requested
        X2   | irr:49 ack:49 ack:49                                    | 2           | taken twice
        X2   | irr:49 irr:65 virt:49                                   | 2           | not the highest
        X2   | irr:65 virt:65 irr:68 virt:68                           | 3           | of the class in service
        X2   | irr:65 virt:65 irr:81 virt:81                           | ""          | of a higher class
        X2   | irr:65 virt:65 veoi:65 irr:49 virt:49                   | ""          | the higher one has ended
        X2   | gone irr:49 ack:49                                      | 2           | of a disabled local APIC
        X2   | there irr:49 ack:49                                     | ""          | of one that is not
        X2   | tpr:64 irr:49 ack:49                                    | 2           | below TPR
        X2   | tpr:64 irr:81 ack:81                                    | ""          | above TPR
        X2   | l2 virt:49                                              | ""          | L2's local APIC is another
        L6   | l2 reload enter exit l1 reload enter                    | ""          | put off, and made up for
        L6   | l2 reload enter exit l1 enter                           | 5           | forgotten
        L6   | l2 reload enter exit enter exit l1 reload enter         | ""          | L2 may go on first
        L6   | reload enter                                            | ""          | L1 puts nothing off
        L6   | l2 reload reset enter                                   | ""          | INIT asks anew
        X3   | irr:49 ack:49 irr:65 ack:65 eoi:65 eoi:49               | ""          | the highest first
        X3   | irr:49 ack:49 irr:65 ack:65 eoi:49                      | 4           | the lower one
        X3   | irr:49 virt:49 veoi:49                                  | ""          | by the processor
        X3   | irr:49 virt:49 veoi:50                                  | 2           | of a vector that SVI had
        X3   | eoi:-1                                                  | ""          | nothing to end
        X3   | veoi:0                                                  | ""          | nothing to end: SVI is 0
        X3   | irr:49 virt:49 exit45:49 eoi:49                         | ""          | KVM is told
        X3   | irr:49 virt:49 exit45:50                                | 2           | it is told of another
        X3   | irr:49 virt:49 exit45:49 eoi:50                         | 3           | it takes another
        X3   | irr:49 virt:49 exit45:49 enter                          | 3           | nobody looks at it
        X3   | irr:49 ack:49 write enter                               | 3           | nobody carries it out
        X3   | irr:49 ack:49 msr eoi:49 make:EVENT enter               | ""          | it is carried out
        X4   | inject:49 enter:49 taken:49 exit                        | ""          | injected and taken
        X4   | inject:49 enter exit                                    | 1           | the entry does not carry it
        X4   | enter:49 taken:49                                       | 0           | nobody injected it
        X4   | inject:49 enter:49 exit                                 | 2           | nobody takes it
        X4   | inject:49 enter:49 masked:49                            | 2           | interrupts are off
        X4   | virt:49 taken:49                                        | ""          | delivered and taken
        X4   | virt:49 taken:50                                        | 1           | another one is taken
        X4   | virt:49 masked:49                                       | 1           | interrupts are off
        X4   | taken:49                                                | 0           | out of nowhere
        X4   | enter:2 masked:2                                        | ""          | an NMI
        X4   | masked:13                                               | ""          | an exception
        X4   | inject:49 cancel enter exit                             | ""          | it goes back to the queue
        R6   | inject:49 cancel event again:49 enter:49                | ""          | looked at again and injected
        R6   | inject:49 cancel enter                                  | 2           | not looked at again
        R6   | inject:49 cancel event enter                            | 3           | looked at, and not injected
        R6   | inject:49 cancel event again:50 enter:50                | 3 4         | another one is injected
        R6   | inject:49 cancel reset event enter                      | ""          | INIT drops it
        R6   | want cancel event enter                                 | ""          | looked at again
        R6   | want cancel enter                                       | 2           | the wish is forgotten
        R6   | want enter exit enter                                   | ""          | it has left at once
        R6   | cancel enter                                            | ""          | nothing was prepared
        X7   | edge:49 irr:49 make:EVENT halted                        | ""          | requested
        X7   | edge:49 post:49 halted                                  | ""          | posted
        X7   | edge:49 discard:49 halted                               | ""          | discarded
        X7   | edge:49 halted                                          | 1           | nothing happened
        X7   | irr:49 make:EVENT                                       | 0           | no message
        X7   | edge:49 irr:49 irr:49 make:EVENT                        | 2           | twice for one message
        X7   | edge:49 irr:49 halted                                   | 2           | KVM_REQ_EVENT is not made
        X7   | edge:49 post:49 post:49                                 | 2           | twice for one message
        X7   | edge:49 noted halted                                    | ""          | noted for L2 instead
        X7   | edge:49 irr:49 ack:49 noted make:EVENT halted           | ""          | L1 took it, and something else is noted
        X7   | noted make:EVENT halted                                 | ""          | no message
        X7   | vtd:49 self:49                                          | ""          | no messages, and no KVM
        X7   | nmi make:NMI halted                                     | ""          | an NMI
        X7   | nmi halted                                              | 1           | nobody looks at it
        L3   | irr:49 halted:r49                                       | 1           | it sleeps
        L3   | post:49 halted:p49                                      | 1           | it was only posted
        L3   | irr:49 running:r49                                      | 1           | it runs on
        L3   | irr:49 off:r49                                          | ""          | its guest has interrupts off
        L3   | tpr:64 irr:49 halted:r49                                | ""          | its priority keeps it out
        L3   | irr:65 ack:65 irr:68 halted:r68+s65                     | ""          | one of its class is in service
        L3   | irr:49 ack:49 halted:s49                                | ""          | taken
        """)
    void aTraceBreaksTheInvariant(String id, String words, String at, String reason) {
        Invariants invariants = Invariants.all();
        trace(words).forEach(invariants::accept);
        assertEquals(at, Breaches.of(invariants, id), reason);
    }

    private static List<TraceRecord> trace(String words) {
        List<TraceRecord> records = new ArrayList<>();
        if (!words.startsWith(CUT)) {
            records.add(new TraceRecord(-1, 0, Source.vcpu(0), new Event.VmcsInitialised(0, true)));
        }
        int order = 0;
        for (String word : words.replace(CUT, "").split(" +", -1)) {
            String[] parts = word.split(":", -1);
            Event event = event(parts[0], parts.length > 1 ? parts[1] : "");
            records.add(new TraceRecord(order, order + 1L, Source.vcpu(0), event));
            order++;
        }
        return records;
    }

    private static Event event(String verb, String what) {
        int vector = what.matches("-?[0-9]+") ? Integer.parseInt(what) : 0;
        return switch (verb) {
            case "edge" -> new Event.InterruptAccepted(0, DeliveryMode.FIXED, TriggerMode.EDGE, vector);
            case "level" -> new Event.InterruptAccepted(0, DeliveryMode.FIXED, TriggerMode.LEVEL, vector);
            case "noted" -> new Event.NestedNotificationNoted(0);
            case "nmi" -> new Event.InterruptAccepted(0, DeliveryMode.NMI, TriggerMode.EDGE, 0);
            case "discard" -> new Event.InterruptDiscarded(0, vector);
            case "irr" -> new Event.InterruptRequested(0, vector, Event.SyncedBy.KVM, false);
            case "self" -> new Event.InterruptRequested(0, vector, Event.SyncedBy.PROCESSOR, false);
            case "post" -> new Event.PostedInterruptSet(0, vector, Event.Poster.CPU, false);
            case "vtd" -> new Event.PostedInterruptSet(0, vector, Event.Poster.DEVICE, false);
            case "sync" -> new Event.PostedInterruptsSynced(0, vectors(what, ""), Event.SyncedBy.KVM);
            case "ack" -> new Event.InterruptAcknowledged(0, vector, true);
            case "auto" -> new Event.InterruptAcknowledged(0, vector, false);
            case "virt" -> new Event.VirtualInterruptDelivered(0, vector);
            case "inject" -> new Event.InterruptInjected(0, vector, false);
            case "again" -> new Event.InterruptInjected(0, vector, true);
            case "taken" -> new Event.InterruptTaken(0, vector, false);
            case "masked" -> new Event.InterruptTaken(0, vector, true);
            case "eoi" -> new Event.EoiReceived(0, vector);
            case "veoi" -> new Event.EoiVirtualized(0, vector);
            default -> rareEvent(verb, what, vector);
        };
    }

    private static Event rareEvent(String verb, String what, int vector) {
        return switch (verb) {
            case "enter" -> new Event.GuestEntered(0, 0, information(what, vector), 0, Event.ApicvAtEntry.ACTIVE);
            case "exit" -> new Event.GuestExited(0, ExitReason.HLT, 0, 0, 0, 0);
            case "exit45" -> new Event.GuestExited(0, ExitReason.EOI_INDUCED, 0, vector, 0, 0);
            case "cancel" -> new Event.EntryCancelled(0, VcpuMode.EXITING_GUEST_MODE, 0);
            case "write" -> new Event.ApicAccessed(0, Event.Access.WRITE, 0xb0, 4, 0);
            case "msr" -> new Event.MsrAccessed(0, Event.Access.WRITE, 0x80b, 0, false);
            case "tpr" -> new Event.TaskPriorityChanged(0, vector);
            case "reset" -> new Event.VcpuReset(0);
            case "set" ->
                new Event.LapicStateSet(0, 0, 0x1ff, VectorBitmap.of(vector), VectorBitmap.EMPTY, VectorBitmap.EMPTY);
            case "l2" -> new Event.Vmcs02Prepared(0, VectorBitmap.EMPTY);
            case "l1" -> new Event.NestedExitInjected(0, ExitReason.VMCALL, 0, 0);
            case "reload" -> new Event.RequestSeen(0, new RequestSet.Flow(VcpuRequest.APIC_PAGE_RELOAD, 1, 0));
            case "gone" -> addressed(ApicIdentity.ApicMode.DISABLED);
            case "there" -> addressed(ApicIdentity.ApicMode.XAPIC);
            case "want" -> new Event.ImmediateExitWanted(0);
            case "event" -> new Event.RequestSeen(0, new RequestSet.Flow(VcpuRequest.EVENT, 1, 0));
            case "make" ->
                new Event.RequestMade(
                        0, new RequestSet.Flow(VcpuRequest.valueOf(what), 1, 0), false, EntryPhase.RUN_LOOP);
            case "load" -> load(what);
            case "halted" -> audit(EntryPhase.BLOCKED, MpState.HALTED, true, what);
            case "running" -> audit(EntryPhase.IN_GUEST, MpState.RUNNABLE, true, what);
            case "off" -> audit(EntryPhase.IN_GUEST, MpState.RUNNABLE, false, what);
            default -> throw new IllegalArgumentException(verb);
        };
    }

    private static Event addressed(ApicIdentity.ApicMode mode) {
        return new Event.ApicIdentityChanged(new ApicIdentity(0, 0, 0, ApicIdentity.DFR_FLAT, mode, true, false));
    }

    private static int information(String what, int vector) {
        if (what.isEmpty()) {
            return 0;
        }
        return (vector == 2 ? EventInjection.nmi() : EventInjection.externalInterrupt(vector)).word();
    }

    private static Event load(String what) {
        boolean active = what.contains("a");
        VectorBitmap isr = vectors(what, "s");
        LapicHints hints = new LapicHints(
                active ? Machine.Apicv.ACTIVE : Machine.Apicv.INACTIVE,
                !what.contains("n"),
                number(what, "#", active ? 1 : isr.cardinality()),
                number(what, "c", -1));
        PostedInterruptDescriptor descriptor =
                new PostedInterruptDescriptor(vectors(what, "p"), new PostedInterruptDescriptor.Control(0));
        return new Event.InterruptStateLoaded(
                0, active, 0, 0, 0, vectors(what, "r"), isr, vectors(what, "t"), hints, descriptor);
    }

    @SuppressWarnings("TooManyParameters") // the event's
    private static Event audit(EntryPhase phase, MpState state, boolean interruptible, String what) {
        return new Event.VcpuAudited(
                0, phase, state, interruptible, true, 0, vectors(what, "r"), vectors(what, "s"), vectors(what, "p"));
    }

    /** The vectors behind {@code letter}. */
    private static VectorBitmap vectors(String what, String letter) {
        return VectorBitmap.of(Arrays.stream(what.split("\\+", -1))
                .filter(word -> word.matches(letter + "[0-9]+"))
                .mapToInt(word -> Integer.parseInt(word.substring(letter.length())))
                .toArray());
    }

    private static int number(String what, String letter, int otherwise) {
        return Arrays.stream(what.split("\\+", -1))
                .filter(word -> word.startsWith(letter))
                .mapToInt(word -> Integer.parseInt(word.substring(letter.length())))
                .findFirst()
                .orElse(otherwise);
    }
}
