package org.vcpusim.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.vcpusim.kvm.VcpuMode.EXITING_GUEST_MODE;
import static org.vcpusim.kvm.VcpuMode.IN_GUEST_MODE;
import static org.vcpusim.kvm.VcpuMode.OUTSIDE_GUEST_MODE;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.vcpusim.arch.EventInjection;
import org.vcpusim.arch.ExitReason;
import org.vcpusim.arch.TriggerMode;
import org.vcpusim.arch.VmcsField;

class VcpuEntryTest {
    private static final int TASK = 7;
    private static final Vcpu.ExchangeMode EXCHANGE = new Vcpu.ExchangeMode(TASK, Vcpu.Wakeup.LEAVE_ASLEEP);
    private static final Vcpu.ExchangeMode WAKE = new Vcpu.ExchangeMode(TASK, Vcpu.Wakeup.WAKE);
    private static final Vcpu.HostIpi CALL = new Vcpu.HostIpi(Event.HostVector.CALL_FUNCTION, TASK);
    private static final Vm.IpiAcknowledged ACKNOWLEDGED = new Vm.IpiAcknowledged(TASK);

    private static List<Object> seen(SteppedVcpu v) {
        return v.port().events(Event.RequestSeen.class).stream()
                .<Object>map(e -> e.flow().request())
                .toList();
    }

    private static SteppedVcpu vcpu() {
        return SteppedVcpu.of(Fixtures.apicvActive(2));
    }

    @Test
    void requestsAreSeenInTheKernelsOrderWhateverTheOrderOfTheMakes() {
        SteppedVcpu v = vcpu();
        v.make(VcpuRequest.EVENT)
                .make(VcpuRequest.APICV_UPDATE)
                .make(VcpuRequest.LOAD_EOI_EXITMAP)
                .make(VcpuRequest.SCAN_IOAPIC)
                .make(VcpuRequest.IOAPIC_EOI_EXIT)
                .make(VcpuRequest.NMI);

        v.enterGuest();

        assertEquals(
                List.of(
                        VcpuRequest.NMI,
                        VcpuRequest.IOAPIC_EOI_EXIT,
                        VcpuRequest.SCAN_IOAPIC,
                        VcpuRequest.LOAD_EOI_EXITMAP,
                        VcpuRequest.APICV_UPDATE,
                        VcpuRequest.EVENT),
                seen(v));
    }

    @Test
    void aRequestMadeWhileItIsHandledIsHandledAgain() {
        SteppedVcpu v = vcpu().make(VcpuRequest.SCAN_IOAPIC);
        v.send(new Vcpu.Run(0)).stepTo(EntryPhase.AWAITING);
        v.make(VcpuRequest.SCAN_IOAPIC);

        v.stepTo(EntryPhase.IN_GUEST);

        assertEquals(
                List.of(
                        VcpuRequest.SCAN_IOAPIC,
                        VcpuRequest.LOAD_EOI_EXITMAP,
                        VcpuRequest.SCAN_IOAPIC,
                        VcpuRequest.LOAD_EOI_EXITMAP),
                seen(v));
    }

    @Test
    void clearedAfterHandlingTheSecondMakeIsLost() {
        SteppedVcpu v = SteppedVcpu.of(Fixtures.apicvActive(2, Fault.CLEAR_AFTER_HANDLING));
        v.make(VcpuRequest.SCAN_IOAPIC).send(new Vcpu.Run(0)).stepTo(EntryPhase.AWAITING);
        v.make(VcpuRequest.SCAN_IOAPIC);

        v.stepTo(EntryPhase.IN_GUEST);

        assertEquals(List.of(VcpuRequest.SCAN_IOAPIC, VcpuRequest.LOAD_EOI_EXITMAP), seen(v));
        assertEquals(0, v.vcpu().requests().word());
    }

