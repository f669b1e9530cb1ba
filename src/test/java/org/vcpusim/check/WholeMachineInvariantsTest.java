package org.vcpusim.check;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.vcpusim.arch.DeliveryMode;
import org.vcpusim.arch.ExitReason;
import org.vcpusim.arch.RedirectionEntry;
import org.vcpusim.arch.TriggerMode;
import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.kvm.ApicIdentity;
import org.vcpusim.kvm.EntryPhase;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.MpState;
import org.vcpusim.kvm.Protocol;
import org.vcpusim.kvm.RequestSet;
import org.vcpusim.kvm.Routing;
import org.vcpusim.kvm.VcpuMode;
import org.vcpusim.kvm.VcpuRequest;
import org.vcpusim.trace.Source;
import org.vcpusim.trace.TraceRecord;

/**
 * Traces by hand of vCPU 0 and what surrounds it, a word an event; with *200 behind it so many of them.
 *
 * <pre>
 * vm split                    a VM of two vCPUs starts, its IOAPIC in the kernel, in user space
 * rise:7 fall:7               line 7 rises, falls; pitrise:0 pitfall:0 by the PIT
 * edge:7 level:7 ended:49     pin 7 interrupts, with an edge entry, a level entry; the EOI of a level interrupt 49
 * restore:128                 user space restores line 7
 * write:49 masked:49          user space's IOAPIC has a level entry of vector 49 for APIC 1 at pin 5; it is masked
 * route:49 logical:49         that is published; with a logical destination instead
 * addressed:0 addressed:1     the local APIC of vCPU 0, of vCPU 1 is addressed anew
 * notify:32                   pin 5 has an ack notifier, and no other; 0 none has
 * scan:2 update:2             2 vCPUs are asked to scan, to look at the inhibits
 * enter exit45 halt           vCPU 0 enters its guest; leaves it for an EOI, by HLT
 * came:7                      its pin has heard that line 7 was raised
 * debug:1 debug:0             a debugger holds its interrupts back, lets them go
 * taken sleep poll user       it takes an interrupt, falls asleep, finds something to do, returns to user space
 * init sipi started           INIT, a start-up IPI reaches it; it starts
 * halted waiting nmi smi      the audit finds it asleep, in wait for a start-up IPI, asleep and asked for an NMI, an SMI
 * running                     the audit finds it in the guest with an NMI asked for
 * base:2048 create            IA32_APIC_BASE is written; the vCPU is created
 * synic:83 auto:83 source:83  vector 83 is one of its SynIC's, 0 none is; a source has it with AutoEOI, without; hidden:83 masked, with AutoEOI
 * service:83 over:83          83 is in service; is over when it is handed over
 * eoi:83 told:83              KVM ends 83; the sources are told
 * control:1 hyperv reset:1 enter1  SCONTROL is written, user space sees it; INIT; vCPU 1 enters its guest
 * sint:83 eom acked:2         another CPU finds the source's vector 83; EOM; source 2 is told of it
 * l2:EOI_INDUCED l1           L2 leaves; L1 gets it
 * telling trigger outside     vCPU 0 is notified; who posted has found it in the guest, outside of it
 * seen event off on same      a request is seen; KVM_REQ_EVENT is made; APICv goes, comes, is still off
 * </pre>
 */
