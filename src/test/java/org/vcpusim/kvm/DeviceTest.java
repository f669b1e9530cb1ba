package org.vcpusim.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Devices, user space and the timer. */
class DeviceTest {
    private final RecordingPort port = new RecordingPort();

    private static Device device(Device.Action... actions) {
        return Device.off(2, 5, Program.of(List.of(actions)));
    }

    private static RecordingPort.Sent line(int level) {
        return new RecordingPort.Sent("vm", new Vm.SetIrqLine(new Vm.OfDevice(2), 5, 0, level, Vm.LineStatus.WANTED));
    }

    private static RecordingPort.Sent own(Device.Message message) {
        return new RecordingPort.Sent("device 2", message);
    }

    private Device started(Device.Action... actions) {
        return device(actions).step(Device.Signal.START, port);
    }

    @Test
    void aDeviceWaitsForItsCallBeforeItGoesOn() {
        Device calling = started(Device.Plain.ASSERT, Device.Plain.DEASSERT).step(Device.Signal.STEP, port);
        assertEquals(List.of(own(Device.Signal.STEP), line(1)), port.takeSent());
        assertEquals(false, calling.isQuiet());

        calling.step(new Device.Done(1), port).step(Device.Signal.STEP, port);

        assertEquals(List.of(own(Device.Signal.STEP), line(0)), port.takeSent());
    }

    @Test
    void anAcknowledgementLowersTheLineBeforeTheGuestGoesOn() {
        Device waiting = started(Device.Plain.AWAIT_ACKNOWLEDGE).step(Device.Signal.STEP, port);
        assertEquals(true, waiting.isQuiet());
        port.forget();

        Device lowering = waiting.step(new Device.Acknowledge(3), port);
        assertEquals(List.of(line(0)), port.takeSent());

        Device ended = lowering.step(new Device.Done(1), port);
        assertEquals(List.of(new RecordingPort.Sent("vcpu 3", new Vcpu.OperationDone(0))), port.takeSent());
        assertEquals(true, ended.isQuiet());
    }

    @Test
    void anAcknowledgementDuringACallWaitsForTheCall() {
        Device calling =
                started(Device.Plain.ASSERT, Device.Plain.AWAIT_ACKNOWLEDGE).step(Device.Signal.STEP, port);
        port.forget();

        Device still = calling.step(new Device.Acknowledge(3), port);
        assertEquals(List.of(), port.takeSent());

        Device serving = still.step(new Device.Done(1), port);
        assertEquals(List.of(line(0)), port.takeSent());
        serving.step(new Device.Done(1), port);
        assertEquals(
                List.of(new RecordingPort.Sent("vcpu 3", new Vcpu.OperationDone(0)), own(Device.Signal.STEP)),
                port.takeSent());
    }

    @Test
    void anAcknowledgementThatCameFirstIsCountedForTheNextWait() {
        Device stepping = started(Device.Plain.AWAIT_ACKNOWLEDGE, Device.Plain.ASSERT);
        Device acknowledged = stepping.step(new Device.Acknowledge(3), port);
        port.forget();
        Device postponed = acknowledged.step(Device.Signal.STEP, port);
        assertEquals(List.of(), port.takeSent());

        postponed.step(new Device.Done(1), port).step(Device.Signal.STEP, port).step(Device.Signal.STEP, port);

        assertEquals(
                List.of(
                        new RecordingPort.Sent("vcpu 3", new Vcpu.OperationDone(0)),
                        own(Device.Signal.STEP),
                        own(Device.Signal.STEP),
                        line(1)),
                port.takeSent());
    }

    @Test
    void aDelayIsVirtualTimeAndAnMsiACall() {
        started(new Device.Delay(250), new Device.SendMsi(0xfee00000L, 0x41))
                .step(Device.Signal.STEP, port)
                .step(Device.Signal.STEP, port);

        assertEquals(250, port.elapsedNanos());
        assertEquals(List.of(new Vm.SignalMsi(new Vm.OfDevice(2), 0xfee00000L, 0x41)), port.sentTo("vm"));
    }

    @Test
    void aDeviceWithoutAProgramEndsAtOnce() {
        assertEquals(true, started().isQuiet());
        assertEquals(List.of(), port.takeSent());
    }

