package org.vcpusim.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.vcpusim.arch.TriggerMode;
import org.vcpusim.kvm.ApicvInhibit.Change;

/** Ioctls of vCPUs between two runs, such as those of a debugger that holds interrupts back. */
class VcpuCallsTest {
    private static final int DEVICE = 4;

    private final RecordingPort port = new RecordingPort();
    private Userspace userspace = Userspace.of(Fixtures.apicvActive(2));

    private static Userspace.CallVcpu block(int vcpu, Change change) {
        return new Userspace.CallVcpu(DEVICE, vcpu, new Vcpu.SetGuestDebug(change));
    }

    private static Userspace.VcpuExited exited(int vcpu, Event.UserspaceExit reason) {
        return new Userspace.VcpuExited(vcpu, reason, Userspace.Unhandled.NONE);
    }

    private void tell(Userspace.Message message) {
        userspace = userspace.step(message, port);
    }

    @Test
    void theVcpuIsTakenOutOfKvmRunAndRunsAgainAfterwards() {
        tell(block(1, Change.SET));
        assertEquals(List.of(Vcpu.Plain.IMMEDIATE_EXIT), port.sentTo("vcpu 1"));
        port.takeSent();

        tell(exited(1, Event.UserspaceExit.KVM_EXIT_MMIO));
        assertEquals(List.of(new Vcpu.Run(-1)), port.sentTo("vcpu 1"), "an access is completed first");
        port.takeSent();

        tell(exited(1, Event.UserspaceExit.KVM_EXIT_INTR));
        assertEquals(List.of(new Vcpu.SetGuestDebug(Change.SET)), port.sentTo("vcpu 1"));
        port.takeSent();

        tell(new Userspace.VcpuCalled(1, 0));
        assertEquals(List.of(new Vcpu.Run(-1)), port.sentTo("vcpu 1"));
        assertEquals(List.of(new Device.Done(0)), port.sentTo("device " + DEVICE));
        assertEquals(VcpuCalls.IDLE, userspace.calls());
    }

    @Test
    void twoChangesOfOneVcpuAreMadeInTheirOrder() {
        tell(block(1, Change.SET));
        tell(block(1, Change.CLEAR));
        tell(exited(1, Event.UserspaceExit.KVM_EXIT_INTR));
        port.takeSent();

        tell(new Userspace.VcpuCalled(1, 0));
        assertEquals(List.of(new Vcpu.SetGuestDebug(Change.CLEAR)), port.sentTo("vcpu 1"));

        tell(new Userspace.VcpuCalled(1, 0));
        assertEquals(List.of(new Vcpu.SetGuestDebug(Change.CLEAR), new Vcpu.Run(-1)), port.sentTo("vcpu 1"));
    }

    @Test
    void anotherVcpusSignalIsNotTheVcpuCallss() {
        tell(block(1, Change.SET));
        tell(exited(0, Event.UserspaceExit.KVM_EXIT_INTR));

        assertEquals(List.of(new Vcpu.Run(-1)), port.sentTo("vcpu 0"));
    }

    private static SteppedVcpu inUserspace() {
        return inUserspace(Fixtures.apicvActive(1));
    }

    private static SteppedVcpu inUserspace(Machine machine) {
        SteppedVcpu v = SteppedVcpu.of(machine).enterGuest();
        v.execute(GuestAction.Plain.STI)
                .execute(GuestAction.Plain.EXIT_TO_USERSPACE)
                .stepTo(EntryPhase.USERSPACE);
        v.port().forget();
        return v;
    }

    @Test
    void theVmCountsAVcpuOnceHoweverOftenItIsSet() {
        SteppedVcpu v = inUserspace();

        v.send(new Vcpu.SetGuestDebug(Change.SET));
        assertEquals(List.of(new Vm.BlockIrq(0, Change.SET)), v.port().sentTo("vm"));
        assertEquals(List.of(), v.port().sentTo("userspace"));
        v.send(new Vcpu.OperationDone(0)).send(new Vcpu.SetGuestDebug(Change.SET));

        assertEquals(1, v.port().sentTo("vm").size());
        assertEquals(
                List.of(new Userspace.VcpuCalled(0, 0), new Userspace.VcpuCalled(0, 0)),
                v.port().sentTo("userspace"));
    }

    @Test
    void noInterruptIsInjectedWhileItIsHeldBack() {
        SteppedVcpu v = inUserspace(Fixtures.apicvInactive(1));
        v.change(x -> x.with(x.lapic().requested(0x31, TriggerMode.EDGE)));

        v.send(new Vcpu.SetGuestDebug(Change.SET));
        v.send(new Vcpu.Run(0)).stepTo(EntryPhase.IN_GUEST);
        assertEquals(List.of(), v.port().events(Event.InterruptInjected.class));

        v.send(Vcpu.Plain.IMMEDIATE_EXIT)
                .execute(GuestAction.Plain.EXIT_TO_USERSPACE)
                .stepTo(EntryPhase.USERSPACE);
        v.send(new Vcpu.SetGuestDebug(Change.CLEAR));
        v.send(new Vcpu.Run(0))
                .stepTo(EntryPhase.USERSPACE)
                .send(new Vcpu.Run(0))
                .stepTo(EntryPhase.IN_GUEST);
        assertEquals(
                List.of(new Event.InterruptInjected(0, 0x31, false)), v.port().events(Event.InterruptInjected.class));
    }

    @Test
    void anImmediateExitIsNotLostBetweenTwoRuns() {
        SteppedVcpu v = inUserspace();
        SteppedVcpu signalled = inUserspace();

        v.send(Vcpu.Plain.IMMEDIATE_EXIT).send(new Vcpu.Run(0)).step();
        signalled.send(Vcpu.Plain.SIGNAL).send(new Vcpu.Run(0)).step();

        assertTrue(v.vcpu().phase() == EntryPhase.USERSPACE);
        assertFalse(signalled.vcpu().phase() == EntryPhase.USERSPACE);
    }
}
