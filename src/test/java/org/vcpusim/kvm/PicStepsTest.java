package org.vcpusim.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.vcpusim.arch.ApicRegister;

/** The PIC in its VM: how guests, lines and processors reach it, and whom its output reaches. */
class PicStepsTest {
    private static final int LVT_MASKED = 0x10000;

    /** Vectors 0x20 and 0x28 on, nothing masked, no automatic EOI; vCPU {@code acceptor} alone takes the PIC's interrupts. */
    private static AnsweredVm vm(int acceptor) {
        ApicIdentity[] identities = new ApicIdentity[2];
        for (int vcpu = 0; vcpu < identities.length; vcpu++) {
            Lapic lapic = Fixtures.enabledLapic(vcpu);
            int lvt0 = vcpu == acceptor ? 0x700 : LVT_MASKED | 0x700;
            identities[vcpu] =
                    lapic.withPage(lapic.page().write(ApicRegister.LVT0, lvt0)).identity();
        }
        Machine machine = Fixtures.apicvActive(2);
        AnsweredVm vm = new AnsweredVm(Vm.created(machine, Routing.of(Routing.Preset.DEFAULT), identities));
        write(vm, "20=11 21=20 21=04 21=01 a0=11 a1=28 a1=02 a1=01");
        vm.takeAnswers();
        vm.takeLog();
        vm.port().forget();
        return vm;
    }

    private static AnsweredVm write(AnsweredVm vm, String bytes) {
        for (String each : bytes.split(" ", -1)) {
            String[] parts = each.split("=", -1);
            vm.send(new Vm.PortWrite(1, Integer.parseInt(parts[0], 16), Integer.parseInt(parts[1], 16)));
        }
        return vm;
    }

    private static AnsweredVm line(AnsweredVm vm, int gsi, int level) {
        return vm.send(new Vm.SetIrqLine(new Vm.OfDevice(0), gsi, 0, level, Vm.LineStatus.WANTED));
    }

    private static List<Object> answer(long value) {
        return List.of(new Vcpu.OperationDone(value));
    }

    private static List<Event.IrqAcknowledged> acknowledged(AnsweredVm vm) {
        return vm.port().events(Event.IrqAcknowledged.class);
    }

    @Test
    void aGuestWritesAndReadsBothChipsByTheirPorts() {
        AnsweredVm vm = write(vm(0), "21=5a a1=a5 4d1=ff");
        assertEquals(List.of(answer(0).get(0), answer(0).get(0), answer(0).get(0)), vm.takeAnswers());

        assertEquals(answer(0x5a), vm.send(new Vm.PortRead(1, 0x21)).takeAnswers());
        assertEquals(answer(0xa5), vm.send(new Vm.PortRead(1, 0xa1)).takeAnswers());
        assertEquals(answer(0xde), vm.send(new Vm.PortRead(1, 0x4d1)).takeAnswers());
        assertEquals(List.of(0, 0x5a, 0, 0x20), registers(vm, 0));
        assertEquals(List.of(0, 0xa5, 0, 0x28), registers(vm, 1));
    }

    private static List<Integer> registers(AnsweredVm vm, int chip) {
        return java.util.Arrays.stream(vm.vm().picRegisters(chip)).boxed().toList();
    }