    @Test
    void userSpaceStartsOneVcpuOrDeviceAStep() {
        Machine machine = new Machine(
                1, Protocol.SCAN_THEN_LOAD, Machine.Apicv.ACTIVE, 0, 1, Machine.TaskPriority.TPR_SHADOW, List.of(), 0);

        Userspace one = Userspace.of(machine).step(Userspace.Start.START, port);
        assertEquals(
                List.of(
                        new RecordingPort.Sent("vcpu 0", Vcpu.Plain.CREATE),
                        new RecordingPort.Sent("vcpu 0", new Vcpu.Run(0)),
                        new RecordingPort.Sent("userspace", Userspace.Start.START)),
                port.takeSent());

        one.step(Userspace.Start.START, port);
        assertEquals(List.of(new RecordingPort.Sent("device 0", Device.Signal.START)), port.takeSent());
    }

    @Test
    void userSpaceRunsAVcpuAgainWhateverItCameOutFor() {
        Userspace userspace = Userspace.of(Machine.plain(1));
        for (Event.UserspaceExit reason : Event.UserspaceExit.values()) {
            userspace.step(new Userspace.VcpuExited(0, reason, Userspace.Unhandled.NONE), port);
            assertEquals(List.of(new RecordingPort.Sent("vcpu 0", new Vcpu.Run(-1))), port.takeSent());
        }
    }

    @Test
    void theDelayedInterruptIsDueAfterTenTicks() {
        HostTimer timer = HostTimer.IDLE.step(HostTimer.Plain.ARM_EOI_INJECT, port);
        assertEquals(timer, timer.step(HostTimer.Plain.ARM_EOI_INJECT, port));
        for (int tick = 0; tick < HostTimer.EOI_INJECT_TICKS; tick++) {
            assertEquals(List.of(), port.sentTo("vm"));
            assertEquals(new HostTimer(10 - tick, HostTimer.Ticking.BY_ITSELF, List.of()), timer);
            timer = timer.step(HostTimer.Plain.TICK, port);
        }

        assertEquals(HostTimer.IDLE, timer);
        assertEquals(List.of(Vm.EoiInjectDue.EOI_INJECT_DUE), port.sentTo("vm"));
        assertEquals(10_000_000, port.elapsedNanos());
        assertEquals(10, port.sentTo("timer").size());
    }

    @Test
    void aLineOfUserspacesIoapicIsDrivenThere() {
        device(Device.Plain.ASSERT)
                .wiredTo(Device.Wiring.USERSPACE)
                .step(Device.Signal.START, port)
                .step(Device.Signal.STEP, port);

        assertEquals(
                List.of(own(Device.Signal.STEP), new RecordingPort.Sent("userspace", new Userspace.SetLine(2, 5, 1))),
                port.takeSent());
    }

    @Test
    void anIrqfdIsAssignedAndThenWrittenToOnceUntilTheDeviceIsAsked() {
        RecordingPort.Sent assign =
                new RecordingPort.Sent("vm", new Vm.AssignIrqfd(new Vm.OfDevice(2), new Irqfds.Irqfd(2, 5, true)));
        RecordingPort.Sent fire = new RecordingPort.Sent("vm", new Vm.FireIrqfd(2));
        Device assigning = device(Device.Plain.ASSERT, Device.Plain.DEASSERT, Device.Plain.ASSERT)
                .wiredTo(Device.Wiring.IRQFD)
                .step(Device.Signal.START, port);
        assertEquals(List.of(assign), port.takeSent());

        Device high = assigning.step(new Device.Done(0), port).step(Device.Signal.STEP, port);
        assertEquals(List.of(own(Device.Signal.STEP), fire, own(Device.Signal.STEP)), port.takeSent());

        Device low = high.step(Device.Signal.STEP, port);
        assertEquals(List.of(own(Device.Signal.STEP)), port.takeSent(), "nobody is told");
        assertEquals(List.of(), sent(low.step(Device.Signal.RESAMPLE, port)), "the line is low");

        low.step(Device.Signal.STEP, port);
        assertEquals(List.of(), port.takeSent(), "masked since the first write");
        low.step(Device.Signal.STEP, port).step(Device.Signal.RESAMPLE, port);
        assertEquals(List.of(fire), port.takeSent(), "asked, it writes again");
    }

    /** What was sent while the device changed. */
    private List<RecordingPort.Sent> sent(Device changed) {
        assertEquals(false, changed.isQuiet());
        return port.takeSent();
    }