class WholeMachineInvariantsTest {
    @ParameterizedTest(name = "{0}: {3}")
    @CsvSource(delimiter = '|', quoteCharacter = '"', textBlock = """
        # id | trace                                          | violated at | reason
        I16  | vm rise:7 edge:7                               | ""  | it has risen
        I16  | vm edge:7                                      | 1   | it has not
        I16  | vm rise:7 edge:7 edge:7                        | 3   | not again
        I16  | vm rise:7 edge:7 rise:7 edge:7                 | 4   | it was up already
        I16  | vm rise:7 edge:7 fall:7 rise:7 edge:7          | ""  | it has risen twice
        I16  | vm rise:0 edge:2 pitrise:0 edge:2              | ""  | two sources may take turns
        I16  | vm rise:7 fall:7 edge:7                        | ""  | it had risen
        I16  | vm fall:7 edge:7                               | 2   | a fall is no rise
        I16  | vm rise:7 edge:8                               | 2   | another line
        I16  | vm rise:7 edge:7 ended:49 edge:7               | ""  | a level EOI of its vector
        I16  | vm rise:7 edge:7 ended:49 edge:7 edge:7        | 5   | once
        I16  | vm rise:7 edge:7 ended:50 edge:7               | 4   | of another vector
        I16  | vm rise:0 edge:2                               | ""  | GSI 0 leads to pin 2
        I16  | vm level:7                                     | ""  | a level comes again
        I16  | vm restore:128 edge:7                          | ""  | restored
        I16  | vm rise:7 edge:7 rise:7 restore:0 edge:7       | ""  | what is restored has not seen its edge
        I16  | vm rise:7 edge:7 came:7 rise:7 came:7 restore:0 edge:7 edge:7 | 8 | but it has by then
        I16  | vm rise:7 edge:7 came:7 fall:7 restore:0 edge:7 | 6 | its line is low
        I16  | edge:7                                         | ""  | it may have risen before
        I16  | vm pitrise:0 pitfall:0 halted                  | ""  | a pulse
        I16  | vm pitrise:0 halted halted                     | 2   | half a pulse
        I16  | vm rise:0 halted                               | ""  | not the PIT's
        I17  | split write:49 route:49 halted                 | ""  | published
        I17  | split write:49 halted halted                   | 2   | not published
        I17  | split write:49 route:50 halted                 | 3   | another vector is
        I17  | split write:49 logical:49 halted               | 3   | another destination mode is
        I17  | split masked:49 halted                         | ""  | a masked entry need not be
        I17  | split write:0 halted                           | ""  | nobody has written it
        I17  | split write:49                                 | ""  | on its way
        I17  | vm write:49 halted                             | ""  | the IOAPIC is in the kernel
        M2   | vm addressed:0 addressed:0 scan:2 enter        | ""  | everybody is asked
        M2   | vm addressed:0 addressed:0 enter enter         | 3   | nobody is
        M2   | vm addressed:0 addressed:0 update:2 enter      | 4   | not to scan
        M2   | vm addressed:0 addressed:1 addressed:0 scan:1 enter | 5 | not everybody
        M2   | vm addressed:0 enter                           | ""  | it was not addressed before
        M2   | vm addressed:1 addressed:1 enter               | ""  | the other one may still be at it
        M3   | vm addressed:0 addressed:1 notify:32 scan:2 halted | ""  | everybody is asked
        M3   | vm addressed:0 addressed:1 notify:32 halted halted | 4   | nobody is
        M3   | vm addressed:0 addressed:1 notify:32 scan:1 halted | 5   | not everybody
        M3   | vm addressed:0 addressed:1 notify:32 update:2 halted | 5 | not to scan
        M3   | vm addressed:0 notify:32 scan:1 notify:32 halted | ""  | it had one
        M3   | vm addressed:0 notify:32 scan:1 notify:0 halted | 5   | it had one, and nobody is asked
        M3   | vm addressed:0 notify:5 halted                 | ""  | the PIT was there before
        M3   | notify:32 halted                               | ""  | it may have had one
        L8   | halted                                         | ""  | nothing to collect
        L8   | nmi                                            | 0   | an NMI
        L8   | smi                                            | 0   | an SMI
        L8   | running                                        | ""  | it does not sleep
        L8   | init sipi started halted                       | ""  | started
        L8   | init:1 sipi:1 waiting:1                        | 2   | not started
        L8   | init:1 waiting:1                               | ""  | nothing has come
        L8   | sipi:1 init:1 waiting:1                        | ""  | it came before INIT
        L8   | init waiting                                   | 1   | the boot processor waits for none
        L8   | sipi halted                                    | ""  | it does not wait for one
        L8   | base:2048 init waiting                         | ""  | it is the boot processor no more
        L8   | base:2304 init waiting                         | 2   | it still is
        L8   | base:2048 reset:0 enter                        | 2   | and has to wait
        L9   | halt*199                                       | ""  | nearly
        L9   | halt*200                                       | 199 | too often
        L9   | halt*500                                       | 199 | it is told once
        L9   | halt*150 sleep halt*150                        | ""  | it has slept
        L9   | halt*150 poll halt*150                         | ""  | it has looked around
        L9   | halt*150 taken halt*150                        | ""  | it has taken something
        L9   | halt*150 user halt*150                         | ""  | user space was told
        L9   | halt*150 l2:HLT halt*150                       | ""  | L1 was told
        L9   | debug:1 halt*500                               | ""  | a debugger holds its interrupts back
        L9   | debug:1 halt*500 debug:0 halt*200              | 701 | it has let them go
        L9   | halt*150 debug:0 halt*199                      | ""  | nearly, since then
        L9   | init halt*300                                  | ""  | who has sent it has still to ask for it
        L9   | init halt*10000                                | 10000| who has sent it never does
        L9   | init halt*150 event halt*199                   | ""  | nearly, since it was asked for
        L9   | init halt*150 event halt*200                   | 351 | too often since then
        L9   | halt*150 event halt*50                         | 200 | nothing was sent
        L9   | halt*150 exit45 halt*150                       | 200 | another exit is none of these
        X9   | auto:83 over:83                                | ""  | it is over
        X9   | auto:83 service:83                             | 1   | it is in service
        X9   | auto:83 service:84                             | ""  | another vector
        X9   | source:83 service:83                           | ""  | without AutoEOI
        X9   | hidden:83 service:83                           | ""  | a masked source
        X9   | auto:83 source:83 service:83                   | ""  | not any more
        X9   | synic:83 eoi:83 told:83 enter                  | ""  | told
        X9   | synic:83 eoi:83 enter enter                    | 2   | not told
        X9   | synic:83 eoi:83 told:84 enter                  | 3   | told of another
        X9   | synic:83 eoi:84 enter                          | ""  | none of its vectors
        X9   | synic:83 exit45 eoi:83 enter                   | 3 O2 | the processor has ended it
        X9   | synic:83 eoi:-1 enter                          | ""  | nothing ended
        X9   | control:1 hyperv enter                         | ""  | user space sees SCONTROL
        X9   | control:1 enter enter                          | 1   | it does not
        X9   | auto:83 synic:83 enter                         | 2   | APICv is to be inhibited
        X13  | source:83 synic:83 enter                       | ""  | its vector is the SynIC's
        X13  | source:83 enter enter                          | 1   | it is not
        X13  | create synic:0 hidden:83 synic:83 enter        | 4   | nor may it be while it is masked
        X13  | source:83 synic:83 source:84 synic:84 enter    | ""  | another vector
        X13  | source:83 synic:83 source:84 enter             | 3   | the one from before is left
        X13  | synic:83 hidden:84 enter                       | ""  | that of a source which is not known
        X13  | create synic:83 hidden:84 enter                | ""  | that of source 0
        X13  | create synic:82 source:83 synic:83 enter       | 4   | source 0 has another
        X13  | create synic:0 source:83 synic:83 enter        | ""  | source 0 is masked
        X13  | hidden:83 enter                                | ""  | a masked source
        L8   | reset:1 enter1                                 | 1   | it has to wait
        L8   | reset:1 started:1 enter1                       | ""  | started
        L8   | reset:0 enter                                  | ""  | the boot processor does not wait
        X9   | source:83 sint:83                              | ""  | what its register says
        X9   | source:83 sint:84                              | 1   | another vector
        X9   | hidden:83 sint:83                              | 1   | a masked source interrupts
        X9   | hidden:83 sint:-1                              | ""  | a masked source does not
        X9   | source:83 sint:-1                              | 1   | one that is not does
        X9   | source:83 source:8 sint:83                     | ""  | refused: no interrupt has such a vector
        X9   | sint:83                                        | ""  | its register is not known
        X10  | l2:EOI_INDUCED l1 enter                        | ""  | L1 gets it
        X10  | l2:EOI_INDUCED enter enter                     | 1   | it does not
        X10  | l2:APIC_WRITE enter                            | 1   | it does not
        X10  | l2:APIC_ACCESS enter                           | 1   | it does not
        X10  | l2:VMCALL enter                                | 1   | it does not
        X10  | l2:EXTERNAL_INTERRUPT enter                    | ""  | that is KVM's
        X10  | l2:EOI_INDUCED                                 | ""  | on its way
        P3   | telling trigger                                | ""  | notified
        P3   | trigger                                        | 0   | not notified
        P3   | telling trigger trigger                        | 2   | each notifies
        P3   | outside                                        | ""  | woken instead
        X6   | seen event off                                 | ""  | KVM looks for what to inject
        X6   | seen off                                       | 1   | it does not
        X6   | event seen off                                 | 2   | what was asked before is another's
        X6   | seen on                                        | ""  | the processor delivers
        X6   | seen same                                      | ""  | it was off before
        """)
    void aTraceBreaksTheInvariant(String id, String words, String at, String reason) {
        Invariants invariants = Invariants.all();
        trace(words).forEach(invariants::accept);
        String found = invariants.violations().stream()
                .filter(violation -> violation.invariant().equals(id))
                .map(violation -> violation.at().order()
                        + violation.hazard().map(hazard -> " " + hazard).orElse(""))
                .collect(Collectors.joining(" "));
        assertEquals(at, found, reason);
    }

