package org.vcpusim.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.vcpusim.arch.ExitReason;
import org.vcpusim.arch.PostedInterruptDescriptor.Control;
import org.vcpusim.arch.VectorBitmap;

/** Who runs where, and what a posted-interrupt descriptor says while its vCPU runs, waits or sleeps. */
class PhysicalCpuTest {
    private static final int VECTOR = 0x61;
    private static final Machine MACHINE = Fixtures.apicvActive(4).withPhysicalCpus(2);
    private static final PhysicalCpu.Interrupt NOTIFICATION = new PhysicalCpu.Interrupt(Event.HostVector.POSTED_INTR);
    private static final PhysicalCpu.Interrupt WAKEUP = new PhysicalCpu.Interrupt(Event.HostVector.POSTED_INTR_WAKEUP);

    private static SteppedVcpu vcpu(Fault... faults) {
        return SteppedVcpu.of(Fixtures.apicvActive(4, faults).withPhysicalCpus(2));
    }

    private static Control control(SteppedVcpu v) {
        return v.vcpu().posting().descriptor().control();
    }

    /** On processor 0, on its way into the guest. */
    private static SteppedVcpu loaded(SteppedVcpu v) {
        v.send(new Vcpu.Run(0)).send(new Vcpu.ScheduledIn(0));
        return v;
    }

    private static SteppedVcpu asleep(SteppedVcpu v) {
        loaded(v).stepTo(EntryPhase.IN_GUEST);
        v.execute(GuestAction.Plain.STI).execute(GuestAction.Plain.HLT).stepTo(EntryPhase.BLOCKED);
        return v;
    }

    @Test
    void threadsTakeTurnsInTheOrderInWhichTheyCame() {
        RecordingPort port = new RecordingPort();
        PhysicalCpu cpu = PhysicalCpu.idle(1)
                .step(new PhysicalCpu.Enqueue(0), port)
                .step(new PhysicalCpu.Enqueue(2), port)
                .step(new PhysicalCpu.Enqueue(3), port);
        assertEquals(1, port.takeSent().size());

        cpu = cpu.step(new PhysicalCpu.Leave(0), port).step(new PhysicalCpu.Leave(2), port);

        assertEquals(
                List.of(
                        new RecordingPort.Sent("vcpu 2", new Vcpu.ScheduledIn(1)),
                        new RecordingPort.Sent("vcpu 3", new Vcpu.ScheduledIn(1))),
                port.takeSent());
        PhysicalCpu last = cpu;
        assertThrows(IllegalStateException.class, () -> last.step(new PhysicalCpu.Leave(0), port));
    }

    @Test
    void theNotificationIsForWhoeverRunsAndTheWakeUpForWhoeverSleeps() {
        RecordingPort port = new RecordingPort();
        PhysicalCpu cpu = PhysicalCpu.idle(0)
                .step(new PhysicalCpu.AddSleeper(2), port)
                .step(new PhysicalCpu.AddSleeper(3), port)
                .step(new PhysicalCpu.RemoveSleeper(2), port)
                .step(NOTIFICATION, port);
        assertEquals(List.of(), port.takeSent(), "nobody runs");
        cpu = cpu.step(new PhysicalCpu.Enqueue(1), port);
        port.forget();

        cpu.step(NOTIFICATION, port).step(WAKEUP, port);

        assertEquals(
                List.of(
                        new RecordingPort.Sent(
                                "vcpu 1", new Vcpu.HostIpi(Event.HostVector.POSTED_INTR, Vcpu.HostIpi.NOBODY_WAITS)),
                        new RecordingPort.Sent("vcpu 3", Vcpu.WakeUp.IF_OUTSTANDING)),
                port.takeSent());
    }