    @Test
    void aGuestThatAcknowledgesADeviceWithAnIrqfdGoesOnAtOnce() {
        Device assigned = device(Device.Plain.ASSERT, Device.Plain.AWAIT_ACKNOWLEDGE)
                .wiredTo(Device.Wiring.IRQFD)
                .step(Device.Signal.START, port)
                .step(new Device.Done(0), port)
                .step(Device.Signal.STEP, port)
                .step(Device.Signal.STEP, port);
        port.forget();

        Device ended = assigned.step(new Device.Acknowledge(3), port);

        assertEquals(List.of(new RecordingPort.Sent("vcpu 3", new Vcpu.OperationDone(0))), port.takeSent());
        assertEquals(true, ended.isQuiet());
    }

    @Test
    void aTickOfThePitIsWaitedFor() {
        started(Device.Plain.PIT_TICK).step(Device.Signal.STEP, port);

        assertEquals(
                List.of(own(Device.Signal.STEP), new RecordingPort.Sent("vm", new Vm.PitTick(new Vm.OfDevice(2)))),
                port.takeSent());
    }

    @Test
    void theVmmTellsADeviceOfItsResampleEvent() {
        Machine machine = Fixtures.apicvActive(1);

        Userspace.of(machine).step(new Userspace.ResampleSignalled(4), port);
        Userspace.driven(machine).step(new Userspace.ResampleSignalled(5), port);

        assertEquals(List.of(new RecordingPort.Sent("device 4", Device.Signal.RESAMPLE)), port.takeSent());
    }

    /** What the VM or the VMM does for it takes its time; what it does by itself does not. */
    @ParameterizedTest
    @MethodSource("requests")
    void whatADeviceAsksForGoesToWhoeverDoesItAndIsWaitedFor(
            Device.Action action, String receiver, Object message, boolean waits) {
        Device asking = started(action, Device.Plain.ASSERT);
        port.forget();

        Device asked = asking.step(Device.Signal.STEP, port);

        List<RecordingPort.Sent> sent = new java.util.ArrayList<>();
        sent.add(new RecordingPort.Sent(receiver, message));
        if (!waits) {
            sent.add(own(Device.Signal.STEP));
        }
        assertEquals(sent, port.takeSent());
        asked.step(new Device.Done(0), port);
        assertEquals(waits ? List.of(own(Device.Signal.STEP)) : List.of(), port.takeSent());
    }

    static Stream<Arguments> requests() {
        Vm.OfDevice self = new Vm.OfDevice(2);
        Vcpu.Ioctl nmi = Vcpu.Plain.NMI;
        return Stream.of(
                Arguments.of(new Device.SendSint(1, 3), "vm", new Vm.SignalSint(self, 1, 3), true),
                Arguments.of(new Device.CallVcpu(1, nmi), "userspace", new Userspace.CallVcpu(2, 1, nmi), true),
                Arguments.of(Device.SaveState.SAVE, "userspace", new Userspace.SaveIoapic(2), true),
                Arguments.of(Device.SaveState.RESTORE, "userspace", new Userspace.RestoreIoapic(2), true),
                Arguments.of(Device.Plain.PIT_TICK, "vm", new Vm.PitTick(self), true),
                Arguments.of(Device.Plain.ASSIGN, "vm", new Vm.AssignDevice(self, Vcpu.Assignment.ASSIGNED), true),
                Arguments.of(Device.Plain.UNASSIGN, "vm", new Vm.AssignDevice(self, Vcpu.Assignment.UNASSIGNED), true),
                Arguments.of(Device.Plain.REMOVE_IRQFD, "vm", new Vm.DeassignIrqfd(2), false),
                Arguments.of(new Device.Post(1, 0x61), "vcpu 1", new Vcpu.PostFromDevice(0x61), false),
                Arguments.of(new Device.InterruptHost(1, 0x61), "vcpu 1", new Vcpu.InterruptFromDevice(0x61), false),
                Arguments.of(new Device.Preempt(1, 3), "vcpu 1", new Vcpu.Preempt(3), false));
    }

    @Test
    void eachAcknowledgementThatCameFirstCountsOnce() {
        Device device =
                started(Device.Plain.AWAIT_ACKNOWLEDGE, Device.Plain.AWAIT_ACKNOWLEDGE, Device.Plain.AWAIT_ACKNOWLEDGE);
        for (int i = 0; i < 2; i++) {
            device = device.step(new Device.Acknowledge(3), port).step(new Device.Done(1), port);
        }
        port.forget();

        device = device.step(Device.Signal.STEP, port).step(Device.Signal.STEP, port);
        assertEquals(List.of(own(Device.Signal.STEP), own(Device.Signal.STEP)), port.takeSent());

        assertEquals(true, device.step(Device.Signal.STEP, port).isQuiet(), "the third waits");
    }
}
