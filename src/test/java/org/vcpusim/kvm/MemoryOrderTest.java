package org.vcpusim.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.vcpusim.arch.VectorBitmap;

/** Which stores others see, and when; and what each missing barrier, kick, wake-up or request changes. */
class MemoryOrderTest {
    private static final int TASK = 1;
    private static final int VECTOR = 0x41;
    private static final Vcpu.ExchangeMode EXCHANGE = new Vcpu.ExchangeMode(TASK, Vcpu.Wakeup.LEAVE_ASLEEP);

    private static SteppedVcpu vcpu(Fault... faults) {
        return SteppedVcpu.of(Fixtures.apicvInactive(2, faults));
    }

    private static Vcpu.Accept accept(int vector) {
        return new Vcpu.Accept(TASK, InterruptMessage.of(Fixtures.edge(vector, 0)));
    }

    private static boolean irrPending(SteppedVcpu v) {
        return v.vcpu().lapic().hints().irrPending();
    }

    private static VectorBitmap irr(SteppedVcpu v) {
        return v.vcpu().lapic().page().irr();
    }

    private static List<Object> toVm(SteppedVcpu v, Vcpu.Message message) {
        v.port().forget();
        v.send(message);
        return v.port().sentTo("vm");
    }

    @Test
    void othersSeeInGuestModeOnlyBehindTheBarrier() {
        SteppedVcpu v = vcpu().send(new Vcpu.Run(0)).stepTo(EntryPhase.BARRIER);
        assertEquals(List.of(new Vm.ModeFound(TASK, VcpuMode.OUTSIDE_GUEST_MODE, false)), toVm(v, EXCHANGE));
        assertEquals(List.of(), toVm(v, new Vcpu.HostIpi(Event.HostVector.CALL_FUNCTION, TASK)), "interrupts are off");

        v.step();

        assertEquals(List.of(new Vm.ModeFound(TASK, VcpuMode.IN_GUEST_MODE, false)), toVm(v, EXCHANGE));
    }