    @Test
    void aCoalescedMakeIsReportedWithTheFlowItJoins() {
        SteppedVcpu v = vcpu();
        v.send(new Vcpu.MakeRequest(VcpuRequest.SCAN_IOAPIC, 5)).send(new Vcpu.MakeRequest(VcpuRequest.SCAN_IOAPIC, 6));

        RequestSet.Flow flow = new RequestSet.Flow(VcpuRequest.SCAN_IOAPIC, 1, 5);
        assertEquals(
                List.of(
                        new Event.RequestMade(0, flow, false, EntryPhase.USERSPACE),
                        new Event.RequestMade(0, flow, true, EntryPhase.USERSPACE)),
                v.port().takeEvents());
    }

    @Test
    void makingARequestNeitherWakesNorKicks() {
        SteppedVcpu v = vcpu().halt();
        v.port().forget();

        v.make(VcpuRequest.SCAN_IOAPIC).make(VcpuRequest.EVENT);

        assertEquals(EntryPhase.BLOCKED, v.vcpu().phase());
        assertEquals(List.of(), v.port().takeSent());
    }

    @ParameterizedTest
    @EnumSource(
            value = EntryPhase.class,
            names = {"RUN_LOOP", "CHECK_REQUESTS", "ENTER"})
    void theModeIsOutsideUntilTheEntryHasCommitted(EntryPhase phase) {
        SteppedVcpu v = vcpu().send(new Vcpu.Run(0)).stepTo(phase);
        v.port().forget();

        v.send(EXCHANGE);

        assertEquals(OUTSIDE_GUEST_MODE, v.vcpu().mode());
        assertEquals(
                List.of(new Vm.ModeFound(TASK, OUTSIDE_GUEST_MODE, false)),
                v.port().sentTo("vm"));
    }

    @ParameterizedTest
    @EnumSource(
            value = EntryPhase.class,
            names = {"RECHECK", "IN_GUEST"})
    void onlyTheFirstExchangeFindsInGuestMode(EntryPhase phase) {
        SteppedVcpu v = vcpu().send(new Vcpu.Run(0)).stepTo(phase);
        v.port().forget();

        v.send(EXCHANGE).send(EXCHANGE);

        assertEquals(EXITING_GUEST_MODE, v.vcpu().mode());
        assertEquals(
                List.of(
                        new Vm.ModeFound(TASK, IN_GUEST_MODE, false),
                        new Vm.ModeFound(TASK, EXITING_GUEST_MODE, false)),
                v.port().sentTo("vm"));
    }

    @Test
    void anIpiInTheGuestIsAnExitAndAcknowledgedOnlyWhenInterruptsAreOnAgain() {
        SteppedVcpu v = vcpu().enterGuest();
        v.port().forget();

        v.send(CALL);

        assertEquals(EntryPhase.EXITED, v.vcpu().phase());
        assertEquals(
                List.of(new Event.GuestExited(
                        0, ExitReason.EXTERNAL_INTERRUPT, v.vcpu().guest().rip(), 0, 0x800000fc, 0)),
                v.port().takeEvents());
        assertEquals(List.of(), v.port().sentTo("vm"));

        v.step();

        assertEquals(OUTSIDE_GUEST_MODE, v.vcpu().mode());
        assertEquals(List.of(ACKNOWLEDGED), v.port().sentTo("vm"));
    }

    @Test
    void anIpiOutsideTheGuestIsAcknowledgedAtOnce() {
        SteppedVcpu v = vcpu().send(new Vcpu.Run(0)).stepTo(EntryPhase.CHECK_REQUESTS);
        v.port().forget();

        v.send(CALL);

        assertEquals(
                List.of(new RecordingPort.Sent("vm", ACKNOWLEDGED)), v.port().takeSent());
        assertEquals(EntryPhase.CHECK_REQUESTS, v.vcpu().phase());
    }

