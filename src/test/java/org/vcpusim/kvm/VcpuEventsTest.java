package org.vcpusim.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.vcpusim.arch.DeliveryMode;
import org.vcpusim.arch.ExitReason;
import org.vcpusim.arch.TriggerMode;

/** INIT, start-up IPIs, NMIs and SMIs. */
class VcpuEventsTest {
    private static Vcpu.Accept ipi(DeliveryMode mode, int vector) {
        return new Vcpu.Accept(1, InterruptMessage.ofIcr(1 << 14 | mode.code() << 8 | vector, 0));
    }

    private static SteppedVcpu vcpu(int index) {
        return SteppedVcpu.of(Fixtures.apicvInactive(2), Fixtures.enabledLapic(index));
    }

    private static SteppedVcpu kicked(SteppedVcpu v) {
        return v.send(new Vcpu.HostIpi(Event.HostVector.RESCHEDULE, Vcpu.HostIpi.NOBODY_WAITS));
    }

    @Test
    void theBootProcessorStartsAnewAfterInit() {
        SteppedVcpu v = vcpu(0).enterGuest().send(ipi(DeliveryMode.INIT, 0)).make(VcpuRequest.EVENT);

        kicked(v).stepTo(EntryPhase.AWAITING).send(new Vcpu.OperationDone(0)).stepTo(EntryPhase.IN_GUEST);

        assertEquals(List.of(new Event.VcpuReset(0)), v.port().events(Event.VcpuReset.class));
        assertEquals(MpState.RUNNABLE, v.vcpu().events().mpState());
        assertEquals(GuestLink.START.rip(), v.vcpu().guest().rip());
        assertEquals(false, v.vcpu().lapic().swEnabled());
    }

    @Test
    void anApplicationProcessorWaitsAfterInitAndStartsAtTheSipi() {
        SteppedVcpu v = vcpu(1).enterGuest().send(ipi(DeliveryMode.INIT, 0)).make(VcpuRequest.EVENT);
        kicked(v).stepTo(EntryPhase.AWAITING).send(new Vcpu.OperationDone(0)).stepTo(EntryPhase.BLOCKED);
        assertEquals(MpState.INIT_RECEIVED, v.vcpu().events().mpState());
        assertEquals(List.of(), v.port().events(Event.SipiStarted.class));

        v.send(ipi(DeliveryMode.SIPI, 0x9a))
                .make(VcpuRequest.EVENT)
                .send(new Vcpu.ExchangeMode(1, Vcpu.Wakeup.WAKE))
                .stepTo(EntryPhase.IN_GUEST);

        assertEquals(List.of(new Event.SipiStarted(1, 0x9a)), v.port().events(Event.SipiStarted.class));
        assertEquals(MpState.RUNNABLE, v.vcpu().events().mpState());
    }

    @Test
    void aSipiWithoutInitIsDropped() {
        SteppedVcpu v = vcpu(1).enterGuest().send(ipi(DeliveryMode.SIPI, 0x9a)).make(VcpuRequest.EVENT);

        kicked(v).step().stepTo(EntryPhase.IN_GUEST);

        assertEquals(List.of(), v.port().events(Event.SipiStarted.class));
        assertEquals(false, v.vcpu().lapic().sipiPending());
        assertEquals(MpState.RUNNABLE, v.vcpu().events().mpState());
    }

    @Test
    void anInitForgetsTheSipiBeforeItAndKeepsTheOneAfterIt() {
        Lapic lapic = Fixtures.enabledLapic(1);

        assertEquals(false, lapic.withSipi(0x10).withInit().sipiPending());
        assertEquals(true, lapic.withInit().withSipi(0x10).sipiPending());
        assertEquals(true, lapic.withInit().withSipi(0x10).initPending());
    }

