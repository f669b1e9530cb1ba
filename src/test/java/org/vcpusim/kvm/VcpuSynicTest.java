package org.vcpusim.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.vcpusim.arch.TriggerMode;
import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.kvm.ApicvInhibit.Change;

/** What a vCPU does with its SynIC. */
class VcpuSynicTest {
    private static final int VECTOR = 0x52;
    private static final long INHIBITED = ApicvInhibit.HYPERV.mask();

    private static SteppedVcpu running(Machine machine, long inhibits) {
        SteppedVcpu v = SteppedVcpu.withSynic(machine, VectorBitmap.of(VECTOR));
        v.withInhibits(inhibits)
                .make(VcpuRequest.APICV_UPDATE)
                .make(VcpuRequest.SCAN_IOAPIC)
                .enterGuest();
        v.port().forget();
        return v;
    }

    private static SteppedVcpu running() {
        return running(Fixtures.apicvActive(1), 0);
    }

    private static GuestAction.Wrmsr sint(int sint, long value) {
        return new GuestAction.Wrmsr(HvSynic.MSR_SINT0 + sint, value);
    }

    private static HvSynic synic(SteppedVcpu v) {
        return v.vcpu().exitMap().synic().orElseThrow();
    }

    /** The guest's write, and the VM's answers where it is asked. */
    private static SteppedVcpu write(SteppedVcpu v, GuestAction action) {
        v.execute(action).stepTo(EntryPhase.HANDLE_EXIT).step();
        while (v.vcpu().phase() == EntryPhase.AWAITING) {
            v.send(new Vcpu.OperationDone(0));
        }
        return v;
    }

    @ParameterizedTest
    @EnumSource(Protocol.class)
    void aWrittenSourceIsInTheBitmapBeforeTheGuestGoesOn(Protocol protocol) {
        SteppedVcpu v = running(Fixtures.machine(1, Machine.Apicv.ACTIVE, protocol), 0);

        write(v, sint(0, 0x63));

        assertEquals(0x63, synic(v).sints().get(0));
        assertTrue(v.vcpu().requests().test(protocol.tableRequest()));
        v.stepTo(EntryPhase.IN_GUEST);
        assertTrue(v.vcpu().vmcs().eoiExitBitmap().get(0x63));
        assertFalse(v.vcpu().vmcs().eoiExitBitmap().get(VECTOR));
        assertEquals(
                List.of(new Event.HvSynicMsrSet(0, 0x40000090, 0x63)), v.port().events(Event.HvSynicMsrSet.class));
    }

