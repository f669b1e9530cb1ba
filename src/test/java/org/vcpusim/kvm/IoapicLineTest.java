package org.vcpusim.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.vcpusim.arch.RedirectionEntry;
import org.vcpusim.arch.TriggerMode;

/** Lines, remote IRR and EOIs. */
class IoapicLineTest {
    private static final int PIN = 5;
    private static final int VECTOR = 0x31;

    private static AnsweredVm vm(RedirectionEntry entry) {
        return AnsweredVm.with(Fixtures.apicvActive(2), Ioapic.reset().withEntry(PIN, entry));
    }

    private static Vm.SetIrqLine line(int gsi, int level) {
        return new Vm.SetIrqLine(new Vm.OfDevice(0), gsi, 0, level, Vm.LineStatus.WANTED);
    }

    private static Vm.EoiBroadcast eoi(TriggerMode trigger) {
        return new Vm.EoiBroadcast(1, VECTOR, trigger, false);
    }

    @Test
    void aLevelPinInterruptsOnceAndAgainOnlyAfterItsEoi() {
        AnsweredVm vm = vm(Fixtures.level(VECTOR, 1));

        vm.send(line(PIN, 1)).send(line(PIN, 1));
        assertEquals(List.of("accept 1 0x31"), vm.takeLog());
        assertEquals(List.of(new Device.Done(1), new Device.Done(-1)), vm.takeAnswers());
        assertEquals(true, vm.ioapic().entry(PIN).remoteIrr());

        vm.send(eoi(TriggerMode.LEVEL));
        assertEquals(List.of("accept 1 0x31"), vm.takeLog());
        assertEquals(true, vm.ioapic().entry(PIN).remoteIrr());

        vm.send(line(PIN, 0)).send(eoi(TriggerMode.LEVEL));
        assertEquals(List.of(), vm.takeLog());
        assertEquals(Fixtures.level(VECTOR, 1), vm.ioapic().entry(PIN));
    }