    @ParameterizedTest
    @CsvSource({"16, ''", "15, X9"})
    void allSourcesHearOfAnEom(int sources, String violated) {
        String acked =
                IntStream.range(0, sources).mapToObj(sint -> "acked:" + sint).collect(Collectors.joining(" "));
        Invariants invariants = Invariants.all();
        trace("eom " + acked + " enter enter").forEach(invariants::accept);
        assertEquals(
                violated,
                invariants.violations().stream().map(Violation::invariant).collect(Collectors.joining(" ")));
    }

    private static List<TraceRecord> trace(String words) {
        List<TraceRecord> records = new ArrayList<>();
        for (String word : words.split(" +", -1)) {
            String[] parts = word.replaceAll("\\*.*", "").split(":", -1);
            int times = word.contains("*") ? Integer.parseInt(word.replaceAll(".*\\*", "")) : 1;
            Event event = event(parts[0], parts.length > 1 ? parts[1] : "0");
            for (int i = 0; i < times; i++) {
                records.add(new TraceRecord(records.size(), records.size() + 1L, Source.USERSPACE, event));
            }
        }
        return records;
    }

    private static Event event(String verb, String what) {
        return switch (verb) {
            case "vm" -> new Event.VmCreated(2, Protocol.SCAN_THEN_LOAD, -1, 0);
            case "split" -> new Event.VmCreated(2, Protocol.SCAN_THEN_LOAD, 24, 0);
            case "l2" -> new Event.NestedExited(0, ExitReason.valueOf(what), 0, 0, 0, 0);
            case "l1" -> new Event.NestedExitInjected(0, ExitReason.VMCALL, 0, 0);
            case "enter" -> new Event.GuestEntered(0, 0, 0, 0, Event.ApicvAtEntry.ACTIVE);
            case "exit45" -> new Event.GuestExited(0, ExitReason.EOI_INDUCED, 0, 0, 0, 0);
            case "halt" -> new Event.GuestExited(0, ExitReason.HLT, 0, 0, 0, 0);
            case "taken" -> new Event.InterruptTaken(0, 49, false);
            case "sleep" -> new Event.VcpuBlocked(0);
            case "poll" -> new Event.VcpuWoken(0, Event.Wait.POLL);
            case "user" -> new Event.UserspaceExited(0, Event.UserspaceExit.KVM_EXIT_HLT);
            case "debug" -> new Event.GuestDebugSet(0, what.equals("1"));
            case "started" -> new Event.SipiStarted(Integer.parseInt(what), 16);
            case "halted" -> audited(EntryPhase.BLOCKED, MpState.HALTED, 0);
            case "waiting" ->
                new Event.VcpuAudited(
                        Integer.parseInt(what),
                        EntryPhase.BLOCKED,
                        MpState.INIT_RECEIVED,
                        true,
                        true,
                        0,
                        VectorBitmap.EMPTY,
                        VectorBitmap.EMPTY,
                        VectorBitmap.EMPTY);
            case "nmi" -> audited(EntryPhase.BLOCKED, MpState.HALTED, VcpuRequest.NMI.mask());
            case "smi" -> audited(EntryPhase.BLOCKED, MpState.HALTED, VcpuRequest.SMI.mask());
            case "running" -> audited(EntryPhase.IN_GUEST, MpState.RUNNABLE, VcpuRequest.NMI.mask());
            case "init" -> new Event.InterruptAccepted(Integer.parseInt(what), DeliveryMode.INIT, TriggerMode.EDGE, 0);
            case "sipi" -> new Event.InterruptAccepted(Integer.parseInt(what), DeliveryMode.SIPI, TriggerMode.EDGE, 16);
            default -> requestEvent(verb, Integer.parseInt(what));
        };
    }

