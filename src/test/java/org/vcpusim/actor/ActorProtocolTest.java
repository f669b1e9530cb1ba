package org.vcpusim.actor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.pekko.actor.testkit.typed.javadsl.BehaviorTestKit;
import org.junit.jupiter.api.Test;
import org.vcpusim.kvm.ApicIdentity;
import org.vcpusim.kvm.Device;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.Guest;
import org.vcpusim.kvm.GuestAction;
import org.vcpusim.kvm.HostTimer;
import org.vcpusim.kvm.Lapic;
import org.vcpusim.kvm.Machine;
import org.vcpusim.kvm.PhysicalCpu;
import org.vcpusim.kvm.Program;
import org.vcpusim.kvm.Routing;
import org.vcpusim.kvm.Userspace;
import org.vcpusim.kvm.Vcpu;
import org.vcpusim.kvm.VcpuMode;
import org.vcpusim.kvm.VcpuRequest;
import org.vcpusim.kvm.Vm;
import org.vcpusim.kvm.Wire;
import org.vcpusim.trace.Source;

/** What each actor sends when it is told one thing, and when its run is quiet. */
class ActorProtocolTest {
    private static final Machine MACHINE = Machine.plain(1);
    private static final int PIN = 4;

    private final Inboxes others = new Inboxes();

    private static Vm vm() {
        return Vm.created(MACHINE, Routing.of(Routing.Preset.IOAPIC), new ApicIdentity[] {
            Lapic.created(0).identity()
        });
    }

    private static Guest guest(GuestAction... actions) {
        Program<GuestAction> none = Program.of(List.of(GuestAction.Plain.HLT));
        return Guest.starting(new Guest.Software(Program.of(List.of(actions)), List.of(), none, none, none));
    }

    @Test
    void aVcpuAnswersAnExchangeOfModesToTheVm() {
        BehaviorTestKit<Vcpu.Message> vcpu = others.actor(
                VcpuActor::create, Vcpu.created(MACHINE, Lapic.created(0), Optional.empty()), Source.vcpu(0));
        others.tell(vcpu, new Vcpu.ExchangeMode(7, Vcpu.Wakeup.LEAVE_ASLEEP));
        assertEquals(List.of(new Vm.ModeFound(7, VcpuMode.OUTSIDE_GUEST_MODE, false)), others.sent());
        assertFalse(others.run.isQuiescent());
    }

    @Test
    void aVcpuTakesItsOwnStepsByMessagesToItself() {
        BehaviorTestKit<Vcpu.Message> vcpu = others.actor(
                VcpuActor::create, Vcpu.created(MACHINE, Lapic.created(0), Optional.empty()), Source.vcpu(0));
        others.tell(vcpu, new Vcpu.Run(0));
        assertEquals(List.of(Vcpu.Step.STEP), others.sent());
        vcpu.run(Vcpu.Step.STEP);
        assertEquals(List.of(Vcpu.Step.STEP), others.sent());
    }

    @Test
    void anIpiOfAProcessorGoesToTheWireAndFromThereToTheVcpu() {
        BehaviorTestKit<PhysicalCpu.Message> processor =
                others.actor(PhysicalCpuActor::create, PhysicalCpu.idle(0), Source.physicalCpu(0));
        others.tell(processor, new PhysicalCpu.Enqueue(0));
        assertEquals(List.of(new Vcpu.ScheduledIn(0)), others.sent());
        others.tell(processor, new PhysicalCpu.Interrupt(Event.HostVector.POSTED_INTR));
        Vcpu.HostIpi ipi = new Vcpu.HostIpi(Event.HostVector.POSTED_INTR, Vcpu.HostIpi.NOBODY_WAITS);
        assertEquals(List.of(ipi), others.wire.getAllReceived());
        assertEquals(List.of(), others.sent());
        BehaviorTestKit<Wire.Message> wire = others.actor(WireActor::create, Wire.to(0), Source.wire(0));
        wire.run(ipi);
        assertEquals(List.of(ipi), others.vcpu.getAllReceived());
        assertFalse(others.run.isQuiescent());
    }

    @Test
    void theVmSetsARequestBitInOneMessageAndLooksAtTheModeInAnother() {
        BehaviorTestKit<Vm.Message> vm = others.actor(VmActor::create, vm(), Source.VM);
        others.tell(vm, new Vm.IoapicRegisterWrite(0, 0x10 + 2 * PIN, 0x31));
        assertEquals(List.of(new Vcpu.MakeRequest(VcpuRequest.SCAN_IOAPIC, 1)), steps(vm));
        assertEquals(List.of(new Vcpu.ExchangeMode(1, Vcpu.Wakeup.LEAVE_ASLEEP)), steps(vm));
        vm.run(new Vm.ModeFound(1, VcpuMode.OUTSIDE_GUEST_MODE, false));
        assertEquals(List.of(new Vcpu.OperationDone(0)), steps(vm));
        assertEquals(List.of(), steps(vm));
    }

    /** What the VM next sends to others, by steps of its own, of which there are few. */
    private List<Object> steps(BehaviorTestKit<Vm.Message> vm) {
        for (int step = 0; step < 10; step++) {
            List<Vm.Message> own = others.vm.getAllReceived();
            List<Object> sent = others.sent();
            own.forEach(others.vm.getRef()::tell);
            if (!sent.isEmpty()) {
                return sent;
            }
            others.vm.getAllReceived().forEach(vm::run);
        }
        return List.of();
    }