    @Test
    void aLoadPointsTheDescriptorAtTheProcessor() {
        SteppedVcpu v = vcpu().send(new Vcpu.Run(0));
        assertEquals(List.of(new PhysicalCpu.Enqueue(0)), v.port().sentTo("cpu 0"));
        assertTrue(control(v).sn(), "suppressed since creation");

        v.send(new Vcpu.ScheduledIn(1));

        assertEquals(1, control(v).ndst());
        assertEquals(0xf2, control(v).nv());
        assertFalse(control(v).sn());
    }

    @Test
    void aPreemptedVcpuIsNotNotifiedUntilItRunsAgain() {
        SteppedVcpu v = loaded(vcpu());
        v.stepTo(EntryPhase.IN_GUEST).send(new Vcpu.Preempt(Vcpu.Preempt.SAME_CPU));
        assertEquals(
                ExitReason.EXTERNAL_INTERRUPT,
                v.port().events(Event.GuestExited.class).get(0).reason());
        v.stepTo(EntryPhase.OFF_CPU).port().forget();

        v.send(new Vcpu.PostFromDevice(VECTOR));
        assertEquals(List.of(), v.port().takeSent());
        assertFalse(control(v).on());

        v.send(new Vcpu.ScheduledIn(0));
        assertFalse(control(v).sn());
        v.step();
        assertTrue(control(v).on(), "what was posted in silence");
        v.stepTo(EntryPhase.IN_GUEST);
        assertEquals(VectorBitmap.of(VECTOR), v.vcpu().lapic().page().irr());
    }

    @Test
    void withTheFaultWhatWasPostedInSilenceStays() {
        SteppedVcpu v = loaded(vcpu(Fault.NO_ON_RECOMPUTE));
        v.send(new Vcpu.Preempt(Vcpu.Preempt.SAME_CPU)).stepTo(EntryPhase.OFF_CPU);

        v.send(new Vcpu.PostFromDevice(VECTOR)).send(new Vcpu.ScheduledIn(0)).stepTo(EntryPhase.IN_GUEST);

        assertEquals(VectorBitmap.of(VECTOR), v.vcpu().posting().descriptor().pir());
    }