    @ParameterizedTest
    @CsvSource({", IN_GUEST_MODE, EXITING_GUEST_MODE", "NO_EXITING_STATE, IN_GUEST_MODE, IN_GUEST_MODE"})
    void theSecondRequesterFindsWhatTheFirstLeft(Fault fault, VcpuMode first, VcpuMode second) {
        SteppedVcpu v = fault == null ? vcpu() : vcpu(fault);
        v.enterGuest();
        assertEquals(List.of(new Vm.ModeFound(TASK, first, false)), toVm(v, EXCHANGE));
        assertEquals(List.of(new Vm.ModeFound(TASK, second, false)), toVm(v, EXCHANGE));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        fault          | irr after | hint after | reason
                       | true      | false      | the bit first
        IRR_SEND_ORDER | false     | true       | the hint first
        """)
    void aSenderSetsTheBitAndTheHintInTwoStores(Fault fault, boolean bit, boolean hint, String why) {
        SteppedVcpu v = fault == null ? vcpu() : vcpu(fault);
        v.change(x -> x.with(x.lapic().withIrrPending(false)));

        v.send(accept(VECTOR));
        assertEquals(bit, irr(v).get(VECTOR), why);
        assertEquals(hint, irrPending(v), why);

        v.send(new Vcpu.CompleteAccept(VECTOR));
        assertTrue(irr(v).get(VECTOR));
        assertTrue(irrPending(v));
    }

    /** The race of B33: a vector is requested between the two steps in which another one is taken. */
    @ParameterizedTest
    @CsvSource({", true", "IRR_ACK_ORDER, false"})
    void aVectorRequestedWhileAnotherIsTakenIsNoted(Fault fault, boolean noted) {
        SteppedVcpu v = fault == null ? vcpu() : vcpu(fault);
        v.send(accept(VECTOR)).send(new Vcpu.CompleteAccept(VECTOR)).make(VcpuRequest.EVENT);
        v.change(x -> x.with(x.guest().withInterruptsAtOnce()));
        v.send(new Vcpu.Run(0)).stepTo(EntryPhase.IRR_ACKED);
        assertEquals(VectorBitmap.EMPTY, irr(v));

        if (fault != null) {
            v.stepTo(EntryPhase.IRR_SEARCHED);
        }
        v.send(accept(0x51)).send(new Vcpu.CompleteAccept(0x51));
        v.step();

        assertEquals(VectorBitmap.of(0x51), irr(v));
        assertEquals(noted, irrPending(v));
        assertEquals(
                noted ? 0x51 : -1,
                v.vcpu().lapic().hints().highestIrr(v.vcpu().lapic().page()));
    }

    /** The hint is raised first, dropped by the taker, who finds nothing, and the bit comes too late. */
    @ParameterizedTest
    @CsvSource({", true", "IRR_SEND_ORDER, false"})
    void aBitSetBehindItsHintIsNotNoted(Fault fault, boolean noted) {
        SteppedVcpu v = fault == null ? vcpu() : vcpu(fault);
        v.send(accept(VECTOR)).send(new Vcpu.CompleteAccept(VECTOR)).make(VcpuRequest.EVENT);
        v.change(x -> x.with(x.guest().withInterruptsAtOnce()));
        v.send(new Vcpu.Run(0)).stepTo(EntryPhase.INJECT_EVENTS);

        v.send(accept(0x51)).step().step();
        v.send(new Vcpu.CompleteAccept(0x51));

        assertEquals(VectorBitmap.of(fault == null ? VECTOR : 0x51), irr(v));
        assertEquals(noted, irrPending(v));
    }

    @ParameterizedTest
    @CsvSource({", EVENT", "IRR_WITHOUT_EVENT,"})
    void whatWasPostedAsksToBeInjectedWithoutApicv(Fault fault, VcpuRequest asked) {
        SteppedVcpu v = fault == null ? vcpu() : vcpu(fault);
        v.send(new Vcpu.SetPir(TASK, VECTOR)).send(new Vcpu.SetOn(TASK));
        v.send(new Vcpu.Run(0)).stepTo(EntryPhase.RECHECK);

        assertEquals(VectorBitmap.of(VECTOR), irr(v));
        assertEquals(asked == VcpuRequest.EVENT, v.vcpu().requests().test(VcpuRequest.EVENT));
    }

    @ParameterizedTest
    @CsvSource({", 0", "IRR_WITHOUT_EVENT, 1"})
    void anEntryPastAnInterruptIsReported(Fault fault, int passedOver) {
        SteppedVcpu v = fault == null ? vcpu() : vcpu(fault);
        v.change(x -> x.with(x.guest().withInterruptsAtOnce()));
        v.send(new Vcpu.SetPir(TASK, VECTOR)).send(new Vcpu.SetOn(TASK)).enterGuest();

        assertEquals(
                passedOver, v.port().events(Event.InterruptPassedOver.class).size());
    }

    private static RequestedVm vm(Protocol protocol, Fault... faults) {
        return new RequestedVm(Fixtures.vm(Fixtures.machine(2, Machine.Apicv.INACTIVE, protocol, faults)));
    }

    @Test
    void withoutTheBarrierTheRequestIsUnderWayWhenTheModeIsRead() {
        RequestedVm right = vm(Protocol.SCAN_THEN_LOAD).changeIdentity();
        assertEquals(List.of(), right.inFlight());
        assertEquals(List.of(new Vcpu.MakeRequest(VcpuRequest.SCAN_IOAPIC, 0), EXCHANGE), right.sent());

        RequestedVm wrong =
                vm(Protocol.SCAN_THEN_LOAD, Fault.MODE_READ_BEFORE_REQUEST).changeIdentity();
        assertEquals(List.of(new Vcpu.MakeRequest(VcpuRequest.SCAN_IOAPIC, 0)), wrong.inFlight());
        assertEquals(List.of(EXCHANGE), wrong.sent());
    }

    @ParameterizedTest
    @CsvSource({", WAKE", "BROADCAST_WITHOUT_WAKE, LEAVE_ASLEEP"})
    void aBroadcastWakesSleepers(Fault fault, Vcpu.Wakeup wakeup) {
        RequestedVm vm = fault == null ? vm(Protocol.LOAD_EOI_EXITMAP) : vm(Protocol.LOAD_EOI_EXITMAP, fault);
        assertEquals(
                new Vcpu.ExchangeMode(TASK, wakeup), vm.changeIdentity().sent().get(1));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        fault                  | mode               | ipis | waits
                               | EXITING_GUEST_MODE | 1    | true
        BROADCAST_WITHOUT_WAIT | EXITING_GUEST_MODE | 0    | false
                               | IN_GUEST_MODE      | 1    | true
        BROADCAST_WITHOUT_WAIT | IN_GUEST_MODE      | 1    | false
        """)
    void aWaitingBroadcastInterruptsWhoeverIsNotOutsideAndWaits(Fault fault, VcpuMode mode, int ipis, boolean waits) {
        RequestedVm vm = fault == null ? vm(Protocol.SCAN_THEN_LOAD) : vm(Protocol.SCAN_THEN_LOAD, fault);
        vm.changeIdentity().send(new Vm.ModeFound(TASK, mode, false));
        vm.send(new Vm.ModeFound(TASK, VcpuMode.OUTSIDE_GUEST_MODE, false));

        Vcpu.HostIpi ipi = new Vcpu.HostIpi(Event.HostVector.CALL_FUNCTION, waits ? TASK : Vcpu.HostIpi.NOBODY_WAITS);
        assertEquals(ipis == 0 ? List.of() : List.of(ipi), vm.inFlight());
        assertEquals(!waits, vm.vm().isIdle());
    }