    private static Event requestEvent(String verb, int number) {
        return switch (verb) {
            case "telling" -> new Event.IpiSent(0, Event.HostVector.POSTED_INTR);
            case "trigger" -> new Event.PostedInterruptTriggered(0, VcpuMode.IN_GUEST_MODE);
            case "outside" -> new Event.PostedInterruptTriggered(0, VcpuMode.OUTSIDE_GUEST_MODE);
            case "seen" -> new Event.RequestSeen(0, new RequestSet.Flow(VcpuRequest.APICV_UPDATE, 1, 0));
            case "event" ->
                new Event.RequestMade(0, new RequestSet.Flow(VcpuRequest.EVENT, 1, 0), false, EntryPhase.RUN_LOOP);
            case "off" -> new Event.ApicvUpdated(0, false, 8, true);
            case "on" -> new Event.ApicvUpdated(0, true, 0, true);
            case "same" -> new Event.ApicvUpdated(0, false, 8, false);
            case "addressed" ->
                new Event.ApicIdentityChanged(new ApicIdentity(
                        number, number, 0, ApicIdentity.DFR_FLAT, ApicIdentity.ApicMode.XAPIC, true, false));
            case "notify" -> new Event.AckNotifiersChanged(number);
            case "scan" -> new Event.BroadcastStarted(1, VcpuRequest.SCAN_IOAPIC, number);
            case "update" -> new Event.BroadcastStarted(1, VcpuRequest.APICV_UPDATE, number);
            default -> lineEvent(verb, number);
        };
    }

