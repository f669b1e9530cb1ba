package org.vcpusim.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.vcpusim.arch.RedirectionEntry;
import org.vcpusim.arch.TriggerMode;

/** What the IOAPIC does wrong without fixes B14 to B16 and B18 to B22, and what it does with them. */
class IoapicFaultTest {
    private static final int PIN = 5;
    private static final int VECTOR = 0x31;
    private static final int LOW = 0x10 + 2 * PIN;
    private static final String ACCEPT = "accept 1 0x31";

    /** Two vCPUs with APICv active, and the IOAPIC of a kernel with these faults. */
    private static AnsweredVm vm(Ioapic ioapic, Fault... faults) {
        return AnsweredVm.with(Fixtures.apicvActive(2, faults), ioapic);
    }

    private static Ioapic pin(RedirectionEntry entry) {
        return Ioapic.reset().withEntry(PIN, entry);
    }

    private static Vm.SetIrqLine line(int gsi, int source, int level) {
        return new Vm.SetIrqLine(new Vm.OfDevice(0), gsi, source, level, Vm.LineStatus.WANTED);
    }

    private static Vm.EoiBroadcast eoi(int vector, TriggerMode trigger, boolean suppressed) {
        return new Vm.EoiBroadcast(1, vector, trigger, suppressed);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        before | written | fault | after  | reason
        0xc031 | 0x8031  | false | 0xc031 | remote IRR was set since the guest has read it
        0xc031 | 0x8031  | true  | 0x8031 | and comes back as it was read
        0x8031 | 0xd031  | false | 0x8031 | remote IRR was cleared since, and delivery status
        0x8031 | 0xd031  | true  | 0xd031 | and come back as they were read
        """)
    void aGuestsWriteKeepsTheReadOnlyBits(int before, int written, boolean fault, int after) {
        Ioapic ioapic = pin(new RedirectionEntry(before));
        AnsweredVm vm = fault ? vm(ioapic, Fault.READ_ONLY_BITS_WRITTEN) : vm(ioapic);
        assertEquals(
                new RedirectionEntry(after),
                vm.send(new Vm.IoapicRegisterWrite(0, LOW, written)).ioapic().entry(PIN));
    }

    @Test
    void aReadReturnsTheEntryThatIsWrittenBack() {
        AnsweredVm vm = vm(pin(new RedirectionEntry(0xc031)));
        vm.send(new Vm.IoapicRegisterRead(0, LOW));
        assertEquals(List.of(new Vcpu.OperationDone(0xc031)), vm.takeAnswers());
        assertEquals(
                new GuestAction.IoapicRegisterWrite(LOW, 0x1c031),
                new GuestAction.IoapicRegisterWriteBack(LOW, 0, 0x10000).of(0xc031));
        assertEquals(
                new GuestAction.IoapicRegisterWrite(LOW, 0xc031),
                new GuestAction.IoapicRegisterWriteBack(LOW, 0x10000, 0).of(0x1c031));
    }

    @Test
    void aSwitchToEdgeEndsALevelInterrupt() {
        Ioapic inService = pin(Fixtures.level(VECTOR, 1).withRemoteIrr());
        Vm.Message toEdge = new Vm.IoapicRegisterWrite(0, LOW, VECTOR);
        Vm.Message toLevel = new Vm.IoapicRegisterWrite(0, LOW, 0x8000 | VECTOR);

        AnsweredVm right = vm(inService).send(toEdge).send(toLevel).send(line(PIN, 0, 1));
        assertEquals(List.of("SCAN_IOAPIC 1", "SCAN_IOAPIC 1", ACCEPT), right.takeLog());

        AnsweredVm stuck = vm(inService, Fault.REMOTE_IRR_KEPT_ON_EDGE)
                .send(toEdge)
                .send(toLevel)
                .send(line(PIN, 0, 1));
        assertEquals(List.of("SCAN_IOAPIC 1", "SCAN_IOAPIC 1"), stuck.takeLog());
        assertEquals(true, stuck.ioapic().entry(PIN).remoteIrr());
    }

    @Test
    void ackNotifiersHearOfASuppressedEoi() {
        Ioapic ioapic = pin(Fixtures.level(VECTOR, 1).withRemoteIrr());
        Vm.Message suppressed = eoi(VECTOR, TriggerMode.LEVEL, true);
        Vm.Message broadcast = eoi(VECTOR, TriggerMode.LEVEL, false);
        assertEquals(1, acknowledged(vm(ioapic).send(suppressed)));
        assertEquals(
                0, acknowledged(vm(ioapic, Fault.NO_NOTIFIERS_WHEN_SUPPRESSED).send(suppressed)));
        assertEquals(
                1, acknowledged(vm(ioapic, Fault.NO_NOTIFIERS_WHEN_SUPPRESSED).send(broadcast)));
    }

    private static int acknowledged(AnsweredVm vm) {
        return vm.port().events(Event.IrqAcknowledged.class).size();
    }

    @Test
    void aStormIsInterruptedByAPause() {
        Ioapic stormy = pin(Fixtures.level(VECTOR, 1).withRemoteIrr())
                .withIrr(PIN)
                .withSuccessiveEois(PIN, Ioapic.SUCCESSIVE_EOI_LIMIT - 1);
        Vm.Message eoi = eoi(VECTOR, TriggerMode.LEVEL, false);
        assertEquals(List.of(), vm(stormy).send(eoi).takeLog());
        AnsweredVm endless = vm(stormy, Fault.NO_STORM_DELAY).send(eoi).send(eoi);
        assertEquals(List.of(ACCEPT, ACCEPT), endless.takeLog());
        assertEquals(List.of(), endless.port().events(Event.IoapicEoiInjectDelayed.class));
    }

    @Test
    void aStormThatIsUnderWayAtTheStartIsTold() {
        RecordingPort port = new RecordingPort();
        Ioapic ioapic = pin(Fixtures.level(VECTOR, 1)).withSuccessiveEois(PIN, 9990);
        Fixtures.vm(Fixtures.apicvActive(2)).with(ioapic).announce(port);
        assertEquals(
                List.of(new Event.StormUnderWay(PIN, Fixtures.level(VECTOR, 1), 9990)),
                port.events(Event.StormUnderWay.class));
    }

    @Test
    void aLevelLineOfTwoSourcesRises() {
        Ioapic ioapic = pin(Fixtures.level(VECTOR, 1));
        AnsweredVm right = sharedLine(ioapic);
        assertEquals(List.of(ACCEPT), right.takeLog());
        assertEquals(0, acknowledged(right));
        assertEquals(List.of(), right.port().events(Event.HostCrashed.class));

        AnsweredVm recursive = sharedLine(ioapic, Fault.LAZY_EOI_OF_LEVEL);
        assertEquals(LazyEoiSteps.STACK_FRAMES, acknowledged(recursive));
        assertEquals(
                List.of(new Event.HostCrashed(Event.HostCrash.STACK_OVERFLOW)),
                recursive.port().events(Event.HostCrashed.class));
    }

    private static AnsweredVm sharedLine(Ioapic ioapic, Fault... faults) {
        return vm(ioapic, faults)
                .send(new Vm.AssignIrqfd(new Irqfds.Irqfd(7, PIN, true)))
                .send(line(PIN, Irqfds.USERSPACE_SOURCE, 1))
                .forgettingRequests();
    }

    /** A vCPU that holds the vector still has its EOI to make. */
    @Test
    void anEdgeLineAndAnInhibitedApicvAreNoReasonToEndAnything() {
        AnsweredVm edge = sharedLine(pin(Fixtures.edge(VECTOR, 1)), Fault.LAZY_EOI_OF_LEVEL);
        assertEquals(0, acknowledged(edge));
        Machine inactive = Fixtures.apicvInactive(2, Fault.LAZY_EOI_OF_LEVEL);
        AnsweredVm level = AnsweredVm.with(inactive, pin(Fixtures.level(VECTOR, 1)));
        assertEquals(0, acknowledged(level.send(line(PIN, 0, 1))));
    }

    @Test
    void aTickOfTheRtcThatNobodyMatchesOwesNothing() {
        assertEquals(0, pendingEoisOfNobody());
        assertEquals(-1, pendingEoisOfNobody(Fault.RTC_COUNTS_NO_DESTINATION));
    }

    private static int pendingEoisOfNobody(Fault... faults) {
        Machine machine = Fixtures.apicvActive(2, faults);
        ApicIdentity[] disabled = Fixtures.identities(2);
        for (int i = 0; i < disabled.length; i++) {
            disabled[i] =
                    Fixtures.enabledLapic(i).withApicBase(Lapic.DEFAULT_PAGE).identity();
        }
        AnsweredVm vm = new AnsweredVm(Vm.created(machine, Routing.of(Routing.Preset.IOAPIC), disabled)
                .with(Ioapic.reset().withEntry(Ioapic.RTC_PIN, Fixtures.edge(VECTOR, 0xff))));
        return vm.send(line(Ioapic.RTC_PIN, 0, 1)).ioapic().rtc().pendingEois();
    }

    /** The vector is changed to 0x32 while 0x31 is in service. */
    @Test
    void theRtcsEoiIsThatOfTheVectorThatWasTaken() {
        AnsweredVm right = rtcWithVectorChanged();
        assertEquals(1, right.ioapic().rtc().pendingEois());
        right.send(eoi(0x32, TriggerMode.EDGE, false));
        assertEquals(1, right.ioapic().rtc().pendingEois());
        right.send(eoi(VECTOR, TriggerMode.EDGE, false));
        assertEquals(RtcTracking.NONE, right.ioapic().rtc());

        AnsweredVm wrong = rtcWithVectorChanged(Fault.RTC_EOI_BY_CURRENT_VECTOR);
        wrong.send(eoi(VECTOR, TriggerMode.EDGE, false));
        assertEquals(1, wrong.ioapic().rtc().pendingEois());
        wrong.send(line(Ioapic.RTC_PIN, 0, 0)).takeAnswers();
        wrong.send(line(Ioapic.RTC_PIN, 0, 1));
        assertEquals(List.of(new Device.Done(0)), wrong.takeAnswers());
        wrong.send(eoi(0x32, TriggerMode.EDGE, false));
        assertEquals(RtcTracking.NONE, wrong.ioapic().rtc());
    }

    private static AnsweredVm rtcWithVectorChanged(Fault... faults) {
        return vm(Ioapic.reset().withEntry(Ioapic.RTC_PIN, Fixtures.edge(VECTOR, 1)), faults)
                .send(line(Ioapic.RTC_PIN, 0, 1))
                .send(new Vm.IoapicRegisterWrite(0, 0x10 + 2 * Ioapic.RTC_PIN, 0x32));
    }

    @Test
    void unmaskingAPinAsksItsResampler() {
        AnsweredVm right = unmasked();
        assertEquals(List.of(), right.takeLog());
        assertEquals(List.of(new Event.ResampleSignalled(7)), right.port().events(Event.ResampleSignalled.class));
        assertEquals(false, right.ioapic().irr(PIN));

        AnsweredVm spurious = unmasked(Fault.UNMASK_WITHOUT_RESAMPLE);
        assertEquals(List.of(ACCEPT), spurious.takeLog());
        assertEquals(List.of(), spurious.port().events(Event.ResampleSignalled.class));
    }

    private static AnsweredVm unmasked(Fault... faults) {
        return vm(pin(new RedirectionEntry(1L << 56 | 0x18000 | VECTOR)), faults)
                .send(new Vm.AssignIrqfd(new Irqfds.Irqfd(7, PIN, true)))
                .send(line(PIN, Irqfds.RESAMPLE_SOURCE, 1))
                .send(new Vm.IoapicRegisterWrite(0, LOW, 0x8000 | VECTOR))
                .forgettingRequests();
    }

    @Test
    void aRestoredLineInterrupts() {
        IoapicState pending =
                IoapicState.of(Machine.plain(1), pin(Fixtures.level(VECTOR, 1)).withIrr(PIN));
        AnsweredVm right = vm(Ioapic.reset()).send(new Vm.SetIoapic(pending)).forgettingRequests();
        assertEquals(List.of(ACCEPT), right.takeLog());

        AnsweredVm lost = vm(Ioapic.reset(), Fault.RESTORE_WITHOUT_REINJECT)
                .send(new Vm.SetIoapic(pending))
                .forgettingRequests();
        assertEquals(List.of(), lost.takeLog());
        assertEquals(true, lost.ioapic().irr(PIN));
    }

    @Test
    void aDeliveredEdgeIsNotSavedAsPending() {
        assertEquals(new Event.IoapicStateSaved(0, 1 << PIN), saved());
        assertEquals(new Event.IoapicStateSaved(1 << PIN, 1 << PIN), saved(Fault.RESTORE_DUPLICATES_DELIVERED));
    }

    private static Event saved(Fault... faults) {
        AnsweredVm vm =
                vm(pin(Fixtures.edge(VECTOR, 1)), faults).send(line(PIN, 0, 1)).send(new Vm.SaveIoapic(3));
        Event.IoapicStateSaved event =
                vm.port().events(Event.IoapicStateSaved.class).get(0);
        List<Userspace.IoapicSaved> told = vm.takeAnswers().stream()
                .filter(Userspace.IoapicSaved.class::isInstance)
                .map(Userspace.IoapicSaved.class::cast)
                .toList();
        assertEquals(
                List.of(3), told.stream().map(Userspace.IoapicSaved::device).toList());
        assertEquals(event.irr(), told.get(0).state().irr());
        return event;
    }

    /** A device's request to save or restore goes through the VMM, which keeps what was saved last. */
    @Test
    void theVmmKeepsWhatItHasSaved() {
        RecordingPort port = new RecordingPort();
        IoapicState state = IoapicState.of(Machine.plain(1), pin(Fixtures.level(VECTOR, 1)));
        Userspace none = Userspace.of(Machine.plain(1)).step(new Userspace.RestoreIoapic(2), port);
        Userspace saved = none.step(new Userspace.SaveIoapic(2), port).step(new Userspace.IoapicSaved(2, state), port);
        saved.step(new Userspace.RestoreIoapic(4), port);
        assertEquals(
                List.of(
                        new RecordingPort.Sent("device 2", new Device.Done(Userspace.ENOENT)),
                        new RecordingPort.Sent("vm", new Vm.SaveIoapic(2)),
                        new RecordingPort.Sent("device 2", new Device.Done(0)),
                        new RecordingPort.Sent("vm", new Vm.SetIoapic(new Vm.OfDevice(4), state))),
                port.takeSent());
    }
}
