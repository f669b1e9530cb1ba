package org.vcpusim.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.vcpusim.arch.ApicRegister;
import org.vcpusim.arch.TriggerMode;
import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.kvm.ApicvInhibit.Change;

/** What goes wrong when APICv comes and goes, by each fault of it, and what does not in a machine cured of a hazard. */
class ApicvFaultTest {
    private static final int LOW = 0x41;
    private static final int HIGH = 0x81;
    private static final long INHIBITED = ApicvInhibit.BLOCKIRQ.mask();

    private static Machine machine(boolean faulty, Fault fault) {
        return faulty ? Fixtures.apicvActive(1, fault) : Fixtures.apicvActive(1);
    }

    /** In the guest with APICv active or not. */
    private static SteppedVcpu running(Machine machine, long inhibits, Optional<HvSynic> synic) {
        SteppedVcpu v = new SteppedVcpu(Vcpu.created(machine, Fixtures.enabledLapic(0), synic));
        v.withInhibits(inhibits).make(VcpuRequest.APICV_UPDATE).enterGuest();
        v.port().forget();
        return v;
    }

    private static SteppedVcpu running(Machine machine, long inhibits) {
        return running(machine, inhibits, Optional.empty());
    }

    /** Leaves the guest, follows the VM's inhibits and enters again. */
    private static SteppedVcpu update(SteppedVcpu v, long inhibits) {
        v.withInhibits(inhibits).make(VcpuRequest.APICV_UPDATE).execute(GuestAction.Plain.EXIT_TO_USERSPACE);
        return v.stepTo(EntryPhase.USERSPACE).enterGuest();
    }

    private static void serve(SteppedVcpu v, int vector) {
        v.change(x -> x.with(x.lapic().requested(vector, TriggerMode.EDGE).acknowledged(vector)));
    }

    private static void post(SteppedVcpu v, int vector) {
        v.send(new Vcpu.SetPir(1, vector)).send(new Vcpu.SetOn(1));
    }

    @ParameterizedTest
    @CsvSource({"true, false", "false, true"})
    void whatIsInPirWhenApicvGoesIsInjected(boolean faulty, boolean injected) {
        SteppedVcpu v = running(machine(faulty, Fault.IRR_HINT_RECOMPUTED), 0);
        v.withInhibits(INHIBITED).make(VcpuRequest.APICV_UPDATE).execute(GuestAction.Plain.STI);
        v.execute(GuestAction.Plain.EXIT_TO_USERSPACE).stepTo(EntryPhase.USERSPACE);
        post(v, LOW);

        v.enterGuest();

        List<Event> expected = injected ? List.of(new Event.InterruptInjected(0, LOW, false)) : List.of();
        assertEquals(expected, v.port().events(Event.InterruptInjected.class));
        assertEquals(!injected, v.vcpu().lapic().page().irr().get(LOW));
    }

    @ParameterizedTest
    @CsvSource({"true, false", "false, true"})
    void aRestoredRequestIsInjected(boolean faulty, boolean injected) {
        SteppedVcpu v = running(machine(faulty, Fault.IRR_HINT_UNTOUCHED), INHIBITED);
        serve(v, HIGH);
        v.execute(GuestAction.Plain.EOI).stepTo(EntryPhase.IN_GUEST).execute(GuestAction.Plain.STI);
        v.execute(GuestAction.Plain.EXIT_TO_USERSPACE).stepTo(EntryPhase.USERSPACE);
        int offset = ApicRegister.IRR.offset() + 0x10 * (LOW >> 5);

        v.send(new Vcpu.SetLapic(List.of(new Vcpu.RegisterValue(offset, 1 << LOW % 32))));
        v.send(new Vcpu.OperationDone(0)).enterGuest();

        List<Event> expected = injected ? List.of(new Event.InterruptInjected(0, LOW, false)) : List.of();
        assertEquals(expected, v.port().events(Event.InterruptInjected.class));
    }

    @ParameterizedTest
    @CsvSource({"true, 129", "false, 65"})
    void theProcessorsEoiIsNotForgotten(boolean faulty, int highest) {
        SteppedVcpu v = running(machine(faulty, Fault.ISR_CACHE_SURVIVES_APICV), INHIBITED);
        serve(v, LOW);
        serve(v, HIGH);
        update(v, 0).execute(GuestAction.Plain.EOI);

        update(v, INHIBITED);

        assertEquals(VectorBitmap.of(LOW), v.vcpu().lapic().page().isr());
        assertEquals(highest, v.vcpu().lapic().highestIsr());
    }

    @ParameterizedTest
    @CsvSource({"true, 129", "false, 65"})
    void theProcessorEndsWhatSoftwarePutInService(boolean faulty, int left) {
        SteppedVcpu v = running(machine(faulty, Fault.NO_SVI_ON_ACTIVATION), INHIBITED);
        serve(v, LOW);
        serve(v, HIGH);

        update(v, 0).execute(GuestAction.Plain.EOI);

        assertEquals(left, v.vcpu().lapic().page().isr().highest());
    }

    @ParameterizedTest
    @CsvSource({"true, 129", "false, 65"})
    void anEoiInSoftwareMovesSvi(boolean faulty, int svi) {
        Optional<HvSynic> synic = Optional.of(HvSynic.of(VectorBitmap.of(0x53)));
        SteppedVcpu v = running(machine(faulty, Fault.SOFTWARE_EOI_WITHOUT_SVI), INHIBITED, synic);
        serve(v, LOW);
        serve(v, HIGH);

        update(v, 0).execute(new GuestAction.Wrmsr(VcpuSynic.MSR_EOI, 0)).stepTo(EntryPhase.IN_GUEST);

        assertEquals(VectorBitmap.of(LOW), v.vcpu().lapic().page().isr());
        assertEquals(svi, Objects.requireNonNull(v.vcpu().virtualization()).svi());
    }

