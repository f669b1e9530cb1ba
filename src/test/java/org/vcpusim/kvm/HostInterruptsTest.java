package org.vcpusim.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.vcpusim.arch.DeliveryMode;
import org.vcpusim.arch.PostedInterruptDescriptor;
import org.vcpusim.arch.TriggerMode;
import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.arch.VmcsField;

/** A device's interrupt that the host handles on the vCPU's own processor, and KVM delivers from there. */
class HostInterruptsTest {
    private static final int VECTOR = 0x61;
    private static final Event HANDLED = new Event.HostInterruptHandled(0, VECTOR);
    private static final Event ACCEPTED = new Event.InterruptAccepted(0, DeliveryMode.FIXED, TriggerMode.EDGE, VECTOR);

    private static SteppedVcpu vcpu(Machine.Apicv apicv) {
        return SteppedVcpu.of(Fixtures.machine(1, apicv, Protocol.SCAN_THEN_LOAD));
    }

    private static SteppedVcpu forgetting(SteppedVcpu v) {
        v.port().forget();
        return v;
    }

    /** On its way into the guest; its last interrupt with the vector was a level. */
    private static SteppedVcpu afterALevel(Machine.Apicv apicv) {
        return forgetting(vcpu(apicv).send(new Vcpu.Run(0)))
                .change(x -> x.with(x.lapic().withTriggerMode(VECTOR, TriggerMode.LEVEL)));
    }

    private static SteppedVcpu interrupted(SteppedVcpu v, int vector) {
        return v.send(new Vcpu.InterruptFromDevice(vector));
    }

    private static PostedInterruptDescriptor descriptor(SteppedVcpu v) {
        return v.vcpu().posting().descriptor();
    }

    @Test
    void withApicvItIsPostedAndNobodyIsNotified() {
        SteppedVcpu v = interrupted(afterALevel(Machine.Apicv.ACTIVE), VECTOR);

        assertEquals(
                List.of(
                        HANDLED,
                        ACCEPTED,
                        new Event.PostedInterruptSet(0, VECTOR, Event.Poster.CPU, false),
                        new Event.NotificationRequested(0, false),
                        new Event.PostedInterruptTriggered(0, VcpuMode.OUTSIDE_GUEST_MODE),
                        new Event.ApicvInterruptAccepted(0, DeliveryMode.FIXED, TriggerMode.EDGE, VECTOR)),
                v.port().takeEvents());
        assertEquals(VectorBitmap.of(VECTOR), descriptor(v).pir());
        assertTrue(descriptor(v).control().on());
        assertEquals(VectorBitmap.EMPTY, v.vcpu().lapic().page().tmr(), "an MSI is an edge");
        assertEquals(List.of(), v.port().takeSent());
    }

    @Test
    void aVectorThatIsPostedAlreadyAsksForNothing() {
        SteppedVcpu v = vcpu(Machine.Apicv.ACTIVE).send(new Vcpu.SetPir(1, VECTOR));

        interrupted(v, VECTOR);

        assertEquals(List.of(), v.port().events(Event.NotificationRequested.class));
        assertEquals(false, descriptor(v).control().on(), "whoever set the bit sees to the rest");
    }

    @Test
    void whereANotificationIsOutstandingAnotherVectorTriggersNone() {
        SteppedVcpu v = interrupted(vcpu(Machine.Apicv.ACTIVE), VECTOR);
        forgetting(v);

        interrupted(v, 0x71);

        assertEquals(
                List.of(new Event.NotificationRequested(0, true)), v.port().events(Event.NotificationRequested.class));
        assertEquals(List.of(), v.port().events(Event.PostedInterruptTriggered.class));
        assertEquals(VectorBitmap.of(VECTOR, 0x71), descriptor(v).pir());
    }

    @Test
    void withoutApicvItIsRequestedInIrrAndTheVcpuAskedToLook() {
        SteppedVcpu v = interrupted(afterALevel(Machine.Apicv.INACTIVE), VECTOR);

        assertEquals(
                List.of(
                        HANDLED,
                        ACCEPTED,
                        new Event.InterruptRequested(0, VECTOR, Event.SyncedBy.KVM, false),
                        new Event.IrrPendingRaised(0, VECTOR)),
                v.port().takeEvents().subList(0, 4));
        assertEquals(VectorBitmap.of(VECTOR), v.vcpu().lapic().page().irr());
        assertEquals(VectorBitmap.EMPTY, v.vcpu().lapic().page().tmr());
        assertTrue(v.vcpu().requests().test(VcpuRequest.EVENT));
        v.stepTo(EntryPhase.IN_GUEST);
        NestedFixture.interruptible(v).stepTo(EntryPhase.IN_GUEST);
        assertEquals(VectorBitmap.of(VECTOR), v.vcpu().lapic().page().isr());
    }