    /** Interrupts are off between IN_GUEST_MODE and the entry: the IPI is pending when the guest starts. */
    @Test
    void anIpiBetweenTheModeAndTheEntryIsPendedAndLeavesTheGuestAtOnce() {
        SteppedVcpu v = vcpu().send(new Vcpu.Run(0)).stepTo(EntryPhase.RECHECK);
        v.port().forget();
        v.send(CALL);
        assertEquals(List.of(), v.port().sentTo("vm"));

        v.step();

        assertEquals(
                List.of(Event.GuestEntered.class, Event.GuestExited.class),
                v.port().takeEvents().stream().map(Object::getClass).toList());
        assertEquals(List.of(), v.port().sentTo("guest 0"));
        assertEquals(List.of(), v.port().sentTo("vm"));
        v.step();
        assertEquals(List.of(ACKNOWLEDGED), v.port().sentTo("vm"));
    }

    @Test
    void aRequestBetweenTheModeAndTheEntryCancelsIt() {
        SteppedVcpu v = vcpu().send(new Vcpu.Run(0)).stepTo(EntryPhase.RECHECK);
        v.make(VcpuRequest.SCAN_IOAPIC).send(EXCHANGE).send(CALL);
        v.port().forget();

        v.step();

        assertEquals(
                List.of(new Event.EntryCancelled(0, EXITING_GUEST_MODE, VcpuRequest.SCAN_IOAPIC.mask())),
                v.port().takeEvents());
        assertEquals(OUTSIDE_GUEST_MODE, v.vcpu().mode());
        assertEquals(List.of(ACKNOWLEDGED), v.port().sentTo("vm"));
        v.stepTo(EntryPhase.IN_GUEST);
        assertEquals(List.of(VcpuRequest.SCAN_IOAPIC, VcpuRequest.LOAD_EOI_EXITMAP), seen(v));
    }

    @Test
    void anExchangeWithoutRequestCancelsTheEntryToo() {
        SteppedVcpu v = vcpu().send(new Vcpu.Run(0)).stepTo(EntryPhase.RECHECK);
        v.port().forget();

        v.send(EXCHANGE).step();

        assertEquals(
                List.of(
                        new Event.ModeExchanged(0, IN_GUEST_MODE, EXITING_GUEST_MODE),
                        new Event.EntryCancelled(0, EXITING_GUEST_MODE, 0)),
                v.port().takeEvents());
    }

    @Test
    void withoutTheRecheckTheGuestRunsWithARequestPending() {
        SteppedVcpu v = SteppedVcpu.of(Fixtures.apicvActive(2, Fault.NO_RECHECK));
        v.send(new Vcpu.Run(0)).stepTo(EntryPhase.RECHECK).make(VcpuRequest.SCAN_IOAPIC);
        v.port().forget();

        v.step();

        assertEquals(
                List.of(new Event.GuestEntered(
                        0, v.vcpu().guest().rip(), 0, VcpuRequest.SCAN_IOAPIC.mask(), Event.ApicvAtEntry.ACTIVE)),
                v.port().takeEvents());
    }

    @Test
    void anInterruptOfACancelledEntryIsInjectedByTheNext() {
        SteppedVcpu v = SteppedVcpu.of(Fixtures.apicvInactive(2)).enterGuest();
        v.execute(GuestAction.Plain.STI).execute(GuestAction.Plain.NOP);
        v.change(x -> x.with(x.lapic().requested(0x61, TriggerMode.EDGE)))
                .make(VcpuRequest.EVENT)
                .send(EXCHANGE)
                .send(new Vcpu.HostIpi(Event.HostVector.RESCHEDULE, Vcpu.HostIpi.NOBODY_WAITS))
                .stepTo(EntryPhase.RECHECK);
        v.send(EXCHANGE);
        v.port().forget();

        v.step();

        assertEquals(VcpuRequest.EVENT.mask(), v.vcpu().requests().word());
        assertEquals(0, v.vcpu().vmcs().read(VmcsField.VM_ENTRY_INTR_INFO_FIELD));
        v.stepTo(EntryPhase.RECHECK);
        assertEquals(
                EventInjection.externalInterrupt(0x61).encode(),
                v.vcpu().vmcs().read(VmcsField.VM_ENTRY_INTR_INFO_FIELD));
        v.step();
        assertEquals(
                List.of(new Event.InterruptInjected(0, 0x61, true)), v.port().events(Event.InterruptInjected.class));
        assertEquals(List.of(new Event.InterruptTaken(0, 0x61, false)), v.port().events(Event.InterruptTaken.class));
        assertEquals(0x61, v.vcpu().lapic().page().isr().highest());
        assertEquals(-1, v.vcpu().lapic().page().irr().highest());
    }