    /** A vector is posted before the state is replaced, another one while that goes on. */
    @ParameterizedTest
    @CsvSource({"PIR_SURVIVES_RESTORE, '65, 97'", "PIR_CLEARED_AFTER_RESTORE, ''", "'', 97"})
    void newStateReplacesWhatWasPostedBeforeAndKeepsWhatComesMeanwhile(String fault, String posted) {
        SteppedVcpu v = SteppedVcpu.of(
                fault.isEmpty() ? Fixtures.apicvActive(1) : Fixtures.apicvActive(1, Fault.valueOf(fault)));
        post(v, LOW);

        v.send(new Vcpu.SetLapic(List.of()));
        post(v, 0x61);
        v.send(new Vcpu.OperationDone(0));

        VectorBitmap pir = v.vcpu().posting().descriptor().pir();
        assertEquals(posted, pir.vectors().mapToObj(Integer::toString).collect(Collectors.joining(", ")));
        assertEquals(!pir.isEmpty(), v.vcpu().posting().isOutstanding());
    }

    @Test
    void withTheFaultAChangedMaskIsStoredWithoutTheLockAndThenTold() {
        Machine machine = Fixtures.apicvActive(1, Fault.INHIBIT_STORED_BEFORE_BROADCAST);
        AnsweredVm vm = new AnsweredVm(Fixtures.vm(machine));

        vm.start(new Vm.BlockIrq(0, Change.SET)).runTo(Event.BroadcastStarted.class);
        vm.start(new Vm.ReadInhibits(0)).runTo(Event.BroadcastCompleted.class).run();

        assertEquals(
                List.of(
                        new Event.ApicvInhibitChanged(ApicvInhibit.BLOCKIRQ, Change.SET, 8),
                        new Event.ApicvInhibitsStored(8),
                        new Event.BroadcastStarted(1, VcpuRequest.APICV_UPDATE, 1),
                        new Event.IpiElided(0, VcpuMode.OUTSIDE_GUEST_MODE),
                        new Event.BroadcastCompleted(1, VcpuRequest.APICV_UPDATE),
                        new Event.ApicPageZapped(0xfee00)),
                vm.port().takeEvents());
        assertEquals(List.of(new Vcpu.InhibitsRead(8), new Vcpu.OperationDone(0)), vm.takeAnswers());
    }

    /** Loaded before the table changed, which a scan without APICv has seen. */
    private static VectorBitmap loadedAfterActivation(Machine machine) {
        SteppedVcpu v = running(machine, 0);
        update(v, INHIBITED).withTable(Ioapic.reset().withEntry(16, Fixtures.level(LOW, 0)), 0);
        v.make(machine.protocol().tableRequest());

        update(v, 0);

        return v.vcpu().vmcs().eoiExitBitmap();
    }

    @ParameterizedTest
    @EnumSource(Protocol.class)
    void theCureLoadsTheBitmapWhenApicvComesBack(Protocol protocol) {
        Machine machine = Fixtures.machine(1, Machine.Apicv.ACTIVE, protocol);

        assertEquals(VectorBitmap.EMPTY, loadedAfterActivation(machine));
        VectorBitmap cured = loadedAfterActivation(machine.with(Rules.UPSTREAM.with(Hazard.O1)));
        assertEquals(VectorBitmap.of(0, LOW), cured);
    }

    @Test
    void theCureTellsTheSourcesOfAnEoiThatTheProcessorCarriedOut() {
        Machine machine = Fixtures.apicvActive(1).with(Rules.UPSTREAM.with(Hazard.O2));
        SteppedVcpu v = running(machine, INHIBITED, Optional.of(HvSynic.of(VectorBitmap.of(HIGH))));
        v.withTable(Ioapic.reset().withEntry(16, Fixtures.level(HIGH, 0)), 0).make(VcpuRequest.SCAN_IOAPIC);
        v.make(VcpuRequest.LOAD_EOI_EXITMAP);
        serve(v, HIGH);
        update(v, 0);
        update(v.make(VcpuRequest.SCAN_IOAPIC), 0);
        v.port().takeSent();

        v.execute(GuestAction.Plain.EOI).stepTo(EntryPhase.AWAITING);
        List<Object> first = v.port().sentTo("vm");
        v.send(new Vcpu.OperationDone(0));

        assertEquals(List.of(new Vm.AckSints(0, List.of(0))), first);
        assertEquals(
                Stream.of(new Vm.AckSints(0, List.of(0)), new Vm.EoiBroadcast(0, HIGH, TriggerMode.EDGE, false))
                        .toList(),
                v.port().sentTo("vm"));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
        false | accept 1 0x41, SCAN_IOAPIC 1
        true  | SCAN_IOAPIC 1, accept 1 0x41
        """)
    void theCureScansBeforeAnEntryThatIsWrittenInterrupts(boolean cured, String told) {
        Rules rules = cured ? Rules.UPSTREAM.with(Hazard.O8) : Rules.UPSTREAM;
        Ioapic asserted = Ioapic.reset()
                .withEntry(16, Fixtures.level(LOW, 0))
                .withSource(16, 0, 1)
                .withIrr(16);
        AnsweredVm vm = AnsweredVm.with(Fixtures.apicvActive(2).with(rules), asserted);

        vm.send(new Vm.IoapicRegisterWrite(0, 0x10 + 2 * 16 + 1, 1 << 24));

        assertEquals(
                List.of(told.split(", ", -1)),
                vm.takeLog().stream()
                        .filter(t -> t.endsWith("1") && !t.endsWith(" 0"))
                        .toList());
    }
}