    @Test
    void anEdgePinInterruptsAtEveryRise() {
        AnsweredVm vm = vm(Fixtures.edge(VECTOR, 1));

        vm.send(line(PIN, 1)).send(line(PIN, 1)).send(line(PIN, 0)).send(line(PIN, 1));

        assertEquals(List.of("accept 1 0x31", "accept 1 0x31"), vm.takeLog());
        assertEquals(
                List.of(new Device.Done(1), new Device.Done(0), new Device.Done(1), new Device.Done(1)),
                vm.takeAnswers());
        assertEquals(false, vm.ioapic().entry(PIN).remoteIrr());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        bits   | accepts | remoteIrr | result | reason
        0x8031 | true    | true      | 1      | taken
        0x8031 | false   | false     | 0      | discarded by the only destination
        """)
    void remoteIrrIsSetWhereALocalApicTookTheInterrupt(long bits, boolean accepts, boolean remoteIrr, long result) {
        AnsweredVm vm = vm(new RedirectionEntry(1L << 56 | bits));
        if (!accepts) {
            vm.discarding();
        }

        vm.send(line(PIN, 1));

        assertEquals(remoteIrr, vm.ioapic().entry(PIN).remoteIrr());
        assertEquals(List.of(new Device.Done(result)), vm.takeAnswers());
    }

    /** -1 is not 0 either: the kernel sets remote IRR where the slow path matched nobody. */
    @Test
    void remoteIrrIsSetEvenWhereTheSlowPathMatchedNobody() {
        Machine machine = Fixtures.apicvActive(2);
        ApicIdentity[] disabled = Fixtures.identities(2);
        for (int i = 0; i < disabled.length; i++) {
            disabled[i] =
                    Fixtures.enabledLapic(i).withApicBase(Lapic.DEFAULT_PAGE).identity();
        }
        AnsweredVm vm = new AnsweredVm(Vm.created(machine, Routing.of(Routing.Preset.IOAPIC), disabled)
                .with(Ioapic.reset().withEntry(PIN, Fixtures.level(VECTOR, 0xff))));

        vm.send(line(PIN, 1));

        assertEquals(List.of(new Device.Done(-1)), vm.takeAnswers());
        assertEquals(true, vm.ioapic().entry(PIN).remoteIrr());
    }

    @Test
    void theLineIsHighUntilTheLastSourceLowersIt() {
        AnsweredVm vm = vm(Fixtures.level(VECTOR, 1));
        Vm.LineStatus unwanted = Vm.LineStatus.UNWANTED;
        vm.send(new Vm.SetIrqLine(new Vm.OfDevice(0), PIN, 0, 1, unwanted))
                .send(new Vm.SetIrqLine(new Vm.OfDevice(0), PIN, 1, 1, unwanted));

        vm.send(new Vm.SetIrqLine(new Vm.OfDevice(0), PIN, 0, 0, unwanted));
        assertEquals(true, vm.ioapic().irr(PIN));

        vm.send(new Vm.SetIrqLine(new Vm.OfDevice(0), PIN, 1, 0, unwanted));
        assertEquals(false, vm.ioapic().irr(PIN));
    }

    /** A device raises the line while vCPU 1, whose EOI lowers the irqfd's share of it, is where it can be overtaken. */
    @ParameterizedTest
    @CsvSource({"-, true", "LINE_STATE_OUTSIDE_LOCK, false"})
    void aLineThatOneSourceRaisesWhileAnotherLowersItIsHigh(String fault, boolean high) {
        Machine machine = fault.equals("-") ? Fixtures.apicvActive(2) : Fixtures.apicvActive(2, Fault.valueOf(fault));
        AnsweredVm vm = AnsweredVm.with(machine, Ioapic.reset().withEntry(PIN, Fixtures.level(VECTOR, 1)));
        vm.send(new Vm.AssignIrqfd(new Irqfds.Irqfd(77, PIN, true))).send(new Vm.FireIrqfd(77));

        vm.send(eoi(TriggerMode.LEVEL)).send(line(PIN, 1));
        for (Object answer : vm.takeAnswers()) {
            if (answer instanceof Vcpu.GoOn g) {
                vm.send(new Vm.Reported(g.task(), 0));
            }
        }

        assertEquals(true, vm.ioapic().asserted(PIN));
        assertEquals(high, vm.ioapic().irr(PIN));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        fault                   | ended | reason
        -                       | 4 9   | every pin with the vector
        EOI_ENDS_FIRST_PIN_ONLY | 4     | the first, though it is masked
        """)
    void anEoiEndsEveryPinWithTheVector(String fault, String ended) {
        Machine machine = fault.equals("-") ? Fixtures.apicvActive(2) : Fixtures.apicvActive(2, Fault.valueOf(fault));
        AnsweredVm vm = AnsweredVm.with(
                machine,
                Ioapic.reset()
                        .withEntry(4, new RedirectionEntry(1L << 56 | 0x1c031))
                        .withEntry(6, Fixtures.level(VECTOR + 1, 1).withRemoteIrr())
                        .withEntry(9, Fixtures.level(VECTOR, 0).withRemoteIrr()));

        vm.send(eoi(TriggerMode.LEVEL));

        List<Integer> pins =
                Arrays.stream(ended.split(" ")).map(Integer::valueOf).toList();
        assertEquals(
                pins,
                Stream.of(4, 6, 9)
                        .filter(pin -> !vm.ioapic().entry(pin).remoteIrr())
                        .toList());
        assertEquals(
                pins.stream()
                        .flatMap(pin -> Stream.of(
                                new Event.IrqAcknowledged(Event.IrqChip.IOAPIC, pin),
                                new Event.RemoteIrrCleared(pin, vm.ioapic().entry(pin))))
                        .toList(),
                vm.port().takeEvents());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        trigger | suppressed | remoteIrr | reason
        LEVEL   | false      | false     | a broadcast EOI
        LEVEL   | true       | true      | the guest ends it at the IOAPIC itself
        EDGE    | false      | true      | the trigger mode recorded in the TMR counts
        """)
    void onlyALevelEoiThatIsBroadcastClearsRemoteIrr(TriggerMode trigger, boolean suppressed, boolean remoteIrr) {
        AnsweredVm vm = vm(Fixtures.level(VECTOR, 1).withRemoteIrr());

        vm.send(new Vm.EoiBroadcast(1, VECTOR, trigger, suppressed));

        assertEquals(remoteIrr, vm.ioapic().entry(PIN).remoteIrr());
        assertEquals(
                List.of(new Event.IrqAcknowledged(Event.IrqChip.IOAPIC, PIN)),
                vm.port().events(Event.IrqAcknowledged.class));
        assertEquals(
                remoteIrr
                        ? List.of()
                        : List.of(new Event.RemoteIrrCleared(PIN, vm.ioapic().entry(PIN))),
                vm.port().events(Event.RemoteIrrCleared.class));
    }

    @Test
    void aMaskedPinDoesNotInterruptAgainAfterItsEoi() {
        AnsweredVm vm = AnsweredVm.with(
                Fixtures.apicvActive(2),
                Ioapic.reset()
                        .withEntry(PIN, new RedirectionEntry(1L << 56 | 0x1c031))
                        .withIrr(PIN));

        vm.send(eoi(TriggerMode.LEVEL));

        assertEquals(List.of(), vm.takeLog());
        assertEquals(false, vm.ioapic().entry(PIN).remoteIrr());
    }

    /**
     * <pre>
     *   CPU 0 (EOI)                          CPU 1
     *   lock, find the pin, unlock
     *   ack notifiers
     *                                        lock, write the entry: masked; unlock
     *   lock, end the pin as it is now
     * </pre>
     */
    @Test
    void theEntryMayBeRewrittenWhileAckNotifiersRun() {
        AnsweredVm vm = AnsweredVm.with(
                Fixtures.apicvActive(2),
                Ioapic.reset()
                        .withEntry(PIN, Fixtures.level(VECTOR, 1).withRemoteIrr())
                        .withIrr(PIN));
        // the write waits for the lock, and gets it when the EOI drops it
        vm.start(eoi(TriggerMode.LEVEL)).step().step();
        vm.start(new Vm.IoapicRegisterWrite(0, 0x10 + 2 * PIN, 0x18032));

        vm.run();

        assertEquals(
                List.of(Event.IrqAcknowledged.class, Event.RedirectionEntryWritten.class),
                vm.port().takeEvents().stream()
                        .filter(e -> e instanceof Event.IrqAcknowledged || e instanceof Event.RedirectionEntryWritten)
                        .map(Object::getClass)
                        .toList());
        assertEquals(new RedirectionEntry(1L << 56 | 0x18032), vm.ioapic().entry(PIN));
        assertEquals(List.of("SCAN_IOAPIC 1"), vm.takeLog());
    }

    @Test
    void afterTenThousandEoisWithTheLineHighTheNextInterruptWaitsForTheTimer() {
        AnsweredVm vm = vm(Fixtures.level(VECTOR, 1));
        vm.send(line(PIN, 1));
        for (int count = 1; count < Ioapic.SUCCESSIVE_EOI_LIMIT; count++) {
            vm.send(eoi(TriggerMode.LEVEL));
        }
        assertEquals(10_000, vm.takeLog().size());
        vm.takeAnswers();

        vm.send(eoi(TriggerMode.LEVEL));

        assertEquals(List.of(), vm.takeLog());
        assertEquals(List.of(HostTimer.Plain.ARM_EOI_INJECT, new Vcpu.OperationDone(0)), vm.takeAnswers());
        assertEquals(
                List.of(new Event.IoapicEoiInjectDelayed(Fixtures.level(VECTOR, 1))),
                vm.port().events(Event.IoapicEoiInjectDelayed.class));
        vm.send(Vm.EoiInjectDue.EOI_INJECT_DUE);
        assertEquals(List.of("accept 1 0x31"), vm.takeLog());
    }

    @Test
    void anEoiWithTheLineLowStartsTheCountAnew() {
        AnsweredVm vm = vm(Fixtures.level(VECTOR, 1));
        vm.send(line(PIN, 1)).send(eoi(TriggerMode.LEVEL));
        assertEquals(1, vm.ioapic().successiveEois(PIN));

        vm.send(line(PIN, 0)).send(eoi(TriggerMode.LEVEL));

        assertEquals(0, vm.ioapic().successiveEois(PIN));
    }

    @Test
    void theRtcCoalescesUntilEveryVcpuHasEndedIt() {
        AnsweredVm vm = AnsweredVm.with(
                Fixtures.apicvActive(2), Ioapic.reset().withEntry(Ioapic.RTC_PIN, Fixtures.edge(0x28, 0xff)));
        vm.send(line(8, 1)).send(line(8, 0)).send(line(8, 1));
        assertEquals(List.of(new Device.Done(2), new Device.Done(1), new Device.Done(0)), vm.takeAnswers());
        assertEquals(2, vm.ioapic().rtc().pendingEois());

        vm.send(new Vm.EoiBroadcast(0, 0x28, TriggerMode.EDGE, false))
                .send(new Vm.EoiBroadcast(0, 0x28, TriggerMode.EDGE, false))
                .send(new Vm.EoiBroadcast(1, 0x29, TriggerMode.EDGE, false));
        assertEquals(
                new RtcTracking(List.of(new RtcTracking.Owed(1, 0x28)), 1),
                vm.ioapic().rtc());

        vm.send(new Vm.EoiBroadcast(1, 0x28, TriggerMode.EDGE, false));
        assertEquals(RtcTracking.NONE, vm.ioapic().rtc());
    }

    @Test
    void aSecondOperationWaitsForTheLockAndWaitersComeInTurn() {
        AnsweredVm vm = vm(Fixtures.level(VECTOR, 1));
        vm.start(new Vm.IoapicRegisterWrite(0, 0x10, 0x10041)).step().step();
        vm.start(new Vm.IoapicRegisterWrite(0, 0x12, 0x10042));
        vm.start(new Vm.IoapicRegisterWrite(0, 0x14, 0x10043));
        vm.start(new Vm.ReadTable(1));

        vm.run();

        assertEquals(
                List.of(0, 1, 2),
                vm.port().events(Event.RedirectionEntryWritten.class).stream()
                        .map(Event.RedirectionEntryWritten::pin)
                        .toList());
        assertEquals(
                List.of(new Vcpu.TableRead(vm.ioapic(), 0)),
                vm.takeAnswers().stream()
                        .filter(Vcpu.TableRead.class::isInstance)
                        .toList());
        assertEquals(true, vm.vm().isIdle());
    }

    @Test
    void theLockIsHeldWhileTheScanWaitsForAcknowledgementsAndIpisAreNotKeptOut() {
        RecordingPort port = new RecordingPort();
        Vm vm = Fixtures.vm(Fixtures.apicvActive(2)).with(Ioapic.reset().withEntry(PIN, Fixtures.level(VECTOR, 1)));
        vm = settled(vm.step(new Vm.IoapicRegisterWrite(0, 0x10 + 2 * PIN, 0x8031), port), port);
        vm = settled(vm.step(new Vm.ModeFound(1, VcpuMode.IN_GUEST_MODE, false), port), port);
        port.forget();

        vm = settled(vm.step(new Vm.ReadTable(1), port), port);
        assertEquals(List.of(), port.takeSent());
        vm = settled(vm.step(new Vm.SendIpi(0, InterruptMessage.ofIcr(0x4041, 1)), port), port);
        assertEquals(
                List.of("vcpu 1"),
                port.takeSent().stream().map(RecordingPort.Sent::to).toList());

        settled(vm.step(new Vm.IpiAcknowledged(1), port), port);
        assertEquals(
                1,
                port.sentTo("vcpu 1").stream()
                        .filter(Vcpu.TableRead.class::isInstance)
                        .count());
    }

    private static Vm settled(Vm start, RecordingPort port) {
        Vm vm = start;
        for (Object message = own(port); message != null; message = own(port)) {
            vm = vm.step((Vm.Message) message, port);
        }
        return vm;
    }

    /** The next message of the VM to itself; the others stay. */
    private static @Nullable Object own(RecordingPort port) {
        return port.takeFirst("vm");
    }
}