    @Test
    void aGuestGivesItsVcpuTheInstructionThatIsNext() {
        BehaviorTestKit<Guest.Message> guest = others.actor(
                GuestActor::create, guest(new GuestAction.Compute(5), GuestAction.Plain.CLI), Source.guest(0));
        others.tell(guest, new Guest.Fetch(0, 1, false, 0, -1));
        assertEquals(List.of(new Vcpu.Execute(1, new GuestAction.Compute(5))), others.sent());
        others.tell(guest, new Guest.Fetch(0, 2, true, 0, -1));
        assertEquals(List.of(new Vcpu.Execute(2, GuestAction.Plain.CLI)), others.sent());
    }

    @Test
    void aGuestThatIsLoadedStartsAgainAndSendsNothing() {
        BehaviorTestKit<Guest.Message> guest =
                others.actor(GuestActor::create, guest(GuestAction.Plain.CLI), Source.guest(0));
        others.tell(guest, Guest.Startup.STARTUP);
        assertEquals(List.of(), others.sent());
        assertTrue(others.run.isQuiescent());
        others.tell(guest, new Guest.Fetch(0, 3, false, 0, -1));
        assertEquals(List.of(new Vcpu.Execute(3, GuestAction.Plain.HLT)), others.sent());
    }

    @Test
    void aDeviceRaisesItsLineByTheVmAndLowersItForAGuestThatWaits() {
        Device off = Device.off(0, PIN, Program.of(List.of(Device.Plain.ASSERT)));
        BehaviorTestKit<Device.Message> device = others.actor(DeviceActor::create, off, Source.device(0));
        others.tell(device, Device.Signal.START);
        assertEquals(List.of(Device.Signal.STEP), others.sent());
        device.run(Device.Signal.STEP);
        assertEquals(List.of(line(1)), others.sent());
        others.tell(device, new Device.Acknowledge(0));
        assertEquals(List.of(), others.sent(), "one thing at a time");
        device.run(new Device.Done(1));
        assertEquals(List.of(line(0)), others.sent());
        device.run(new Device.Done(0));
        assertEquals(List.of(new Vcpu.OperationDone(0)), others.sent());
    }

    private static Vm.SetIrqLine line(int level) {
        return new Vm.SetIrqLine(new Vm.OfDevice(0), PIN, 0, level, Vm.LineStatus.WANTED);
    }

    @Test
    void userSpaceStartsTheVcpuAndRunsItAgainWhenKvmRunReturns() {
        List<Userspace.Message> shown = new ArrayList<>();
        BehaviorTestKit<Userspace.Message> userspace = others.actor(
                (Userspace initial, ActorPort port) -> UserspaceActor.create(initial, port, shown::add),
                Userspace.of(MACHINE),
                Source.USERSPACE);
        others.tell(userspace, Userspace.Start.START);
        assertEquals(List.of(Vcpu.Plain.CREATE, new Vcpu.Run(0)), others.sent());
        Userspace.VcpuExited exited =
                new Userspace.VcpuExited(0, Event.UserspaceExit.KVM_EXIT_INTR, Userspace.Unhandled.NONE);
        others.tell(userspace, exited);
        assertEquals(List.of(new Vcpu.Run(-1)), others.sent());
        assertEquals(List.of(Userspace.Start.START, exited), shown);
    }

    @Test
    void theTimerCountsItsTicksAndTellsTheVmAtTheLast() {
        BehaviorTestKit<HostTimer.Message> timer = others.actor(TimerActor::create, HostTimer.IDLE, Source.TIMER);
        others.tell(timer, HostTimer.Plain.ARM_EOI_INJECT);
        for (int tick = 0; tick < HostTimer.EOI_INJECT_TICKS; tick++) {
            assertEquals(List.of(HostTimer.Plain.TICK), others.sent());
            timer.run(HostTimer.Plain.TICK);
        }
        assertEquals(List.of(Vm.EoiInjectDue.EOI_INJECT_DUE), others.sent());
    }

    @Test
    void eventsAreRecordedUnderTheActorsName() {
        BehaviorTestKit<Vcpu.Message> vcpu = others.actor(
                VcpuActor::create, Vcpu.created(MACHINE, Lapic.created(0), Optional.empty()), Source.vcpu(0));
        others.tell(vcpu, new Vcpu.MakeRequest(VcpuRequest.LOAD_EOI_EXITMAP, 0));
        assertEquals(Source.vcpu(0), others.recorded.get(0).source());
        assertInstanceOf(Event.RequestMade.class, others.recorded.get(0).event());
        assertEquals(1, others.recorded.size());
        assertTrue(others.run.isQuiescent());
    }

    @Test
    void aStepThatThrowsFailsTheRunAndNamesTheActorAndTheMessage() {
        BehaviorTestKit<Vcpu.Message> vcpu = others.actor(
                VcpuActor::create, Vcpu.created(MACHINE, Lapic.created(0), Optional.empty()), Source.vcpu(0));
        others.tell(vcpu, Vcpu.Step.STEP);
        assertEquals(
                Optional.of(Source.vcpu(0).label() + " failed on STEP: java.lang.IllegalStateException: "
                        + "vCPU 0 takes no step in USERSPACE"),
                others.run.failure().map(Throwable::getMessage));
    }
}