    /** Vectors do not tell who looks at the output, so that every vCPU is shown it; only one is asked to take the interrupt. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        acceptor | told                         | kicked | reason
        0        | pic 0 1, pic 1 1, EVENT 0    | 0      | its LVT0 is ExtINT and not masked
        1        | pic 0 1, pic 1 1, EVENT 1    | 1      | the first whose LVT0 is
        -1       | pic 0 1, pic 1 1             | -1     | nobody's is
        """)
    void theOutputIsShownToAllAndInterruptsTheFirstThatTakesIt(int acceptor, String told, int kicked) {
        AnsweredVm vm = line(vm(acceptor), 4, 1);

        assertEquals(told, String.join(", ", vm.takeLog()));
        assertEquals(
                kicked < 0 ? List.of() : List.of(new Event.IpiElided(kicked, VcpuMode.OUTSIDE_GUEST_MODE)),
                vm.port().events(Event.IpiElided.class));
    }

    @Test
    void anOutputThatStaysHighTellsNobodyAgain() {
        AnsweredVm vm = line(vm(0), 4, 1);
        vm.takeLog();

        line(vm, 3, 1);

        assertEquals(List.of(), vm.takeLog());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        gsi | vector | reason
        4   | 0x24   | an input of the master
        12  | 0x2c   | an input of the slave
        """)
    void theProcessorThatAcknowledgesGetsTheVectorAndTheOutputFalls(int gsi, int vector) {
        AnsweredVm vm = line(vm(0), gsi, 1);
        vm.takeLog();
        vm.takeAnswers();

        vm.send(new Vm.AcknowledgePic(0));

        assertEquals(answer(vector), vm.takeAnswers());
        assertEquals(List.of("pic 0 0", "pic 1 0"), vm.takeLog());
        assertEquals(List.of(), acknowledged(vm), "only an EOI ends the service");
    }

    /** {@code pic_clear_isr} drops the lock for the notifiers: what they do to the line is seen by the update after them. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        gsi | elcr   | eoi         | chip
        5   | 4d0=20 | 20=20       | PIC_MASTER
        10  | 4d1=04 | a0=20 20=20 | PIC_SLAVE
        """)
    void anEoiRunsTheNotifiersOfItsInputAndTheLineTheyLowerInterruptsNoMore(
            int gsi, String elcr, String eoi, Event.IrqChip chip) {
        AnsweredVm vm = write(vm(0), elcr)
                .send(new Vm.AssignIrqfd(new Irqfds.Irqfd(7, gsi, true)))
                .send(new Vm.FireIrqfd(7))
                .send(new Vm.AcknowledgePic(0));
        vm.takeLog();
        vm.port().forget();

        write(vm, eoi);

        assertEquals(new Event.IrqAcknowledged(chip, gsi), acknowledged(vm).get(0));
        assertEquals(List.of(new Event.ResampleSignalled(7)), vm.port().events(Event.ResampleSignalled.class));
        assertEquals(
                List.of(0, 0), List.of(registers(vm, 0).get(0), registers(vm, 1).get(0)));
        assertEquals(List.of(), vm.takeLog(), "the output has not risen");
    }

    @Test
    void aLevelInputThatNobodyLowersInterruptsAgainAfterItsEoi() {
        AnsweredVm vm = line(write(vm(0), "4d0=20"), 5, 1).send(new Vm.AcknowledgePic(0));
        vm.takeLog();

        write(vm, "20=20");

        assertEquals(List.of("pic 0 1", "pic 1 1", "EVENT 0"), vm.takeLog());
    }

    @Test
    void withAutomaticEoiTheMastersNotifiersRunBeforeTheSlaveAcknowledges() {
        AnsweredVm vm = vm(0);
        write(vm, "20=11 21=20 21=04 21=03 a0=11 a1=28 a1=02 a1=03");
        line(vm, 12, 1);
        vm.takeAnswers();
        vm.port().forget();

        vm.send(new Vm.AcknowledgePic(0));

        assertEquals(
                List.of(
                        new Event.IrqAcknowledged(Event.IrqChip.PIC_MASTER, 2),
                        new Event.IrqAcknowledged(Event.IrqChip.PIC_SLAVE, 12)),
                acknowledged(vm));
        assertEquals(answer(0x2c), vm.takeAnswers());
    }

    /** {@code pic_ioport_write} looks for a vCPU that takes the PIC's interrupts before it ends what initialisation drops. */
    @ParameterizedTest
    @CsvSource({"0, 1", "-1, 0"})
    void initialisationTellsOfDroppedEdgesWhereSomebodyTakesThePicsInterrupts(int acceptor, int times) {
        AnsweredVm vm = line(vm(acceptor), 4, 1);

        write(vm, "20=11");

        assertEquals(times, acknowledged(vm).size());
        assertEquals(0, registers(vm, 0).get(0));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        gsi | times | event          | result | reason
        3   | 1     | 0 3 f8 40 false | 2     | the PIC's and the IOAPIC's answers are added
        3   | 2     | 0 3 f8 40 true  | 0     | coalesced
        14  | 1     | 1 6 de 80 false | 2     | the slave
        6   | 1     | 0 6 f8 40 false | 1     | masked in the PIC: the IOAPIC's alone
        """)
    void aLineIsReportedWithTheInputAndWhetherItWasCoalesced(int gsi, int times, String event, long result) {
        AnsweredVm vm = write(vm(0), "4d0=ff 4d1=ff 21=40 a1=80");
        vm.takeAnswers();
        vm.send(new Vm.IoapicRegisterWrite(0, 0x10 + 2 * gsi, 0x31));
        vm.takeAnswers();

        for (int i = 0; i < times; i++) {
            line(vm, gsi, 1);
        }

        List<Event.PicIrqSet> sets = vm.port().events(Event.PicIrqSet.class);
        Event.PicIrqSet last = sets.get(sets.size() - 1);
        assertEquals(
                event, "%d %d %x %x %b".formatted(last.chip(), last.pin(), last.elcr(), last.imr(), last.coalesced()));
        List<Object> answers = vm.takeAnswers();
        assertEquals(new Device.Done(result), answers.get(answers.size() - 1));
    }

    /** {@code irq_states} has a bit a source: the line is high until the last of them lowers it. */
    @Test
    void anInputIsHighUntilTheLastSourceLowersIt() {
        AnsweredVm vm = write(vm(0), "4d0=20");
        Vm.LineStatus unwanted = Vm.LineStatus.UNWANTED;
        vm.send(new Vm.SetIrqLine(new Vm.OfDevice(0), 5, 0, 1, unwanted))
                .send(new Vm.SetIrqLine(new Vm.OfDevice(0), 5, 1, 1, unwanted));

        vm.send(new Vm.SetIrqLine(new Vm.OfDevice(0), 5, 0, 0, unwanted));
        assertEquals(1 << 5, registers(vm, 0).get(0));

        vm.send(new Vm.SetIrqLine(new Vm.OfDevice(0), 5, 1, 0, unwanted));
        assertEquals(0, registers(vm, 0).get(0));
    }
}
