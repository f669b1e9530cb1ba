package org.vcpusim.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.vcpusim.arch.ExitReason;
import org.vcpusim.arch.TriggerMode;
import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.arch.VmcsField;
import org.vcpusim.kvm.GuestAction.Plain;
import org.vcpusim.kvm.GuestAction.PlainVmx;

/** L1 posts interrupts to its guest, and notifies it by a vector of its own. */
class NestedPostedInterruptTest {
    private static final int TASK = 1;
    private static final int VECTOR = 0x41;
    private static final int NOTIFICATION = 0xe2;
    private static final String POSTED = "eatpdi";
    private static final Machine MACHINE = Fixtures.apicvActive(2);
    private static final Vcpu.Accept NOTIFY =
            new Vcpu.Accept(TASK, InterruptMessage.of(Fixtures.edge(NOTIFICATION, 0)));
    private static final Vcpu.HostIpi HOST_VECTOR =
            new Vcpu.HostIpi(Event.HostVector.POSTED_INTR_NESTED, Vcpu.HostIpi.NOBODY_WAITS);

    private static SteppedVcpu inL1(String letters) {
        SteppedVcpu v = NestedFixture.inL1(MACHINE, letters);
        v.change(x -> x.with(x.nested().withField(VmcsField.POSTED_INTR_NV, NOTIFICATION)));
        v.port().forget();
        return v;
    }

    private static SteppedVcpu enterL2(SteppedVcpu v) {
        return v.execute(PlainVmx.VMRESUME).stepTo(EntryPhase.IN_GUEST);
    }

    /** L2 takes interrupts, and what came before is forgotten. */
    private static SteppedVcpu inL2(String letters) {
        SteppedVcpu v = NestedFixture.interruptible(enterL2(inL1(letters)));
        v.port().forget();
        return v;
    }

    /** The host has got vCPU 0 out of L2, and its thread is at {@code phase}. */
    private static SteppedVcpu leaving(EntryPhase phase) {
        return inL2(POSTED)
                .send(new Vcpu.HostIpi(Event.HostVector.RESCHEDULE, Vcpu.HostIpi.NOBODY_WAITS))
                .stepTo(phase);
    }

    private static SteppedVcpu posted(SteppedVcpu v) {
        return v.send(new Vcpu.SetNestedPir(VECTOR)).send(Vcpu.SetNestedOn.SET_NESTED_ON);
    }

    private static List<Event.SyncedBy> taken(SteppedVcpu v) {
        return v.port().events(Event.NestedInterruptsSynced.class).stream()
                .map(Event.NestedInterruptsSynced::by)
                .toList();
    }

    @Test
    void theProcessorTakesWhatIsPostedWhenTheNotificationFindsItInL2() {
        SteppedVcpu v = posted(inL2(POSTED));

        v.send(NOTIFY);
        assertEquals(List.of(new Vm.AcceptedForNested(TASK)), v.port().sentTo("vm"));
        assertTrue(v.vcpu().nested().posting().noted());
        assertEquals(VectorBitmap.EMPTY, v.vcpu().posting().descriptor().pir(), "nothing is posted to L1");

        v.send(HOST_VECTOR);
        assertEquals(List.of(Event.SyncedBy.PROCESSOR), taken(v));
        assertEquals(List.of(VECTOR), v.delivered());
        assertEquals(List.of(), v.exits());
        assertFalse(v.vcpu().nested().posting().isOutstanding());
    }

    @Test
    void kvmTakesItOnTheWayIntoL2() {
        SteppedVcpu v = leaving(EntryPhase.HANDLE_EXIT);

        posted(v).send(NOTIFY).make(VcpuRequest.EVENT).stepTo(EntryPhase.IN_GUEST);

        assertEquals(List.of(Event.SyncedBy.KVM), taken(v));
        assertEquals(List.of(VECTOR), v.delivered());
        assertEquals(List.of(), v.port().events(Event.NestedPostingLoaded.class));
        assertFalse(v.vcpu().nested().posting().noted());
    }

    @Test
    void withoutTheRequestL2IsEnteredPastIt() {
        SteppedVcpu v = leaving(EntryPhase.HANDLE_EXIT);

        posted(v).send(NOTIFY).stepTo(EntryPhase.IN_GUEST);

        assertEquals(
                List.of(new Event.NestedPostingLoaded(0, true, VectorBitmap.of(VECTOR))),
                v.port().events(Event.NestedPostingLoaded.class));
        assertEquals(List.of(), v.delivered());
    }