    @Test
    void aSipiRightAfterItsInitStartsTheVcpu() {
        SteppedVcpu v = vcpu(1).enterGuest()
                .send(ipi(DeliveryMode.INIT, 0))
                .send(ipi(DeliveryMode.SIPI, 0x9a))
                .make(VcpuRequest.EVENT);

        kicked(v).stepTo(EntryPhase.AWAITING).send(new Vcpu.OperationDone(0)).stepTo(EntryPhase.IN_GUEST);

        assertEquals(List.of(new Event.SipiStarted(1, 0x9a)), v.port().events(Event.SipiStarted.class));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        mode            | level | asserted | accepted | request | reason
        FIXED           | false | false    | true     | EVENT   | the level of an edge message does not count
        FIXED           | true  | true     | true     | EVENT   | level, asserted
        FIXED           | true  | false    | false    | -       | level, deasserted
        LOWEST_PRIORITY | false | true     | true     | EVENT   | as fixed
        SMI             | false | true     | true     | SMI     | an SMI
        REMOTE_READ     | false | true     | true     | EVENT   | wakes
        NMI             | false | true     | true     | NMI     | an NMI
        INIT            | false | true     | true     | EVENT   | INIT
        INIT            | true  | false    | false    | -       | INIT level de-assert
        SIPI            | false | true     | true     | EVENT   | start-up
        EXTINT          | false | true     | false    | -       | comes from the PIC, not as a message
        """)
    void whatALocalApicAccepts(DeliveryMode mode, boolean level, boolean asserted, boolean accepted, String request) {
        int icr = mode.code() << 8 | 0x41 | (level ? 1 << 15 : 0) | (asserted ? 1 << 14 : 0);
        SteppedVcpu v = vcpu(0).send(new Vcpu.Accept(1, InterruptMessage.ofIcr(icr, 0)));

        assertEquals(
                List.of(new Vm.Accepted(1, accepted, request.equals("-") ? null : VcpuRequest.valueOf(request))),
                v.port().sentTo("vm"));
        boolean vectored = mode == DeliveryMode.FIXED || mode == DeliveryMode.LOWEST_PRIORITY;
        List<Event> events = new ArrayList<>();
        events.add(new Event.InterruptAccepted(0, mode, TriggerMode.ofBit(level ? 1 : 0), 0x41));
        if (!accepted) {
            events.add(new Event.InterruptDiscarded(0, 0x41));
        } else if (vectored) {
            events.add(new Event.InterruptRequested(0, 0x41, Event.SyncedBy.KVM, false));
        }
        assertEquals(events, v.port().takeEvents());
    }

    @Test
    void aSoftwareDisabledLocalApicDiscardsFixedInterruptsAndTakesAnNmi() {
        SteppedVcpu v = SteppedVcpu.of(Fixtures.apicvInactive(1), Lapic.created(0));

        v.send(ipi(DeliveryMode.FIXED, 0x41)).send(ipi(DeliveryMode.NMI, 0));

        assertEquals(
                List.of(new Vm.Accepted(1, false, null), new Vm.Accepted(1, true, VcpuRequest.NMI)),
                v.port().sentTo("vm"));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        masked | injected | pending | queued | left | reason
        false  | false    | 0       | 1      | 1    | one
        false  | false    | 0       | 5      | 2    | at most two wait
        false  | false    | 1       | 5      | 2    | at most two wait
        true   | false    | 0       | 5      | 1    | one runs, one waits
        false  | true     | 0       | 5      | 1    | one is being injected, one waits
        """)
    void nmisThatComeTooFastAreDropped(boolean masked, boolean injected, int pending, int queued, int left) {
        assertEquals(new Nmis(0, left, injected, masked), new Nmis(queued, pending, injected, masked).collected());
    }

    @Test
    void aSecondNmiIsTakenWhenTheHandlerOfTheFirstReturns() {
        SteppedVcpu v = vcpu(0).send(Vcpu.Plain.NMI).send(Vcpu.Plain.NMI).enterGuest();
        assertEquals(1, v.port().events(Event.InterruptTaken.class).size());

        v.execute(GuestAction.Plain.NOP);
        assertEquals(1, v.port().events(Event.InterruptTaken.class).size());
        v.execute(GuestAction.Plain.IRET).stepTo(EntryPhase.IN_GUEST);

        assertEquals(
                List.of(new Event.InterruptTaken(0, 2, true), new Event.InterruptTaken(0, 2, true)),
                v.port().events(Event.InterruptTaken.class));
    }

    @Test
    void anSmiIsHandledBeforeTheNextEventAndOnce() {
        SteppedVcpu v = vcpu(0).send(Vcpu.Plain.SMI)
                .send(Vcpu.Plain.SMI)
                .send(Vcpu.Plain.NMI)
                .enterGuest();

        assertEquals(List.of(new Event.SmiHandled(0)), v.port().events(Event.SmiHandled.class));
        assertEquals(List.of(new Event.InterruptTaken(0, 2, true)), v.port().events(Event.InterruptTaken.class));
    }

