package org.vcpusim.check;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.stream.Collectors;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.vcpusim.arch.ExitReason;
import org.vcpusim.arch.RedirectionEntry;
import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.kvm.EntryPhase;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.MpState;
import org.vcpusim.kvm.Protocol;
import org.vcpusim.kvm.RequestSet;
import org.vcpusim.kvm.VcpuMode;
import org.vcpusim.kvm.VcpuRequest;
import org.vcpusim.trace.Source;
import org.vcpusim.trace.TraceRecord;

/**
 * Traces by hand of the PIT, of signals and of notifications that come on the way into the guest, a word an event.
 *
 * <pre>
 * vm                       a VM starts
 * tick lost                the PIT's timer expires: the tick is delivered later, or lost, if there is one before
 * pit:0 pic:0              the PIT raises its line; input 0 of the PIC is set
 * pin:2 line:2             the line of pin 2 is set, and the PIT asserts it, user space does
 * ack:2 picack:0 slave:0   the ack notifiers of pin 2 run, of input 0 of the PIC, of one of its second chip
 * open:2 mask:2            pin 2 is unmasked, masked
 * signal user              vCPU 0 is signalled, leaves KVM_RUN
 * held cancel              a notification waits for its entry; the entry is abandoned
 * enter exit:HLT           it enters the guest, leaves it
 * sync takes               what was posted is taken by the processor, by KVM
 * deliver eoi              an interrupt is delivered, ended by the processor
 * out:PREEMPTED in         its thread loses its processor, gets one
 * post:DEVICE ipi:0 sent:0 an interrupt is posted to it, vCPU 0 is sent an IPI, by another actor
 * unblock                  the first device is assigned
 * halted running           the audit finds it asleep, in the guest
 * </pre>
 */
class TicksAndSignalsTest {
    private static final int LEVEL = 0x8030;

    @ParameterizedTest(name = "{0}: {3}")
    @CsvSource(delimiter = '|', quoteCharacter = '"', textBlock = """
        # id | trace                                        | violated at | reason
        I18  | vm tick pit:0 pin:2 ack:2 tick pit:0 halted  | ""  | one for each tick
        I18  | vm tick pit:0 pin:2 pit:0                    | 4   | without a tick
        I18  | vm tick pit:0 pin:2 tick pit:0               | 5   | before the first was acknowledged
        I18  | vm lost pit:0 pin:2 lost pit:0 halted        | ""  | ticks that may be lost need no acknowledgement
        I18  | vm lost pit:0 pin:2 pit:0                    | 4   | without a tick, though ticks may be lost
        I18  | vm tick tick pit:0 pin:2 ack:2 halted        | 6   | the second never comes
        I18  | vm tick tick pit:0 pin:2 ack:2 halted halted | 6   | and is missed once
        I18  | vm tick tick pit:0 pin:2 ack:2 pit:0 halted  | ""  | it comes
        I18  | vm tick tick pit:0 pin:2 halted              | ""  | the first is not acknowledged
        I18  | vm tick tick pit:0 pin:2 ack:3 halted        | ""  | another pin is
        I18  | vm tick tick pit:0 pin:2 line:3 ack:3 halted | ""  | which the PIT has not raised
        I18  | vm tick tick pit:0 pic:0 picack:0 halted     | 6   | acknowledged at the PIC
        I18  | vm tick tick pit:0 picack:0 halted           | ""  | the PIT does not lead there
        I18  | vm tick tick pit:0 pic:0 slave:0 halted      | ""  | the other chip's input
        I18  | vm tick tick pit:0 pin:2 open:2 halted       | ""  | its pin was unmasked, which forgets ticks
        I18  | vm tick pit:0 pin:2 open:2 tick pit:0        | ""  | and needs no acknowledgement
        I18  | vm tick tick pit:0 pin:2 open:3 ack:2 halted | 7   | another was unmasked
        I18  | vm tick tick pit:0 pin:2 mask:2 ack:2 halted | 7   | its pin was masked
        I18  | vm tick tick open:3 pit:0 pin:2 ack:2 halted | ""  | which pin is the PIT's was not known yet
        I18  | vm lost lost pit:0 pin:2 halted              | ""  | lost
        I18  | vm tick tick pit:0 pin:2 lost ack:2 halted   | ""  | lost from now on
        I18  | pit:0 tick pit:0 pit:0                       | ""  | there may have been ticks before
        R8   | signal enter                                 | 1   | it was to leave
        R8   | signal user enter                            | ""  | it has left
        R8   | signal exit:HLT user                         | ""  | it was in the guest
        R8   | signal enter enter                           | 1   | told once
        R8   | signal halted                                | 1   | it was to wake up
        R8   | signal running                               | ""  | the guest runs on
        R8   | enter halted                                 | ""  | nobody has signalled it
        P9   | held enter sync exit:HLT                     | ""  | it is taken
        P9   | held enter exit:HLT                          | 2   | it is not
        P9   | held enter takes exit:HLT                    | 3   | not by the processor
        P9   | held enter deliver                           | 2   | something else first
        P9   | held enter eoi                               | 2   | the guest goes on
        P9   | held enter exit:EXTERNAL_INTERRUPT           | ""  | by leaving
        P9   | held enter exit:PREEMPTION_TIMER             | ""  | it leaves at once
        P9   | held enter exit:TPR_BELOW_THRESHOLD          | ""  | it leaves at once
        P9   | held cancel enter exit:HLT                   | ""  | it was not entered
        P9   | enter exit:HLT                               | ""  | nothing has come
        P11  | out:PREEMPTED post:DEVICE ipi:0              | 2   | SN is to hold it back
        P11  | out:PREEMPTED post:DEVICE in ipi:0           | ""  | it does
        P11  | out:PREEMPTED post:CPU ipi:0                 | ""  | KVM has looked at the mode before
        P11  | out:PREEMPTED post:DEVICE sent:0             | ""  | KVM has, and its IPI comes in between
        P11  | out:PREEMPTED post:DEVICE ipi:1              | ""  | another is notified
        P11  | out:PREEMPTED in post:DEVICE ipi:0           | ""  | it runs again
        P11  | out:BLOCKED post:DEVICE ipi:0                | ""  | it sleeps, and is to be woken
        P11  | out:PREEMPTED unblock post:DEVICE ipi:0      | ""  | no device could post when it was preempted
        """)
    void aTraceBreaksTheInvariant(String id, String words, String at, String reason) {
        Invariants invariants = Invariants.all();
        long order = 0;
        for (String word : words.split(" +", -1)) {
            String[] parts = word.split(":", -1);
            Source source = parts[0].equals("sent") ? Source.USERSPACE : Source.VM;
            invariants.accept(
                    new TraceRecord(order, order + 1, source, event(parts[0], parts.length > 1 ? parts[1] : "")));
            order++;
        }
        String found = invariants.violations().stream()
                .filter(violation -> violation.invariant().equals(id))
                .map(violation -> Long.toString(violation.at().order()))
                .collect(Collectors.joining(" "));
        assertEquals(at, found, reason);
    }