    private static Event lineEvent(String verb, int number) {
        return switch (verb) {
            case "rise" -> new Event.IrqLineSet(number, 1, 0);
            case "fall" -> new Event.IrqLineSet(number, 0, 0);
            case "pitrise" -> new Event.IrqLineSet(number, 1, 2);
            case "pitfall" -> new Event.IrqLineSet(number, 0, 2);
            case "came" -> new Event.IoapicIrqSet(new RedirectionEntry(0x31), number, false, 1, true);
            case "edge" -> new Event.IoapicServiced(number, new RedirectionEntry(0x31));
            case "ended" -> new Event.EoiForwarded(0, number, TriggerMode.LEVEL, false);
            case "level" -> new Event.IoapicServiced(number, new RedirectionEntry(0x8031));
            case "restore" -> new Event.IoapicStateRestored(number);
            case "write" -> written(0x100000000008000L | number);
            case "masked" -> written(0x100000000018000L | number);
            case "route" -> published(0xfee01000L, number);
            case "logical" -> published(0xfee01004L, number);
            default -> synicEvent(verb, number);
        };
    }

    private static Event written(long bits) {
        return new Event.RedirectionEntryWritten(5, RedirectionEntry.RESET, new RedirectionEntry(bits), 1, 0);
    }

    private static Event published(long address, int vector) {
        return new Event.GsiRoutingSet(1, 1, List.of(new Routing.MsiRoute(5, address, 0x8000 | vector)));
    }

    private static Event synicEvent(String verb, int vector) {
        return switch (verb) {
            case "synic" ->
                new Event.SynicVectorsChanged(0, vector == 0 ? VectorBitmap.EMPTY : VectorBitmap.of(vector));
            case "create" -> new Event.VmcsInitialised(0, true);
            case "base" -> new Event.MsrAccessed(0, Event.Access.WRITE, 0x1b, vector, false);
            case "auto" -> new Event.HvSynicMsrSet(0, 0x40000092, 0x20000 | vector);
            case "hidden" -> new Event.HvSynicMsrSet(0, 0x40000092, 0x30000 | vector);
            case "source" -> new Event.HvSynicMsrSet(0, 0x40000092, vector);
            case "service" -> new Event.InterruptAcknowledged(0, vector, true);
            case "over" -> new Event.InterruptAcknowledged(0, vector, false);
            case "eoi" -> new Event.EoiReceived(0, vector);
            case "told" -> new Event.HvSynicEoiSent(0, vector);
            case "control" -> new Event.HvSynicMsrSet(0, 0x40000080, vector);
            case "hyperv" -> new Event.UserspaceExited(0, Event.UserspaceExit.KVM_EXIT_HYPERV);
            case "reset" -> new Event.VcpuReset(vector);
            case "enter1" -> new Event.GuestEntered(1, 0, 0, 0, Event.ApicvAtEntry.ACTIVE);
            case "sint" -> new Event.SintRead(0, 2, vector);
            case "eom" -> new Event.HvSynicMsrSet(0, 0x40000084, 0);
            case "acked" -> new Event.HvSintAcked(0, vector);
            default -> throw new IllegalArgumentException(verb);
        };
    }

    private static Event audited(EntryPhase phase, MpState state, long requests) {
        return new Event.VcpuAudited(
                0, phase, state, true, true, requests, VectorBitmap.EMPTY, VectorBitmap.EMPTY, VectorBitmap.EMPTY);
    }
}
