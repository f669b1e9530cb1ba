package org.vcpusim.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.vcpusim.kvm.VcpuMode.EXITING_GUEST_MODE;
import static org.vcpusim.kvm.VcpuMode.IN_GUEST_MODE;
import static org.vcpusim.kvm.VcpuMode.OUTSIDE_GUEST_MODE;
import static org.vcpusim.kvm.VcpuMode.READING_SHADOW_PAGE_TABLES;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a requester does to its targets; the test answers for them. */
class RequestDeliveryTest {
    private static final int TASK = 1;

    private final RecordingPort port = new RecordingPort();
    private Vm vm = Fixtures.vm(Fixtures.apicvInactive(4));

    /** The VM sends itself a message for each step; what goes to others is returned. */
    private List<Object> send(Vm.Message message) {
        List<Object> toOthers = new ArrayList<>();
        vm = vm.step(message, port);
        List<RecordingPort.Sent> sent = port.takeSent();
        while (!sent.isEmpty()) {
            for (RecordingPort.Sent each : sent) {
                if (each.to().equals("vm")) {
                    vm = vm.step((Vm.Message) each.message(), port);
                } else {
                    toOthers.add(each.message());
                }
            }
            sent = port.takeSent();
        }
        return toOthers;
    }

    private static Vcpu.MakeRequest made(VcpuRequest request) {
        return new Vcpu.MakeRequest(request, 0);
    }

    private static Vcpu.ExchangeMode exchange(Vcpu.Wakeup wakeup) {
        return new Vcpu.ExchangeMode(TASK, wakeup);
    }

    /** A change of an identity is the shortest way to a broadcast: it raises SCAN_IOAPIC everywhere. */
    private List<Object> startScanOfAll() {
        return send(new Vm.ChangeIdentity(Fixtures.identities(4)[0]));
    }

    @Test
    void anAcknowledgementThatNobodyWaitsForChangesNothing() {
        Vm before = vm;

        assertEquals(List.of(), send(new Vm.IpiAcknowledged(TASK)));

        assertEquals(before, vm);
    }

    @Test
    void aWaitingRequestInterruptsEveryTargetThatIsNotOutsideAndWaits() {
        List<Object> first = startScanOfAll();
        assertEquals(List.of(made(VcpuRequest.SCAN_IOAPIC), exchange(Vcpu.Wakeup.LEAVE_ASLEEP)), first);
        send(new Vm.ModeFound(TASK, OUTSIDE_GUEST_MODE, false));
        send(new Vm.ModeFound(TASK, IN_GUEST_MODE, false));
        send(new Vm.ModeFound(TASK, EXITING_GUEST_MODE, false));

        List<Object> ipis = send(new Vm.ModeFound(TASK, READING_SHADOW_PAGE_TABLES, false));

        Vcpu.HostIpi ipi = new Vcpu.HostIpi(Event.HostVector.CALL_FUNCTION, TASK);
        assertEquals(List.of(ipi, ipi, ipi), ipis);
        assertEquals(
                List.of(
                        new Event.BroadcastStarted(TASK, VcpuRequest.SCAN_IOAPIC, 4),
                        new Event.IpiElided(0, OUTSIDE_GUEST_MODE),
                        new Event.IpiSent(1, Event.HostVector.CALL_FUNCTION),
                        new Event.IpiSent(2, Event.HostVector.CALL_FUNCTION),
                        new Event.IpiSent(3, Event.HostVector.CALL_FUNCTION)),
                port.takeEvents());
        assertEquals(List.of(), send(new Vm.IpiAcknowledged(TASK)));
        assertEquals(List.of(), send(new Vm.IpiAcknowledged(TASK)));
        assertEquals(List.of(), port.takeEvents());

        List<Object> answer = send(new Vm.IpiAcknowledged(TASK));

        assertEquals(List.of(new Event.BroadcastCompleted(TASK, VcpuRequest.SCAN_IOAPIC)), port.takeEvents());
        assertEquals(List.of(new Vcpu.OperationDone(0)), answer);
        assertTrue(vm.isIdle());
    }

    @Test
    void aBroadcastThatInterruptsNobodyIsCompleteAtOnce() {
        startScanOfAll();
        for (int target = 0; target < 3; target++) {
            send(new Vm.ModeFound(TASK, OUTSIDE_GUEST_MODE, false));
        }

        assertEquals(List.of(new Vcpu.OperationDone(0)), send(new Vm.ModeFound(TASK, OUTSIDE_GUEST_MODE, false)));
        assertTrue(vm.isIdle());
    }

