package org.vcpusim.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.vcpusim.arch.ApicRegister;
import org.vcpusim.kvm.ApicvInhibit.Change;

/** Why APICv is off for a VM, and how vCPUs are told. */
class ApicvInhibitTest {
    private static final Machine MACHINE = Fixtures.apicvActive(2);

    private static AnsweredVm vm() {
        return new AnsweredVm(Fixtures.vm(MACHINE));
    }

    private static ApicIdentity withId(int vcpu, int id) {
        Lapic lapic = Fixtures.enabledLapic(vcpu);
        return lapic.withPage(lapic.page().write(ApicRegister.ID, id << 24)).identity();
    }

    private static Vm.BlockIrq block(int vcpu, Change change) {
        return new Vm.BlockIrq(vcpu, change);
    }

    @ParameterizedTest
    @CsvSource({
        "DISABLED, 0, true",
        "HYPERV, 1, true",
        "ABSENT, 2, true",
        "BLOCKIRQ, 3, true",
        "PHYSICAL_ID_ALIASED, 4, true",
        "APIC_ID_MODIFIED, 5, true",
        "APIC_BASE_MODIFIED, 6, true",
        "NESTED, 7, false",
        "IRQWIN, 8, false",
        "PIT_REINJ, 9, false",
        "SEV, 10, false",
        "LOGICAL_ID_ALIASED, 11, false",
        "PHYSICAL_ID_TOO_BIG, 12, false",
    })
    void theReasonsHaveTheKernelsNumbers(ApicvInhibit reason, int number, boolean vmx) {
        assertEquals(1L << number, reason.mask());
        assertEquals(vmx, reason.isRequiredByVmx());
    }

    @ParameterizedTest
    @EnumSource(ApicvInhibit.class)
    void aReasonThatVmxDoesNotRequireLeavesNoTrace(ApicvInhibit reason) {
        RecordingPort port = new RecordingPort();
        Vm vm = Fixtures.vm(MACHINE);
        Vm busy = vm.with(vm.tasks().start(VmCalls.Done.DONE));

        Vm next = new ApicvSteps.Set(reason, Change.SET).run(busy, busy.tasks().get(1), port);

        boolean changesNothing = next.tasks().equals(busy.tasks());
        assertEquals(!reason.isRequiredByVmx(), changesNothing);
        assertEquals(List.of(), port.takeEvents());
    }

    @Test
    void theIrqchipEndsTheReasonThatAVmBeginsWith() {
        assertEquals(4, ApicvInhibits.created(Machine.Apicv.ACTIVE).mask());
        assertEquals(0, Fixtures.vm(MACHINE).inhibits().mask());
        assertEquals(1, Fixtures.vm(Fixtures.apicvInactive(1)).inhibits().mask());
    }

    @Test
    void theFirstReasonIsBroadcastThenStoredThenTheApicPageIsZapped() {
        AnsweredVm vm = vm().send(block(1, Change.SET));

        assertEquals(
                List.of(
                        new Event.ApicvInhibitChanged(ApicvInhibit.BLOCKIRQ, Change.SET, 8),
                        new Event.BroadcastStarted(1, VcpuRequest.APICV_UPDATE, 2),
                        new Event.IpiElided(0, VcpuMode.OUTSIDE_GUEST_MODE),
                        new Event.IpiElided(1, VcpuMode.OUTSIDE_GUEST_MODE),
                        new Event.BroadcastCompleted(1, VcpuRequest.APICV_UPDATE),
                        new Event.ApicvInhibitsStored(8),
                        new Event.ApicPageZapped(0xfee00)),
                vm.port().takeEvents());
        assertEquals(List.of("APICV_UPDATE 0", "APICV_UPDATE 1"), vm.takeLog());
        assertEquals(List.of(new Vcpu.OperationDone(0)), vm.takeAnswers());
    }