    private static Event event(String verb, String what) {
        return switch (verb) {
            case "vm" -> new Event.VmCreated(1, Protocol.SCAN_THEN_LOAD, -1, 0);
            case "tick" -> new Event.PitTicked(true);
            case "lost" -> new Event.PitTicked(false);
            case "signal" -> new Event.VcpuSignalled(0);
            case "user" -> new Event.UserspaceExited(0, Event.UserspaceExit.KVM_EXIT_INTR);
            case "held" -> new Event.NotificationHeld(0);
            case "cancel" -> new Event.EntryCancelled(0, VcpuMode.EXITING_GUEST_MODE, 0);
            case "enter" -> new Event.GuestEntered(0, 0, 0, 0, Event.ApicvAtEntry.ACTIVE);
            case "exit" -> new Event.GuestExited(0, ExitReason.valueOf(what), 0, 0, 0, 0);
            case "sync" -> new Event.PostedInterruptsSynced(0, VectorBitmap.EMPTY, Event.SyncedBy.PROCESSOR);
            case "takes" -> new Event.PostedInterruptsSynced(0, VectorBitmap.EMPTY, Event.SyncedBy.KVM);
            case "deliver" -> new Event.VirtualInterruptDelivered(0, 49);
            case "eoi" -> new Event.EoiVirtualized(0, 49);
            case "in" -> new Event.VcpuScheduledIn(0, 0);
            case "out" -> new Event.VcpuScheduledOut(0, 0, Event.ScheduledOut.valueOf(what));
            case "post" -> new Event.PostedInterruptSet(0, 49, Event.Poster.valueOf(what), false);
            case "unblock" ->
                new Event.RequestMade(0, new RequestSet.Flow(VcpuRequest.UNBLOCK, 1, 0), false, EntryPhase.BLOCKED);
            case "halted" -> audited(EntryPhase.BLOCKED);
            case "running" -> audited(EntryPhase.IN_GUEST);
            default -> line(verb, Integer.parseInt(what));
        };
    }

    private static Event line(String verb, int number) {
        return switch (verb) {
            case "ipi", "sent" -> new Event.IpiSent(number, Event.HostVector.POSTED_INTR);
            case "pit" -> new Event.IrqLineSet(number, 1, 2);
            case "pic" -> new Event.PicIrqSet(0, number, 0, 0, false);
            case "pin" -> new Event.IoapicIrqSet(new RedirectionEntry(0x30), number, false, 1 << 2, true);
            case "line" -> new Event.IoapicIrqSet(new RedirectionEntry(0x30), number, false, 1, true);
            case "ack" -> new Event.IrqAcknowledged(Event.IrqChip.IOAPIC, number);
            case "picack" -> new Event.IrqAcknowledged(Event.IrqChip.PIC_MASTER, number);
            case "slave" -> new Event.IrqAcknowledged(Event.IrqChip.PIC_SLAVE, number);
            case "open" -> written(number, new RedirectionEntry(0x10000 | LEVEL), new RedirectionEntry(LEVEL));
            case "mask" -> written(number, new RedirectionEntry(LEVEL), new RedirectionEntry(0x10000 | LEVEL));
            default -> throw new IllegalArgumentException(verb);
        };
    }

    private static Event written(int pin, RedirectionEntry before, RedirectionEntry after) {
        return new Event.RedirectionEntryWritten(pin, before, after, 1, 1);
    }

    private static Event audited(EntryPhase phase) {
        return new Event.VcpuAudited(
                0, phase, MpState.HALTED, true, true, 0, VectorBitmap.EMPTY, VectorBitmap.EMPTY, VectorBitmap.EMPTY);
    }
}