    @Test
    void anNmiOfACancelledEntryIsInjectedByTheNext() {
        SteppedVcpu v = vcpu().send(Vcpu.Plain.NMI);
        v.send(new Vcpu.Run(0)).stepTo(EntryPhase.RECHECK).send(EXCHANGE);

        v.step().stepTo(EntryPhase.IN_GUEST);

        assertEquals(List.of(new Event.InterruptTaken(0, 2, true)), v.port().events(Event.InterruptTaken.class));
    }

    @Test
    void aWakeEndsTheSleepAndTheRequesterSendsNoIpi() {
        SteppedVcpu v = vcpu().halt();
        v.port().forget();

        v.send(WAKE);

        assertEquals(EntryPhase.BLOCK_CHECK, v.vcpu().phase());
        assertEquals(
                List.of(new Vm.ModeFound(TASK, OUTSIDE_GUEST_MODE, true)),
                v.port().sentTo("vm"));
        assertEquals(
                List.of(new Event.SleeperFound(0, Event.WakeCause.REQUEST), new Event.VcpuWoken(0)),
                v.port().takeEvents());
    }

    @Test
    void anExchangeThatLeavesSleepersAsleepDoesNotWake() {
        SteppedVcpu v = vcpu().halt();
        v.port().forget();

        v.send(EXCHANGE);

        assertEquals(EntryPhase.BLOCKED, v.vcpu().phase());
        assertEquals(
                List.of(new RecordingPort.Sent("vm", new Vm.ModeFound(TASK, OUTSIDE_GUEST_MODE, false))),
                v.port().takeSent());
    }

    @Test
    void aWokenVcpuWithNothingToDoSleepsAgain() {
        SteppedVcpu v = vcpu().halt().send(WAKE);
        v.port().forget();

        v.stepTo(EntryPhase.BLOCKED);

        assertEquals(List.of(new Event.VcpuBlocked(0)), v.port().takeEvents());
    }

    /**
     * <pre>
     *   CPU 0                                CPU 1
     *   BLOCK_CHECK: nothing to do
     *                                        set IRR, wake: a sleeper was found
     *   BLOCK_SLEEP: woken, look again
     * </pre>
     */
    @ParameterizedTest
    @EnumSource(
            value = EntryPhase.class,
            names = {"BLOCK_CHECK", "BLOCK_SLEEP"})
    void aWakeBetweenTheLookAndTheSleepIsNotLost(EntryPhase phase) {
        SteppedVcpu v = vcpu().enterGuest().execute(GuestAction.Plain.STI).execute(GuestAction.Plain.HLT);
        v.stepTo(phase);
        v.port().forget();

        v.change(x -> x.with(x.lapic().requested(0x61, TriggerMode.EDGE)))
                .make(VcpuRequest.EVENT)
                .send(WAKE);

        assertEquals(
                List.of(new Vm.ModeFound(TASK, OUTSIDE_GUEST_MODE, true)),
                v.port().sentTo("vm"));
        v.stepTo(EntryPhase.IN_GUEST);
        assertEquals(List.of(), v.port().events(Event.VcpuBlocked.class));
        assertEquals(List.of(new Event.InterruptTaken(0, 0x61, false)), v.port().events(Event.InterruptTaken.class));
    }