    /** KVM_REQ_LOAD_EOI_EXITMAP, the request of the older protocol, has no flags: it wakes, and does not wait. */
    @Test
    void aRequestThatDoesNotWaitInterruptsOnlyTheGuestAndWakesSleepers() {
        vm = Fixtures.vm(Fixtures.machine(4, Machine.Apicv.INACTIVE, Protocol.LOAD_EOI_EXITMAP));
        assertEquals(List.of(made(VcpuRequest.LOAD_EOI_EXITMAP), exchange(Vcpu.Wakeup.WAKE)), startScanOfAll());
        send(new Vm.ModeFound(TASK, IN_GUEST_MODE, false));
        send(new Vm.ModeFound(TASK, EXITING_GUEST_MODE, false));
        send(new Vm.ModeFound(TASK, OUTSIDE_GUEST_MODE, true));

        List<Object> rest = send(new Vm.ModeFound(TASK, READING_SHADOW_PAGE_TABLES, false));

        assertEquals(
                List.of(
                        new Vcpu.HostIpi(Event.HostVector.CALL_FUNCTION, Vcpu.HostIpi.NOBODY_WAITS),
                        new Vcpu.OperationDone(0)),
                rest);
        assertEquals(
                List.of(
                        new Event.BroadcastStarted(TASK, VcpuRequest.LOAD_EOI_EXITMAP, 4),
                        new Event.IpiElided(1, EXITING_GUEST_MODE),
                        new Event.IpiElided(3, READING_SHADOW_PAGE_TABLES),
                        new Event.IpiSent(0, Event.HostVector.CALL_FUNCTION),
                        new Event.BroadcastCompleted(TASK, VcpuRequest.LOAD_EOI_EXITMAP)),
                port.takeEvents());
    }

    @Test
    void theBitIsSetBeforeTheModeIsReadUnlessTheFaultSaysOtherwise() {
        vm = Fixtures.vm(Fixtures.apicvActive(1, Fault.KICK_BEFORE_REQUEST));
        assertEquals(
                List.of(exchange(Vcpu.Wakeup.LEAVE_ASLEEP)), send(new Vm.ChangeIdentity(Fixtures.identities(1)[0])));

        assertEquals(
                List.of(new Vcpu.HostIpi(Event.HostVector.CALL_FUNCTION, TASK), made(VcpuRequest.SCAN_IOAPIC)),
                send(new Vm.ModeFound(TASK, IN_GUEST_MODE, false)));
        assertFalse(vm.isIdle());
        send(new Vm.IpiAcknowledged(TASK));
        assertTrue(vm.isIdle());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        mode                       | woken | ipi   | elided | reason
        IN_GUEST_MODE              | false | true  | false  | it is in the guest
        OUTSIDE_GUEST_MODE         | false | false | true   | it looks at its requests by itself
        EXITING_GUEST_MODE         | false | false | true   | another IPI is on its way
        READING_SHADOW_PAGE_TABLES | false | false | true   | a kick is only for the guest
        OUTSIDE_GUEST_MODE         | true  | false | false  | it was asleep
        """)
    void aKickInterruptsOnlyTheGuest(VcpuMode mode, boolean woken, boolean ipi, boolean elided) {
        List<Object> accepted = send(new Vm.SignalMsi(new Vm.OfDevice(0), 0xfee01000L, 0x41));
        assertEquals(Vcpu.Accept.class, accepted.get(0).getClass());
        assertEquals(
                List.of(new Vcpu.CompleteAccept(0x41), made(VcpuRequest.EVENT), exchange(Vcpu.Wakeup.WAKE)),
                send(new Vm.Accepted(TASK, true, VcpuRequest.EVENT)));
        port.takeEvents();

        List<Object> rest = send(new Vm.ModeFound(TASK, mode, woken));

        List<Object> expected = new ArrayList<>();
        if (ipi) {
            expected.add(new Vcpu.HostIpi(Event.HostVector.RESCHEDULE, Vcpu.HostIpi.NOBODY_WAITS));
        }
        expected.add(new Device.Done(1));
        assertEquals(expected, rest);
        assertEquals(
                ipi
                        ? List.of(new Event.IpiSent(1, Event.HostVector.RESCHEDULE))
                        : elided ? List.of(new Event.IpiElided(1, mode)) : List.of(),
                port.takeEvents());
    }

    @Test
    void anInterruptThatIsDiscardedNeitherRequestsNorKicks() {
        send(new Vm.SignalMsi(new Vm.OfDevice(0), 0xfee01000L, 0x41));

        assertEquals(List.of(new Device.Done(0)), send(new Vm.Accepted(TASK, false, null)));
    }

    @Test
    void aLateAcknowledgementCountsForItsOwnBroadcast() {
        startScanOfAll();
        send(new Vm.ChangeIdentity(Fixtures.identities(4)[1]));
        for (int task = 1; task <= 2; task++) {
            for (int target = 0; target < 4; target++) {
                send(new Vm.ModeFound(task, task == target ? IN_GUEST_MODE : OUTSIDE_GUEST_MODE, false));
            }
        }

        assertEquals(List.of(new Vcpu.OperationDone(0)), send(new Vm.IpiAcknowledged(2)));
        assertEquals(List.of(new Vcpu.OperationDone(0)), send(new Vm.IpiAcknowledged(1)));
        assertTrue(vm.isIdle());
    }
}