    @Test
    void anEntryIsCancelledWhereTheHostWantsTheProcessor() {
        SteppedVcpu v = loaded(vcpu()).stepTo(EntryPhase.RECHECK);

        v.send(new Vcpu.Preempt(1)).step();

        assertEquals(1, v.port().events(Event.EntryCancelled.class).size());
        v.port().forget();
        v.stepTo(EntryPhase.OFF_CPU);
        assertEquals(List.of(new PhysicalCpu.Leave(0)), v.port().sentTo("cpu 0"));
        assertEquals(List.of(new PhysicalCpu.Enqueue(0)), v.port().sentTo("cpu 1"));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        on    | sn    | sends | reason
        false | false | true  | nobody was told
        true  | false | false | somebody was told, and has not looked yet
        false | true  | false | nobody is to be told
        """)
    void aDeviceSetsTheRequestAlwaysAndNotifiesUnlessOutstandingOrSuppressed(boolean on, boolean sn, boolean sends) {
        SteppedVcpu v = loaded(vcpu());
        v.stepTo(EntryPhase.IN_GUEST).change(x -> {
            var descriptor = x.posting().descriptor();
            descriptor = on ? descriptor.setOn() : descriptor;
            return x.with(x.posting().with(sn ? descriptor.setSn() : descriptor));
        });
        v.port().forget();

        v.send(new Vcpu.PostFromDevice(VECTOR));

        assertEquals(VectorBitmap.of(VECTOR), v.vcpu().posting().descriptor().pir());
        assertEquals(on || sends, control(v).on());
        assertEquals(sends ? List.of(NOTIFICATION) : List.of(), v.port().sentTo("cpu 0"));
        assertFalse(v.vcpu().lapic().page().tmr().get(VECTOR));
    }

    @Test
    void aSleepingVcpuIsWokenByTheWakeUpVector() {
        SteppedVcpu v = asleep(vcpu());
        assertEquals(0xf1, control(v).nv());
        assertTrue(v.port().sentTo("cpu 0").contains(new PhysicalCpu.AddSleeper(0)));
        v.send(Vcpu.WakeUp.IF_OUTSTANDING);
        assertEquals(EntryPhase.BLOCKED, v.vcpu().phase(), "somebody else was meant");
        v.port().forget();

        v.send(new Vcpu.PostFromDevice(VECTOR));
        assertEquals(List.of(WAKEUP), v.port().sentTo("cpu 0"));
        v.send(Vcpu.WakeUp.IF_OUTSTANDING);
        assertEquals(EntryPhase.OFF_CPU, v.vcpu().phase());
        v.send(new Vcpu.ScheduledIn(1));

        assertTrue(v.port().sentTo("cpu 0").contains(new PhysicalCpu.RemoveSleeper(0)));
        assertEquals(0xf2, control(v).nv());
        v.stepTo(EntryPhase.IN_GUEST);
        assertEquals(
                List.of(new Event.VirtualInterruptDelivered(0, VECTOR)),
                v.port().events(Event.VirtualInterruptDelivered.class));
    }

    @Test
    void whatIsPostedBetweenTheLastLookAndTheSleepWakesByAnInterruptToItself() {
        SteppedVcpu v = loaded(vcpu()).stepTo(EntryPhase.IN_GUEST);
        v.execute(GuestAction.Plain.STI).execute(GuestAction.Plain.HLT).stepTo(EntryPhase.BLOCK_SLEEP);
        v.port().forget();
        v.send(new Vcpu.PostFromDevice(VECTOR));
        assertEquals(List.of(NOTIFICATION), v.port().sentTo("cpu 0"));
        v.port().forget();

        v.step();

        assertEquals(
                List.of(new PhysicalCpu.AddSleeper(0), WAKEUP, new PhysicalCpu.Leave(0)),
                v.port().sentTo("cpu 0"));
    }

    @Test
    void aGuestThatTakesNoInterruptsIsNotWokenByDevices() {
        SteppedVcpu v = loaded(vcpu()).stepTo(EntryPhase.IN_GUEST);

        v.execute(GuestAction.Plain.HLT).stepTo(EntryPhase.BLOCKED);

        assertEquals(0xf2, control(v).nv());
        assertFalse(v.port().sentTo("cpu 0").contains(new PhysicalCpu.AddSleeper(0)));
    }

    @Test
    void aDevicesInterruptOfTheHostIsDeliveredFromTheVcpusOwnProcessor() {
        SteppedVcpu v = SteppedVcpu.of(MACHINE);
        loaded(v).stepTo(EntryPhase.IN_GUEST);

        v.send(new Vcpu.InterruptFromDevice(VECTOR));
        assertEquals(VectorBitmap.EMPTY, v.vcpu().posting().descriptor().pir(), "not before the guest has left");
        v.step();

        assertEquals(VectorBitmap.of(VECTOR), v.vcpu().posting().descriptor().pir());
        assertEquals(
                List.of(new Event.PostedInterruptTriggered(0, VcpuMode.OUTSIDE_GUEST_MODE)),
                v.port().events(Event.PostedInterruptTriggered.class));
    }

    @Test
    void aDevicesInterruptOfTheHostWaitsWhileInterruptsAreOff() {
        SteppedVcpu v = loaded(vcpu()).stepTo(EntryPhase.RECHECK);

        v.send(new Vcpu.InterruptFromDevice(VECTOR));
        assertEquals(VectorBitmap.EMPTY, v.vcpu().posting().descriptor().pir());
        v.step();
        assertEquals(
                ExitReason.EXTERNAL_INTERRUPT,
                v.port().events(Event.GuestExited.class).get(0).reason());
        v.stepTo(EntryPhase.IN_GUEST);

        assertEquals(VectorBitmap.of(VECTOR), v.vcpu().lapic().page().irr());
    }
}