    @Test
    void aSecondWakeBeforeTheSleepFindsNobodyAsleep() {
        SteppedVcpu v = vcpu().enterGuest().execute(GuestAction.Plain.STI).execute(GuestAction.Plain.HLT);
        v.stepTo(EntryPhase.BLOCK_SLEEP);
        v.port().forget();

        v.send(WAKE).send(WAKE);

        assertEquals(
                List.of(
                        new Vm.ModeFound(TASK, OUTSIDE_GUEST_MODE, true),
                        new Vm.ModeFound(TASK, OUTSIDE_GUEST_MODE, false)),
                v.port().sentTo("vm"));
    }

    @Test
    void aHaltedVcpuIsNotWokenByWhatItsScanWouldFind() {
        SteppedVcpu v = vcpu().halt();

        v.make(VcpuRequest.SCAN_IOAPIC)
                .make(VcpuRequest.LOAD_EOI_EXITMAP)
                .make(VcpuRequest.APICV_UPDATE)
                .send(WAKE)
                .stepTo(EntryPhase.BLOCKED);

        assertEquals(
                VcpuRequest.SCAN_IOAPIC.mask() | VcpuRequest.LOAD_EOI_EXITMAP.mask() | VcpuRequest.APICV_UPDATE.mask(),
                v.vcpu().requests().word());
    }

    @Test
    void hltWithAnInterruptPendingDoesNotHalt() {
        SteppedVcpu v = vcpu().enterGuest().execute(GuestAction.Plain.STI);
        v.change(x -> x.with(x.lapic().requested(0x61, TriggerMode.EDGE))).make(VcpuRequest.EVENT);

        v.execute(GuestAction.Plain.HLT).stepTo(EntryPhase.IN_GUEST);

        assertEquals(List.of(), v.port().events(Event.VcpuBlocked.class));
        assertEquals(List.of(new Event.InterruptTaken(0, 0x61, false)), v.port().events(Event.InterruptTaken.class));
    }

    @Test
    void hltWithInterruptsOffSleepsThroughAnInterrupt() {
        SteppedVcpu v = vcpu().enterGuest();
        v.change(x -> x.with(x.lapic().requested(0x61, TriggerMode.EDGE)));

        v.execute(GuestAction.Plain.HLT).stepTo(EntryPhase.BLOCKED);

        assertEquals(MpState.HALTED, v.vcpu().events().mpState());
    }

    @Test
    void aSignalMakesKvmRunReturnFromAnEntryThatHasCommitted() {
        SteppedVcpu v = vcpu().send(new Vcpu.Run(0)).stepTo(EntryPhase.RECHECK);
        v.port().forget();

        v.send(Vcpu.Plain.SIGNAL).stepTo(EntryPhase.USERSPACE);

        assertEquals(
                List.of(
                        new Event.VcpuSignalled(0),
                        new Event.EntryCancelled(0, IN_GUEST_MODE, 0),
                        new Event.UserspaceExited(0, Event.UserspaceExit.KVM_EXIT_INTR)),
                v.port().takeEvents());
    }

    @Test
    void aSignalWakesASleeper() {
        SteppedVcpu v = vcpu().halt().send(Vcpu.Plain.SIGNAL).stepTo(EntryPhase.USERSPACE);

        assertEquals(MpState.HALTED, v.vcpu().events().mpState());
    }

    @Test
    void kvmRunInKvmRunIsRefused() {
        SteppedVcpu v = vcpu().enterGuest();

        assertThrows(IllegalStateException.class, () -> v.send(new Vcpu.Run(0)));
    }

    @Test
    void anInstructionThatWasFetchedBeforeAnExitIsNotExecuted() {
        SteppedVcpu v = vcpu().enterGuest();
        Vcpu.Execute late = new Vcpu.Execute(v.vcpu().guest().fetches(), GuestAction.Plain.NOP);
        v.send(CALL);
        Vcpu before = v.vcpu();

        v.send(late);

        assertSame(before, v.vcpu());
    }
}