    /** Words: s5 sets and c5 clears reason 5; x2 counts a vCPU to HYPERV, y2 off; b and u a vCPU to BLOCKIRQ. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        changes     | mask | told | reason
        b           | 8    | 1    | the first reason
        b u         | 0    | 2    | and it goes
        b b u       | 8    | 1    | another vCPU is still blocked
        b b u u     | 0    | 2    | the last one goes
        x           | 2    | 1    | AutoEOI somewhere
        x b         | 10   | 1    | a second reason tells nobody
        x b y       | 8    | 1    | one of two goes
        x b y u     | 0    | 2    | the last reason goes
        """)
    void vcpusAreToldWhenTheFirstReasonComesAndWhenTheLastOneGoes(String changes, long mask, int told, String why) {
        AnsweredVm vm = vm();
        for (String word : changes.split(" ", -1)) {
            vm.send(
                    switch (word) {
                        case "b" -> block(0, Change.SET);
                        case "u" -> block(0, Change.CLEAR);
                        case "x" -> new Vm.UseAutoEoi(0, Change.SET);
                        default -> new Vm.UseAutoEoi(0, Change.CLEAR);
                    });
        }

        assertEquals(mask, vm.vm().inhibits().mask(), why);
        assertEquals(told, vm.port().events(Event.BroadcastStarted.class).size());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        vcpu | id | mask | reason
        1    | 1  | 0    | as it was
        1    | 7  | 32   | another ID
        0    | 1  | 48   | the ID of vCPU 1, and not its own
        1    | 0  | 48   | the ID of vCPU 0
        """)
    void theApicMapSaysWhetherIdsAreModifiedOrAliased(int vcpu, int id, long mask, String why) {
        AnsweredVm vm = vm().send(new Vm.ChangeIdentity(withId(vcpu, id)));
        assertEquals(mask, vm.vm().inhibits().mask(), why);

        vm.send(new Vm.ChangeIdentity(withId(vcpu, vcpu)));
        assertEquals(0, vm.vm().inhibits().mask());
    }

    @Test
    void theInhibitsComeBeforeTheScan() {
        AnsweredVm vm = vm().send(new Vm.ChangeIdentity(withId(1, 7)));

        assertEquals(List.of("APICV_UPDATE 0", "APICV_UPDATE 1", "SCAN_IOAPIC 0", "SCAN_IOAPIC 1"), vm.takeLog());
    }

    @Test
    void anApicPageThatWasMovedInhibitsForEver() {
        ApicIdentity identity = Fixtures.enabledLapic(1).identity();
        AnsweredVm vm = vm().send(new Vm.MoveApicPage(identity, Vm.MapChange.KEEP));
        assertEquals(ApicvInhibit.APIC_BASE_MODIFIED.mask(), vm.vm().inhibits().mask());
        assertEquals(List.of("APICV_UPDATE 0", "APICV_UPDATE 1"), vm.takeLog());

        vm.send(new Vm.ChangeIdentity(identity));
        assertEquals(ApicvInhibit.APIC_BASE_MODIFIED.mask(), vm.vm().inhibits().mask());
    }

    @Test
    void withoutApicvNothingInhibitsIt() {
        AnsweredVm vm = new AnsweredVm(Fixtures.vm(Fixtures.apicvInactive(2)));

        vm.send(block(0, Change.SET)).send(new Vm.ChangeIdentity(withId(1, 7)));

        assertEquals(List.of(), vm.port().events(Event.ApicvInhibitChanged.class));
        assertEquals(ApicvInhibit.DISABLED.mask(), vm.vm().inhibits().mask());
    }

    @Test
    void aVcpuReadsTheInhibitsOnlyWhenNobodyIsChangingThem() {
        AnsweredVm vm = vm().start(block(0, Change.SET)).runTo(Event.BroadcastStarted.class);

        vm.start(new Vm.ReadInhibits(1)).runTo(Event.BroadcastCompleted.class);
        assertEquals(List.of(), vm.takeAnswers());

        vm.run();
        assertEquals(List.of(new Vcpu.OperationDone(0), new Vcpu.InhibitsRead(8)), sorted(vm.takeAnswers()));
    }

    @Test
    void nobodyChangesTheInhibitsWhileAVcpuReadsThem() {
        AnsweredVm vm = vm().send(new Vm.ReadInhibits(0)).send(new Vm.ReadInhibits(1));
        assertEquals(List.of(new Vcpu.InhibitsRead(0), new Vcpu.InhibitsRead(0)), vm.takeAnswers());

        vm.send(block(0, Change.SET)).send(new Vm.InhibitsServed(0));
        assertEquals(List.of(), vm.port().events(Event.ApicvInhibitChanged.class));

        vm.send(new Vm.InhibitsServed(1));
        assertEquals(1, vm.port().events(Event.ApicvInhibitChanged.class).size());
    }

    @Test
    void aReaderDoesNotOvertakeAWriterThatWaits() {
        AnsweredVm vm =
                vm().send(new Vm.ReadInhibits(0)).send(block(0, Change.SET)).send(new Vm.ReadInhibits(1));
        assertEquals(List.of(new Vcpu.InhibitsRead(0)), vm.takeAnswers());

        vm.send(new Vm.InhibitsServed(0));

        assertEquals(List.of(new Vcpu.OperationDone(0), new Vcpu.InhibitsRead(8)), sorted(vm.takeAnswers()));
    }

    private static List<Object> sorted(List<Object> answers) {
        Object[] all = answers.toArray();
        Arrays.sort(
                all,
                java.util.Comparator.comparing(
                        each -> each.getClass().getSimpleName(), java.util.Comparator.reverseOrder()));
        return List.of(all);
    }
}