    @ParameterizedTest
    @EnumSource(Machine.Apicv.class)
    void aDisabledLocalApicDiscardsIt(Machine.Apicv apicv) {
        Machine machine = Fixtures.machine(1, apicv, Protocol.SCAN_THEN_LOAD);
        SteppedVcpu v = forgetting(SteppedVcpu.of(machine, Lapic.created(0)));

        interrupted(v, VECTOR);

        assertEquals(
                List.of(HANDLED, ACCEPTED, new Event.InterruptDiscarded(0, VECTOR)),
                v.port().takeEvents());
        assertEquals(VectorBitmap.EMPTY, descriptor(v).pir());
        assertEquals(VectorBitmap.EMPTY, v.vcpu().lapic().page().irr());
    }

    /** {@code kvm_vcpu_wake_up} from the handler: also between the last look for something to do and the sleep. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        apicv    | phase       | woken
        ACTIVE   | BLOCKED     | true
        ACTIVE   | BLOCK_SLEEP | true
        ACTIVE   | HANDLE_EXIT | false
        INACTIVE | BLOCKED     | true
        INACTIVE | BLOCK_SLEEP | true
        INACTIVE | HANDLE_EXIT | false
        """)
    void aSleeperIsWoken(Machine.Apicv apicv, EntryPhase phase, boolean woken) {
        SteppedVcpu v = vcpu(apicv).enterGuest();
        v.execute(GuestAction.Plain.STI).execute(GuestAction.Plain.HLT).stepTo(phase);
        forgetting(v);

        interrupted(v, VECTOR);

        assertEquals(
                woken ? List.of(new Event.SleeperFound(0, Event.WakeCause.INTERRUPT)) : List.of(),
                v.port().events(Event.SleeperFound.class));
        v.stepTo(EntryPhase.IN_GUEST);
        assertEquals(MpState.RUNNABLE, v.vcpu().events().mpState());
    }

    @Test
    void theGuestLeavesForTheHostsVectorAndTheHandlerRunsOnceInterruptsAreOnAgain() {
        SteppedVcpu v = forgetting(vcpu(Machine.Apicv.ACTIVE).enterGuest());

        interrupted(v, VECTOR);
        Event.GuestExited exit = v.port().events(Event.GuestExited.class).get(0);
        assertEquals(0x80000000 | Event.HostVector.DEVICE.number(), exit.interruptionInformation());
        assertEquals(List.of(), v.port().events(Event.HostInterruptHandled.class));

        v.stepTo(EntryPhase.HANDLE_EXIT);
        assertEquals(List.of(HANDLED), v.port().events(Event.HostInterruptHandled.class));
        v.stepTo(EntryPhase.IN_GUEST);
        assertEquals(1, v.port().events(Event.HostInterruptHandled.class).size(), "only once");
    }

    @ParameterizedTest
    @EnumSource(
            value = EntryPhase.class,
            names = {"BARRIER", "SYNC_ON", "SYNC_PIR", "RECHECK"})
    void whileInterruptsAreOffAllThatComeWait(EntryPhase phase) {
        SteppedVcpu v =
                vcpu(Machine.Apicv.INACTIVE).send(new Vcpu.SetPir(1, 0x51)).send(new Vcpu.SetOn(1));
        v.send(new Vcpu.Run(0)).stepTo(phase);

        interrupted(interrupted(v, 0x71), VECTOR);

        assertEquals(List.of(), v.port().events(Event.HostInterruptHandled.class));
        v.stepTo(EntryPhase.IN_GUEST);
        assertEquals(
                List.of(HANDLED, new Event.HostInterruptHandled(0, 0x71)),
                v.port().events(Event.HostInterruptHandled.class));
    }

    /** The notification vector of an L2 is not posted to L1; a sleeper wakes for it. */
    @ParameterizedTest
    @CsvSource({"IN_GUEST, 0", "BLOCKED, 1"})
    void aVectorByWhichL1NotifiesL2IsNotedForL2(EntryPhase phase, int woken) {
        SteppedVcpu v = NestedFixture.inL1(Fixtures.apicvActive(1), "eatpdi");
        v.change(x -> x.with(x.nested().withField(VmcsField.POSTED_INTR_NV, VECTOR)));
        v.execute(GuestAction.PlainVmx.VMRESUME).stepTo(EntryPhase.IN_GUEST);
        NestedFixture.interruptible(v);
        if (phase == EntryPhase.BLOCKED) {
            v.execute(GuestAction.Plain.HLT).stepTo(EntryPhase.BLOCKED);
        }
        forgetting(v);

        interrupted(v, VECTOR);
        if (phase == EntryPhase.IN_GUEST) {
            v.step();
        }

        assertTrue(v.vcpu().nested().posting().noted());
        assertTrue(v.vcpu().requests().test(VcpuRequest.EVENT));
        assertEquals(
                List.of(new Event.NestedNotificationTriggered(0, VcpuMode.OUTSIDE_GUEST_MODE)),
                v.port().events(Event.NestedNotificationTriggered.class));
        assertEquals(woken, v.port().events(Event.SleeperFound.class).size());
        assertEquals(VectorBitmap.EMPTY, descriptor(v).pir());
    }
}