    /** The entry that was to inject vector 0x61 is cancelled by a request for an SMI. */
    private static SteppedVcpu overtakenBySmi() {
        SteppedVcpu v = vcpu(0).enterGuest().execute(GuestAction.Plain.STI).execute(GuestAction.Plain.NOP);
        v.change(x -> x.with(x.lapic().requested(0x61, TriggerMode.EDGE))).make(VcpuRequest.EVENT);
        kicked(v).stepTo(EntryPhase.RECHECK);
        v.port().takeEvents();
        return v.send(Vcpu.Plain.SMI).step();
    }

    @Test
    void anSmiBehindAnInterruptInjectedAgainMakesTheGuestLeaveAtOnceAndIsHandledThen() {
        SteppedVcpu v = overtakenBySmi().stepTo(EntryPhase.EXITED);
        assertEquals(1, v.port().events(Event.EntryCancelled.class).size());
        assertEquals(List.of(new Event.ImmediateExitWanted(0)), v.port().events(Event.ImmediateExitWanted.class));
        assertEquals(List.of(new Event.InterruptTaken(0, 0x61, false)), v.port().events(Event.InterruptTaken.class));
        assertEquals(List.of(ExitReason.PREEMPTION_TIMER), v.exits());
        assertEquals(List.of(), v.port().events(Event.SmiHandled.class));

        v.port().takeEvents();
        v.stepTo(EntryPhase.IN_GUEST);

        assertEquals(List.of(new Event.SmiHandled(0)), v.port().events(Event.SmiHandled.class));
        assertEquals(false, v.vcpu().events().smiPending());
        assertEquals(List.of(), v.exits());
        assertEquals(List.of(), v.port().events(Event.InterruptTaken.class));
    }

    @Test
    void anEntryCancelledBeforeTheSmiIsHandledLooksAtEventsAgain() {
        SteppedVcpu v = overtakenBySmi().stepTo(EntryPhase.RECHECK);
        v.make(VcpuRequest.SCAN_IOAPIC).step();

        v.stepTo(EntryPhase.EXITED).stepTo(EntryPhase.IN_GUEST);

        assertEquals(2, v.port().events(Event.EntryCancelled.class).size());
        assertEquals(
                List.of(new Event.ImmediateExitWanted(0), new Event.ImmediateExitWanted(0)),
                v.port().events(Event.ImmediateExitWanted.class));
        assertEquals(List.of(new Event.SmiHandled(0)), v.port().events(Event.SmiHandled.class));
    }

    @Test
    void aHaltEndsForAnNmiAndAnSmiOnlyWhenTheyAreRequests() {
        SteppedVcpu v = vcpu(0).halt().send(ipi(DeliveryMode.NMI, 0)).send(ipi(DeliveryMode.SMI, 0));
        assertEquals(false, VcpuInjection.hasEvents(v.vcpu()));

        assertEquals(
                true, VcpuInjection.hasEvents(v.vcpu().with(v.vcpu().requests().make(VcpuRequest.NMI, 1))));
        assertEquals(
                true, VcpuInjection.hasEvents(v.vcpu().with(v.vcpu().requests().make(VcpuRequest.SMI, 1))));
    }

    @Test
    void initForgetsASmiThatWasSeenAndKeepsOneThatIsStillARequest() {
        SteppedVcpu v = vcpu(0).enterGuest().change(x -> x.with(x.events().withSmiPending(true)));
        v.send(ipi(DeliveryMode.INIT, 0)).make(VcpuRequest.EVENT);
        kicked(v).stepTo(EntryPhase.AWAITING).make(VcpuRequest.SMI);
        assertEquals(false, v.vcpu().events().smiPending());

        v.send(new Vcpu.OperationDone(0)).stepTo(EntryPhase.IN_GUEST);

        assertEquals(List.of(new Event.SmiHandled(0)), v.port().events(Event.SmiHandled.class));
    }

    @Test
    void interruptsStayBlockedForOneInstructionAfterSti() {
        SteppedVcpu v = vcpu(0).enterGuest();
        v.change(x -> x.with(x.lapic().requested(0x61, TriggerMode.EDGE))).make(VcpuRequest.EVENT);
        kicked(v).step().stepTo(EntryPhase.IN_GUEST);

        v.execute(GuestAction.Plain.STI);
        assertEquals(EntryPhase.IN_GUEST, v.vcpu().phase());
        v.execute(GuestAction.Plain.NOP).stepTo(EntryPhase.IN_GUEST);

        assertEquals(List.of(new Event.InterruptTaken(0, 0x61, false)), v.port().events(Event.InterruptTaken.class));
    }
}