    @ParameterizedTest
    @CsvSource({"0xf, true", "0x10, false", "0x1000f, false", "0x10000, false", "0x20005, true"})
    void aVectorBelowSixteenIsRefusedUnlessTheSourceIsMasked(String value, boolean fault) {
        SteppedVcpu v = running();

        write(v, sint(1, Long.decode(value)));

        assertEquals(
                List.of(new Event.MsrAccessed(0, Event.Access.WRITE, 0x40000091, Long.decode(value), fault)),
                v.port().events(Event.MsrAccessed.class));
        assertEquals(fault ? 0x10000 : Long.decode(value), synic(v).sints().get(1));
        assertEquals(!fault, v.vcpu().requests().test(VcpuRequest.SCAN_IOAPIC));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        before  | value   | told        | reason
        0x52    | 0x20052 | SET         | the first AutoEOI vector
        0x20052 | 0x52    | CLEAR       | the last one
        0x20052 | 0x10052 | CLEAR       | masked
        0x52    | 0x53    | ''          | no AutoEOI
        0x20052 | 0x20053 | CLEAR SET   | the old vector goes before the new one comes
        0x20052 | 0x20052 | ''          | as it was
        """)
    void theVmHearsOfTheFirstAndOfTheLastAutoEoiVector(String before, String value, String told, String reason) {
        SteppedVcpu v = write(running(), sint(0, Long.decode(before))).stepTo(EntryPhase.IN_GUEST);
        v.port().forget();

        write(v, sint(0, Long.decode(value)));

        assertEquals(
                told,
                String.join(
                        " ",
                        v.port().sentTo("vm").stream()
                                .filter(Vm.UseAutoEoi.class::isInstance)
                                .map(message ->
                                        ((Vm.UseAutoEoi) message).change().name())
                                .toList()),
                reason);
        assertTrue(v.vcpu().requests().test(VcpuRequest.SCAN_IOAPIC));
    }

    @Test
    void withoutApicvTheVmDoesNotCount() {
        SteppedVcpu v = write(running(Fixtures.apicvInactive(1), 0), sint(0, HvSynic.AUTO_EOI | VECTOR));

        assertEquals(List.of(), v.port().sentTo("vm"));
        assertTrue(VcpuSynic.endsItself(v.vcpu(), VECTOR));
    }

    @ParameterizedTest
    @CsvSource({"true, true", "false, false"})
    void anInterruptWithAutoEoiIsNeverInService(boolean autoEoi, boolean free) {
        SteppedVcpu v = running(Fixtures.apicvActive(1), INHIBITED);
        write(v, sint(0, (autoEoi ? HvSynic.AUTO_EOI : 0) | VECTOR)).stepTo(EntryPhase.IN_GUEST);
        v.execute(GuestAction.Plain.STI).execute(GuestAction.Plain.NOP);
        v.change(x -> x.with(x.lapic().requested(VECTOR, TriggerMode.EDGE).requested(0x41, TriggerMode.EDGE)))
                .make(VcpuRequest.EVENT);
        v.execute(GuestAction.Plain.EXIT_TO_USERSPACE).stepTo(EntryPhase.USERSPACE);

        v.send(new Vcpu.Run(0)).stepTo(EntryPhase.ENTER);

        assertEquals(
                List.of(new Event.InterruptInjected(0, VECTOR, false)), v.port().events(Event.InterruptInjected.class));
        assertEquals(!free, v.vcpu().lapic().page().isr().get(VECTOR));
        assertFalse(v.vcpu().lapic().page().irr().get(VECTOR));
        assertEquals(free, v.vcpu().lapic().deliverable() == 0x41);
        assertEquals(free, v.vcpu().requests().test(VcpuRequest.EVENT));
    }

    private static SteppedVcpu serving(long inhibits, int vector) {
        SteppedVcpu v = running(Fixtures.apicvActive(1), inhibits);
        v.change(x -> x.with(x.lapic().requested(vector, TriggerMode.LEVEL).acknowledged(vector)));
        v.port().forget();
        return v;
    }

    @Test
    void aSoftwareEoiTellsTheSourcesAndThenTheIoapic() {
        SteppedVcpu v = serving(INHIBITED, VECTOR);
        v.change(
                x -> x.with(new ExitMap(VectorBitmap.of(VECTOR), -1, x.exitMap().synic())));

        v.execute(GuestAction.Plain.EOI).stepTo(EntryPhase.AWAITING);
        assertEquals(List.of(new Vm.AckSints(0, List.of(0))), v.port().sentTo("vm"));
        v.port().takeSent();
        v.send(new Vcpu.OperationDone(0));

        assertEquals(
                List.of(new Vm.EoiBroadcast(0, VECTOR, TriggerMode.LEVEL, false)),
                v.port().sentTo("vm"));
        assertEquals(
                List.of(
                        new Event.EoiReceived(0, VECTOR),
                        new Event.HvSynicEoiSent(0, VECTOR),
                        new Event.HvSintAcked(0, 0),
                        new Event.EoiForwarded(0, VECTOR, TriggerMode.LEVEL, false)),
                v.port().takeEvents().stream()
                        .filter(event -> !(event instanceof Event.GuestExited || event instanceof Event.ApicAccessed))
                        .toList());
    }

    @Test
    void aSoftwareEoiOfAnotherVectorTellsNoSource() {
        SteppedVcpu v = serving(INHIBITED, 0x41);

        v.execute(GuestAction.Plain.EOI).stepTo(EntryPhase.IN_GUEST);

        assertEquals(List.of(), v.port().events(Event.HvSynicEoiSent.class));
    }

    /** Linux does not tell the sources then; their guests write EOM. */
    @Test
    void anAcceleratedEoiTellsNoSource() {
        SteppedVcpu v = serving(0, VECTOR);

        VcpuEoi.accelerated(v.vcpu(), VECTOR, v.port());

        assertEquals(List.of(new Event.EoiReceived(0, VECTOR)), v.port().events(Event.EoiReceived.class));
        assertEquals(List.of(), v.port().events(Event.HvSynicEoiSent.class));
    }

    @Test
    void theHyperVEoiMsrIsSoftwaresEvenWhenApicvIsActive() {
        SteppedVcpu v = serving(0, VECTOR);
        v.change(x -> x.with(x.lapic().requested(0x81, TriggerMode.EDGE).acknowledged(0x81))
                .with(GuestInterruptStatus.withSvi(x.vmcs(), 0x81)));

        write(v, new GuestAction.Wrmsr(0x40000070, 0));

        assertEquals(List.of(new Event.EoiReceived(0, 0x81)), v.port().events(Event.EoiReceived.class));
        assertEquals(VectorBitmap.of(VECTOR), v.vcpu().lapic().page().isr());
        assertEquals(VECTOR, GuestInterruptStatus.svi(v.vcpu().vmcs()));
    }

    @Test
    void eomAcknowledgesEverySource() {
        SteppedVcpu v = running();

        write(v, new GuestAction.Wrmsr(0x40000084, 0));

        List<Integer> all = IntStream.range(0, 16).boxed().toList();
        assertEquals(List.of(new Vm.AckSints(0, all)), v.port().sentTo("vm"));
        assertEquals(
                all,
                v.port().events(Event.HvSintAcked.class).stream()
                        .map(Event.HvSintAcked::sint)
                        .toList());
    }

    @Test
    void userSpaceHearsOfScontrol() {
        SteppedVcpu v = running();

        write(v, new GuestAction.Wrmsr(0x40000080, 1)).stepTo(EntryPhase.USERSPACE);

        assertEquals(1, synic(v).control());
        assertEquals(
                List.of(new Event.UserspaceExited(0, Event.UserspaceExit.KVM_EXIT_HYPERV)),
                v.port().events(Event.UserspaceExited.class));
    }

    @ParameterizedTest
    @CsvSource({
        "0x40000070, true, 0",
        "0x40000080, false, 0",
        "0x40000084, false, 0",
        "0x40000090, false, 82",
        "0x4000009f, false, 65536",
        "0x400000a0, true, 0"
    })
    void theRegistersAreRead(String msr, boolean fault, long value) {
        SteppedVcpu v = running();

        v.execute(new GuestAction.Rdmsr(Integer.decode(msr)))
                .stepTo(EntryPhase.HANDLE_EXIT)
                .step();

        assertEquals(
                List.of(new Event.MsrAccessed(0, Event.Access.READ, Integer.decode(msr), value, fault)),
                v.port().events(Event.MsrAccessed.class));
    }

    @Test
    void withoutHyperVContextTheMsrsDoNotExist() {
        SteppedVcpu v = SteppedVcpu.of(Fixtures.apicvActive(1)).enterGuest();

        v.execute(sint(0, 0x52)).stepTo(EntryPhase.HANDLE_EXIT).step();

        assertEquals(
                List.of(new Event.MsrAccessed(0, Event.Access.WRITE, 0x40000090, 0x52, true)),
                v.port().events(Event.MsrAccessed.class));
    }

    /** A load that finds APICv inactive writes nothing, and none follows the activation. */
    @Test
    void aSourceThatLosesAutoEoiIsNotInTheBitmapUntilTheNextScan() {
        SteppedVcpu v = running(Fixtures.apicvActive(1), INHIBITED);
        write(v, sint(0, HvSynic.AUTO_EOI | 0x63)).stepTo(EntryPhase.IN_GUEST);

        write(v, sint(0, 0x63)).make(VcpuRequest.APICV_UPDATE).withInhibits(0).stepTo(EntryPhase.IN_GUEST);

        assertEquals(Event.BitmapVerdict.STALE_SINCE_INHIBIT, audited(v));
        v.make(VcpuRequest.SCAN_IOAPIC)
                .execute(GuestAction.Plain.EXIT_TO_USERSPACE)
                .stepTo(EntryPhase.USERSPACE);
        v.send(new Vcpu.Run(0)).stepTo(EntryPhase.IN_GUEST);
        assertEquals(Event.BitmapVerdict.EQUAL, audited(v));
    }

    private static Event.BitmapVerdict audited(SteppedVcpu v) {
        v.port().forget();
        v.send(new Vcpu.Audit(1, new ScanTable.OfIoapic(Ioapic.reset(), 0)));
        return v.port().events(Event.EoiExitBitmapAudited.class).get(0).verdict();
    }

    @Test
    void aSourceInterruptsItsOwnVcpuByItsVector() {
        AnsweredVm vm = new AnsweredVm(Fixtures.vm(Fixtures.apicvActive(2)));
        vm.answeringSints(VECTOR).send(new Vm.SignalSint(Vm.OfUserspace.USERSPACE, 1, 3));

        assertEquals(List.of("sint 1 3", "accept 1 0x52"), vm.takeLog());
        assertEquals(
                List.of(new Event.HvSynicIrqSet(1, 3, VECTOR, 1)), vm.port().events(Event.HvSynicIrqSet.class));
        assertEquals(List.of(new Userspace.Done(1)), vm.takeAnswers());
    }

    @ParameterizedTest
    @CsvSource({"-2", "-22"})
    void aMaskedSourceInterruptsNobody(int error) {
        AnsweredVm vm = new AnsweredVm(Fixtures.vm(Fixtures.apicvActive(2)));
        vm.answeringSints(error).send(new Vm.SignalSint(Vm.OfUserspace.USERSPACE, 1, 3));

        assertEquals(List.of("sint 1 3"), vm.takeLog());
        assertEquals(List.of(), vm.port().events(Event.HvSynicIrqSet.class));
        assertEquals(List.of(new Userspace.Done(error)), vm.takeAnswers());
    }

    @Test
    void anotherCpuReadsTheVectorOfASource() {
        SteppedVcpu v = running();
        v.send(new Vcpu.ReadSint(7, 0)).send(new Vcpu.ReadSint(7, 1));
        assertEquals(
                List.of(new Vm.Reported(7, VECTOR), new Vm.Reported(7, Userspace.ENOENT)),
                v.port().sentTo("vm"));

        SteppedVcpu without = SteppedVcpu.of(Fixtures.apicvActive(1)).send(new Vcpu.ReadSint(7, 0));
        assertEquals(
                List.of(new Vm.Reported(7, Userspace.EINVAL)), without.port().sentTo("vm"));
    }

    @Test
    void aGsiCanLeadToASourceAndHearsOfItsEoi() {
        Routing routing = Routing.NONE.with(new Routing.SintRoute(40, 1, 3));
        Machine machine = Fixtures.apicvActive(2);
        assertTrue(routing.isValid(machine));
        assertFalse(routing.with(new Routing.MsiRoute(40, 0xfee00000L, 0x31)).isValid(machine));
        AnsweredVm vm = new AnsweredVm(Vm.created(machine, routing, Fixtures.identities(2)));
        vm.answeringSints(VECTOR)
                .send(new Vm.AssignIrqfd(new Irqfds.Irqfd(9, 40, true)))
                .send(new Vm.FireIrqfd(9));
        assertTrue(vm.takeLog().contains("accept 1 0x52"));

        vm.send(new Vm.AckSints(1, List.of(2)));
        assertEquals(List.of(), vm.port().events(Event.ResampleSignalled.class));
        vm.send(new Vm.AckSints(1, List.of(2, 3)));

        assertEquals(List.of(new Event.ResampleSignalled(9)), vm.port().events(Event.ResampleSignalled.class));
    }

    @Test
    void theCountOfTheVmInhibitsApicv() {
        AnsweredVm vm = new AnsweredVm(Fixtures.vm(Fixtures.apicvActive(2)));

        vm.send(new Vm.UseAutoEoi(0, Change.SET));
        assertEquals(INHIBITED, vm.vm().inhibits().mask());
        vm.send(new Vm.UseAutoEoi(0, Change.CLEAR));
        assertEquals(0, vm.vm().inhibits().mask());
    }
}