    @ParameterizedTest
    @CsvSource({", true", "KICK_WITHOUT_REQUEST, false"})
    void anInterruptInIrrIsFollowedByARequestAndAKick(Fault fault, boolean requests) {
        RequestedVm vm = fault == null ? vm(Protocol.SCAN_THEN_LOAD) : vm(Protocol.SCAN_THEN_LOAD, fault);
        vm.send(new Vm.SignalMsi(new Vm.OfDevice(0), 0xfee00000L, VECTOR));
        vm.sent();

        vm.send(new Vm.Accepted(TASK, true, VcpuRequest.EVENT));

        Vcpu.CompleteAccept second = new Vcpu.CompleteAccept(VECTOR);
        Vcpu.ExchangeMode kick = new Vcpu.ExchangeMode(TASK, Vcpu.Wakeup.WAKE);
        Vcpu.MakeRequest event = new Vcpu.MakeRequest(VcpuRequest.EVENT, 0);
        assertEquals(requests ? List.of(second, event, kick) : List.of(second, kick), vm.sent());
    }

    @Test
    void aTableWriteThatIsNotVisibleYetIsNotScanned() {
        RequestedVm right = vm(Protocol.SCAN_THEN_LOAD).writeEntry();
        assertEquals(1, right.tableSequence());

        RequestedVm wrong =
                vm(Protocol.SCAN_THEN_LOAD, Fault.REQUEST_BEFORE_PAYLOAD).writeEntry();
        assertEquals(List.of(Vm.TableVisible.TABLE_VISIBLE), wrong.inFlight());
        assertEquals(0, wrong.tableSequence());
        wrong.send(Vm.TableVisible.TABLE_VISIBLE);
        assertEquals(1, wrong.tableSequence());
        assertFalse(wrong.vm().scanTable().equals(new ScanTable.OfIoapic(Ioapic.reset(), 0)));
    }

    /** A VM whose own messages run at once; what is under way to vCPUs is kept apart. */
    private static final class RequestedVm {
        private final RecordingPort port = new RecordingPort().keepingInFlight();
        private Vm vm;

        RequestedVm(Vm vm) {
            this.vm = vm;
        }

        Vm vm() {
            return vm;
        }

        RequestedVm send(Vm.Message message) {
            vm = vm.step(message, port);
            for (Optional<Object> own = own(); own.isPresent(); own = own()) {
                vm = vm.step((Vm.Message) own.get(), port);
            }
            return this;
        }

        private Optional<Object> own() {
            return Optional.ofNullable(port.takeFirst("vm"));
        }

        RequestedVm changeIdentity() {
            return send(new Vm.ChangeIdentity(Fixtures.identities(2)[0]));
        }

        /** The low half of pin 4's entry, by vCPU 1; vCPU 0 is outside. */
        RequestedVm writeEntry() {
            send(new Vm.IoapicRegisterWrite(1, 0x18, VECTOR));
            return send(new Vm.ModeFound(TASK, VcpuMode.OUTSIDE_GUEST_MODE, false));
        }

        List<Object> inFlight() {
            return port.takeInFlight();
        }

        /** What went to vCPUs at once. */
        List<Object> sent() {
            return port.takeSent().stream().map(RecordingPort.Sent::message).toList();
        }

        int tableSequence() {
            port.forget();
            send(new Vm.ReadTable(0));
            return ((Vcpu.TableRead) sent().get(0)).table().sequence();
        }
    }
}