    @Test
    void whatIsPostedAndNotNotifiedIsNotLookedFor() {
        SteppedVcpu v = leaving(EntryPhase.HANDLE_EXIT);

        posted(v).make(VcpuRequest.EVENT).stepTo(EntryPhase.IN_GUEST);

        assertEquals(List.of(), taken(v));
        assertEquals(
                List.of(new Event.NestedPostingLoaded(0, false, VectorBitmap.of(VECTOR))),
                v.port().events(Event.NestedPostingLoaded.class));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        vmcs12 | vector | nested | reason
        eatpdi | 0xe2   | true   | what L1 notifies L2 by
        eatpdi | 0xe3   | false  | another vector
        eatpd  | 0xe2   | false  | L1 has no descriptor for L2
        """)
    void onlyTheNotificationVectorIsForL2(String vmcs12, String vector, boolean nested, String why) {
        SteppedVcpu v = inL2(vmcs12);

        v.send(new Vcpu.Accept(TASK, InterruptMessage.of(Fixtures.edge(Integer.decode(vector), 0))));

        Vm.Message answer = nested ? new Vm.AcceptedForNested(TASK) : new Vm.AcceptedToPost(TASK);
        assertEquals(List.of(answer), v.port().sentTo("vm"), why);
    }

    @Test
    void inL1TheNotificationIsAnInterruptOfL1s() {
        SteppedVcpu v = inL1(POSTED).send(NOTIFY);

        assertEquals(List.of(new Vm.AcceptedToPost(TASK)), v.port().sentTo("vm"));
        assertFalse(v.vcpu().nested().posting().noted());
    }

    @Test
    void aNotificationThatL1HasPendingIsForL2WhenThatIsEntered() {
        SteppedVcpu v = posted(inL1(POSTED));
        v.change(x -> x.with(x.lapic().requested(NOTIFICATION, TriggerMode.EDGE)));

        enterL2(v);

        assertEquals(VectorBitmap.EMPTY, v.vcpu().lapic().page().irr());
        assertEquals(List.of(Event.SyncedBy.KVM), taken(v));
        assertTrue(v.vcpu().nested().guestMode());
        NestedFixture.interruptible(v);
        assertEquals(List.of(VECTOR), v.delivered());
    }

    @Test
    void oneThatBecomesPendingInL2MakesNoNestedExit() {
        SteppedVcpu v = posted(inL2(POSTED));

        NestedFixture.interrupted(v, NOTIFICATION);

        assertTrue(v.vcpu().nested().guestMode());
        assertEquals(VectorBitmap.EMPTY, v.vcpu().lapic().page().irr());
        assertEquals(List.of(VECTOR), v.delivered());
    }

    @Test
    void l1TakesWhatIsPostedItself() {
        SteppedVcpu v = posted(inL1(POSTED));

        v.execute(PlainVmx.TAKE_POSTED).stepTo(EntryPhase.IN_GUEST);
        assertEquals(List.of(Event.SyncedBy.L1), taken(v));
        assertEquals(VECTOR, v.vcpu().nested().vmcs12().read(VmcsField.GUEST_INTR_STATUS));
        assertEquals(List.of(ExitReason.VMWRITE), v.exits());

        NestedFixture.interruptible(enterL2(v));
        assertEquals(List.of(VECTOR), v.delivered());
    }

    @Test
    void outsideTheHostsVectorIsNobodysAndInL1AnExit() {
        SteppedVcpu outside = leaving(EntryPhase.HANDLE_EXIT);
        posted(outside).send(HOST_VECTOR).stepTo(EntryPhase.IN_GUEST);
        assertEquals(List.of(), taken(outside));

        SteppedVcpu l1 = posted(inL1(POSTED)).send(HOST_VECTOR);
        assertEquals(List.of(ExitReason.EXTERNAL_INTERRUPT), l1.exits());
        assertEquals(List.of(), taken(l1));
    }

    @Test
    void withHostInterruptsOffTheHostsVectorWaitsForTheFirstBoundary() {
        SteppedVcpu v = leaving(EntryPhase.RECHECK);

        posted(v).send(HOST_VECTOR);
        assertEquals(List.of(), taken(v));
        v.stepTo(EntryPhase.IN_GUEST);

        assertEquals(List.of(Event.SyncedBy.PROCESSOR), taken(v));
        assertEquals(List.of(VECTOR), v.delivered());
    }

    @Test
    void aSleepingL2WakesForWhatKvmHasNoted() {
        SteppedVcpu v = inL2(POSTED).execute(Plain.HLT).stepTo(EntryPhase.BLOCKED);

        posted(v).send(Vcpu.WakeUp.WAKE_UP).stepTo(EntryPhase.BLOCKED);
        assertEquals(List.of(), taken(v), "nobody has notified KVM");
        v.send(NOTIFY).make(VcpuRequest.EVENT).send(Vcpu.WakeUp.WAKE_UP).stepTo(EntryPhase.IN_GUEST);

        assertEquals(List.of(VECTOR), v.delivered());
    }

    @ParameterizedTest
    @CsvSource({"false, 0", "true, 1"})
    void theRequestIsVisibleBeforeTheModeIsRead(boolean faulty, int underWay) {
        Machine machine = faulty ? Fixtures.apicvActive(2, Fault.NESTED_POST_WITHOUT_BARRIER) : Fixtures.apicvActive(2);
        Vcpu.MakeRequest event = new Vcpu.MakeRequest(VcpuRequest.EVENT, 0);
        AnsweredVm vm = new AnsweredVm(Fixtures.vm(machine)).notifyingNested(VcpuMode.OUTSIDE_GUEST_MODE);
        vm.port().keepingInFlight();

        vm.send(new Vm.SignalMsi(new Vm.OfDevice(0), 0xfee00000L, NOTIFICATION));

        assertEquals(faulty ? List.of(event) : List.of(), vm.port().takeInFlight());
        assertEquals(
                faulty
                        ? List.of("accept 0 0xe2", "ReadMode", "wake")
                        : List.of("accept 0 0xe2", "EVENT 0", "ReadMode", "wake"),
                vm.takeLog());
        assertEquals(
                List.of(new Event.NestedNotificationTriggered(0, VcpuMode.OUTSIDE_GUEST_MODE)),
                vm.port().events(Event.NestedNotificationTriggered.class));
    }

    @Test
    void aVcpuInGuestModeIsSentTheHostsVectorOfL2() {
        AnsweredVm vm = new AnsweredVm(Fixtures.vm(MACHINE)).notifyingNested(VcpuMode.IN_GUEST_MODE);
        vm.port().keepingInFlight();

        vm.send(new Vm.SignalMsi(new Vm.OfDevice(0), 0xfee00000L, NOTIFICATION));

        assertEquals(List.of(HOST_VECTOR), vm.port().takeInFlight());
    }
}
