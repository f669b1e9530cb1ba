package org.vcpusim.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.vcpusim.arch.VectorBitmap;

/** Whose work the VM does, and what it tells before it begins. */
class VmTest {
    private static final int TASK = 1;
    private static final Machine MACHINE = Fixtures.apicvActive(2);

    /** vCPU 1 has sent an IPI, and the VM waits for the local APIC that it is for. */
    private static Vm delivering() {
        return new AnsweredVm(Fixtures.vm(MACHINE))
                .start(new Vm.SendIpi(1, InterruptMessage.ofIcr(0x4041, 0)))
                .step()
                .vm();
    }

    static Stream<Vm.Message> answers() {
        return Stream.of(
                new Vm.Accepted(TASK, true, null),
                new Vm.AcceptedToPost(TASK),
                new Vm.AcceptedForNested(TASK),
                new Vm.ModeFound(TASK, VcpuMode.IN_GUEST_MODE, false),
                new Vm.Reported(TASK, 0),
                new Vm.VectorsHeld(TASK, VectorBitmap.EMPTY),
                new Vm.IoapicShown(TASK, List.of()),
                new Vm.IpiAcknowledged(TASK));
    }

    @ParameterizedTest
    @MethodSource("answers")
    void anAnswerIsWorkOfTheThreadThatWaitsForIt(Vm.Message answer) {
        assertEquals(Optional.of(new Vm.OfVcpu(1)), delivering().requester(answer));
        assertEquals(Optional.empty(), Fixtures.vm(MACHINE).requester(answer), "no such work");
    }

    @Test
    void whatBeginsWorkOrIsAKernelThreadsIsNobodysThread() {
        assertEquals(Optional.empty(), delivering().requester(Vm.EoiInjectDue.EOI_INJECT_DUE));

        Vm injecting = Fixtures.vm(MACHINE).step(Vm.EoiInjectDue.EOI_INJECT_DUE, new RecordingPort());
        assertEquals(Optional.empty(), injecting.requester(new Vm.Reported(TASK, 0)));
    }

    @Test
    void aScanIsWorkOfTheVcpuThatScans() {
        RecordingPort port = new RecordingPort();
        Vm vm = Fixtures.vm(MACHINE).step(new Vm.IoapicRegisterWrite(0, 0x10, 0x31), port);
        vm = vm.step((Vm.Message) port.takeSent().get(0).message(), port);

        vm = vm.step(new Vm.ReadTable(1), port);

        assertEquals(Optional.of(new Vm.OfVcpu(1)), vm.requester(new Vm.Reported(2, 0)));
    }

    @Test
    void anIpiThatIsAcknowledgedAfterItsWorkIsOverChangesNothing() {
        Vm vm = delivering();

        assertEquals(vm, vm.step(new Vm.IpiAcknowledged(7), new RecordingPort()));
    }

    private static List<Event> announced(Vm vm) {
        RecordingPort port = new RecordingPort();
        vm.announce(port);
        return port.takeEvents();
    }

    @Test
    void aVmTellsWhatItStartsWith() {
        Ioapic ioapic = Ioapic.reset().withEntry(5, Fixtures.level(0x31, 1));
        assertEquals(
                List.of(
                        new Event.VmCreated(2, Protocol.SCAN_THEN_LOAD, -1, 0),
                        new Event.IoapicTableSet(ioapic.entries())),
                announced(Fixtures.vm(MACHINE).with(ioapic)));
        assertEquals(
                List.of(new Event.VmCreated(2, Protocol.SCAN_THEN_LOAD, -1, 0)),
                announced(Fixtures.vm(MACHINE.with(Irqchip.NONE))));
    }

    @Test
    void aVmWhosePitReinjectsTellsOfItsAckNotifier() {
        Vm vm = Vm.created(MACHINE, Routing.of(Routing.Preset.PCAT), Fixtures.identities(2));

        List<Event> events = announced(vm.with(Pit.of(Pit.Mode.REINJECT)));

        assertEquals(new Event.AckNotifiersChanged(1 << 2), events.get(2));
    }

    @Test
    void aVmWithTheIoapicInUserSpaceTellsTheRoutesThatStandForItsPins() {
        Routing.MsiRoute inside = new Routing.MsiRoute(3, 0xfee00000L, 0x8031);
        Routing.MsiRoute outside = new Routing.MsiRoute(24, 0xfee00000L, 0x41);
        Vm vm = Vm.created(
                MACHINE.with(Irqchip.split(Ioapic.PINS)),
                new Routing(List.of(inside, outside)),
                Fixtures.identities(2));

        assertEquals(
                List.of(
                        new Event.VmCreated(2, Protocol.SCAN_THEN_LOAD, Ioapic.PINS, 0),
                        new Event.GsiRoutingSet(0, 2, List.of(inside))),
                announced(vm));
    }

    @Test
    void aStormThatIsUnderWayIsTold() {
        AnsweredVm vm = AnsweredVm.with(MACHINE, Ioapic.reset().withEntry(5, Fixtures.level(0x31, 1)));
        vm.send(new Vm.SetIrqLine(Vm.OfUserspace.USERSPACE, 5, 0, 1, Vm.LineStatus.WANTED))
                .send(new Vm.EoiBroadcast(1, 0x31, org.vcpusim.arch.TriggerMode.LEVEL, false));

        List<Event> events = announced(vm.vm());

        assertEquals(new Event.StormUnderWay(5, vm.ioapic().entry(5), 1), events.get(events.size() - 1));
    }

    @Test
    void aVcpuThatIsBeingCreatedReadsTheInhibitsAsTheyAre() {
        RecordingPort port = new RecordingPort();
        Vm vm = Fixtures.vm(MACHINE.with(Irqchip.NONE));

        vm.step(new Vm.SampleInhibits(1), port);

        assertEquals(List.of(new Vcpu.InhibitsSampled(vm.inhibits().mask())), port.sentTo("vcpu 1"));
    }
}
