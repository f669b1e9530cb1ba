package org.vcpusim.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.vcpusim.arch.TriggerMode;

/** The in-kernel PIT owns an ack notifier of GSI 0, on pin 2 of a PC. */
class PitTest {
    private static final int VECTOR = 0x30;
    private static final int PIN = 2;
    private static final Vm.PitTick TICK = new Vm.PitTick(new Vm.OfDevice(0));

    private static AnsweredVm vm(Pit.Mode mode) {
        Machine machine = Fixtures.apicvActive(2);
        Vm vm = Vm.created(machine, Routing.of(Routing.Preset.PCAT), Fixtures.identities(2));
        return new AnsweredVm(
                vm.with(Ioapic.reset().withEntry(PIN, Fixtures.edge(VECTOR, 1))).with(Pit.of(mode)));
    }

    private static Vm.EoiBroadcast eoi() {
        return new Vm.EoiBroadcast(1, VECTOR, TriggerMode.EDGE, false);
    }

    private static List<String> delivered(int times) {
        return Collections.nCopies(times, "accept 1 0x30");
    }

    private static List<String> accepted(AnsweredVm vm) {
        return vm.takeLog().stream().filter(line -> line.startsWith("accept")).toList();
    }

    /** t is a tick, e an EOI, r the pin masked and unmasked. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        mode     | steps      | delivered | reason
        REINJECT | t          | 1         | the first
        REINJECT | tt         | 1         | the second waits
        REINJECT | tte        | 2         | for the acknowledgement
        REINJECT | tettteeee  | 4         | and none is lost
        REINJECT | tttteeeee  | 4         | nor invented
        REINJECT | tttrteee   | 2         | but those that came while the pin was masked are forgotten
        DISCARD  | tte        | 2         | each at once
        ABSENT   | tte        | 0         | no PIT
        """)
    void whatBecomesOfTicks(Pit.Mode mode, String steps, int delivered) {
        AnsweredVm vm = vm(mode);
        for (int i = 0; i < steps.length(); i++) {
            switch (steps.charAt(i)) {
                case 't' -> vm.send(TICK);
                case 'e' -> vm.send(eoi());
                default ->
                    vm.send(new Vm.IoapicRegisterWrite(0, 0x10 + 2 * PIN, 0x10000 | VECTOR))
                            .send(new Vm.IoapicRegisterWrite(0, 0x10 + 2 * PIN, VECTOR));
            }
        }
        assertEquals(delivered(delivered), accepted(vm));
    }

    @Test
    void aTickIsAnEdgeOfGsiZeroFromASourceOfItsOwnAndDoesNotWaitForIt() {
        AnsweredVm vm = vm(Pit.Mode.REINJECT).start(TICK).step().step().step();
        assertEquals(List.of(new Device.Done(0)), vm.takeAnswers());

        vm.run();

        assertEquals(
                List.of(new Event.IrqLineSet(0, 1, 2), new Event.IrqLineSet(0, 0, 2)),
                vm.port().events(Event.IrqLineSet.class));
    }

    @Test
    void itsWorkerRaisesTheLineAgainOnlyWhenItHasLoweredIt() {
        AnsweredVm vm = vm(Pit.Mode.DISCARD).start(TICK).runTo(Event.IrqLineSet.class);

        vm.start(TICK).run();

        assertEquals(
                List.of(1, 0, 1, 0),
                vm.port().events(Event.IrqLineSet.class).stream()
                        .map(Event.IrqLineSet::level)
                        .toList());
        assertEquals(delivered(2), accepted(vm));
    }

    @Test
    void aTickThatWaitsIsWorkedOnAlthoughTheModeChangesMeanwhile() {
        AnsweredVm vm = vm(Pit.Mode.REINJECT).start(TICK).runTo(Event.IrqLineSet.class);

        vm.start(TICK).start(new Vm.SetReinject(Pit.Mode.DISCARD)).run();

        assertEquals(4, vm.port().events(Event.IrqLineSet.class).size());
    }

    @ParameterizedTest
    @CsvSource({"REINJECT, true", "DISCARD, false", "ABSENT, false"})
    void itsPinCountsForScansWhileItHasAnAckNotifier(Pit.Mode mode, boolean notified) {
        assertEquals(notified ? 1 << PIN : 0, vm(mode).vm().notifiedPins());
    }
}
