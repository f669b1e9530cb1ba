package org.vcpusim.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.vcpusim.arch.ApicRegister;

/** Everything that asks vCPUs to look at the table again, and nothing else. */
class ScanTriggersTest {
    private static final Machine KERNEL = Fixtures.apicvActive(3);
    private static final Machine SPLIT = KERNEL.with(Irqchip.split(24));
    private static final int PIN = 5;
    private static final Routing.MsiRoute ROUTE = new Routing.MsiRoute(PIN, 0xfee01000L, 0x8031);

    private static AnsweredVm vm() {
        return AnsweredVm.with(KERNEL, Ioapic.reset().withEntry(PIN, Fixtures.level(0x31, 1)));
    }

    private static AnsweredVm split() {
        return new AnsweredVm(Vm.created(SPLIT, Routing.NONE, Fixtures.identities(3)));
    }

    private static Vm.AssignIrqfd assign(int id, int gsi, boolean resample) {
        return new Vm.AssignIrqfd(new Irqfds.Irqfd(id, gsi, resample));
    }

    private static List<String> scans(AnsweredVm vm, Vm.Message message) {
        vm.takeLog();
        vm.send(message);
        return vm.takeLog().stream()
                .filter(line -> line.startsWith("SCAN_IOAPIC"))
                .toList();
    }

    private static List<String> ofVcpus(int... vcpus) {
        return IntStream.of(vcpus).mapToObj(vcpu -> "SCAN_IOAPIC " + vcpu).toList();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        half | value      | scans | reason
        high | 0x02000000 | 1 2   | fixed: the old and the new target
        low  | 0x00008041 | 1     | fixed: the target
        low  | 0x00008441 | 0 1 2 | NMI: all
        low  | 0x00008141 | 0 1 2 | lowest priority: all
        """)
    void aWriteOfAnEntryAsksItsTargetsOrAll(String half, String value, String scans) {
        int index = 0x10 + 2 * PIN + (half.equals("high") ? 1 : 0);
        int[] vcpus = List.of(scans.split(" ", -1)).stream()
                .mapToInt(Integer::parseInt)
                .toArray();

        assertEquals(
                ofVcpus(vcpus),
                scans(vm(), new Vm.IoapicRegisterWrite(0, index, Integer.parseUnsignedInt(value.substring(2), 16))));
    }

    @Test
    void aRestoredIoapicAsksAll() {
        assertEquals(ofVcpus(0, 1, 2), scans(vm(), new Vm.SetIoapic(IoapicState.of(Machine.plain(1), Ioapic.reset()))));
    }

    @Test
    void theFirstAndTheLastAckNotifierOfAGsiAskAll() {
        AnsweredVm vm = vm();

        assertEquals(ofVcpus(0, 1, 2), scans(vm, assign(1, PIN, true)), "the first resampler");
        assertEquals(List.of(), scans(vm, assign(2, PIN, true)), "the second shares its notifier");
        assertEquals(List.of(), scans(vm, assign(3, PIN, false)), "no resampler");
        assertEquals(List.of(), scans(vm, new Vm.DeassignIrqfd(3)), "no resampler");
        assertEquals(List.of(), scans(vm, new Vm.DeassignIrqfd(1)), "one is left");
        assertEquals(ofVcpus(0, 1, 2), scans(vm, new Vm.DeassignIrqfd(2)), "the last resampler");
    }

    @Test
    void theAckNotifierOfThePitAsksAllWhenItComesAndGoes() {
        AnsweredVm vm = vm();

        assertEquals(ofVcpus(0, 1, 2), scans(vm, new Vm.SetReinject(Pit.Mode.REINJECT)));
        assertEquals(List.of(), scans(vm, new Vm.SetReinject(Pit.Mode.REINJECT)), "nothing changes");
        assertEquals(ofVcpus(0, 1, 2), scans(vm, new Vm.SetReinject(Pit.Mode.DISCARD)));
    }

    @Test
    void aNewApicMapAsksAll() {
        ApicIdentity moved = new ApicIdentity(1, 7, 0, ApicIdentity.DFR_FLAT, ApicIdentity.ApicMode.XAPIC, true, false);

        assertEquals(ofVcpus(0, 1, 2), scans(vm(), new Vm.ChangeIdentity(moved)), "a register or MSR of the guest's");
        assertEquals(ofVcpus(0, 1, 2), scans(vm(), new Vm.RestoreApic(moved)), "KVM_SET_LAPIC");
        assertEquals(List.of(), scans(vm(), new Vm.ShowIdentity(moved)), "what the map does not depend on");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        register | value      | asks  | reason
        ID       | 0x05000000 | true  | APIC ID
        LDR      | 0x01000000 | true  | logical ID
        DFR      | 0x0fffffff | true  | destination format
        SPIV     | 0x000000ff | true  | software disable
        SPIV     | 0x000001f0 | false | another spurious vector
        TASKPRI  | 0x00000020 | false | no part of an identity
        """)
    void whatTheGuestWritesToItsLocalApicChangesTheMap(ApicRegister register, long value, boolean asks) {
        SteppedVcpu v = SteppedVcpu.of(Fixtures.apicvInactive(1)).enterGuest();
        v.port().forget();

        v.execute(new GuestAction.ApicRegisterWrite(register.offset(), value))
                .stepTo(EntryPhase.HANDLE_EXIT)
                .step();

        boolean asked = v.port().sentTo("vm").stream().anyMatch(Vm.ChangeIdentity.class::isInstance);
        assertEquals(asks, asked);
    }

    @Test
    void aRoutingUpdateAsksAllOnlyWhereRoutesAreScanned() {
        assertEquals(ofVcpus(0, 1, 2), scans(split(), new Vm.SetRouting(Routing.NONE.with(ROUTE))));
        assertEquals(List.of(), scans(vm(), new Vm.SetRouting(Routing.NONE.with(ROUTE))));
    }

    @Test
    void theRoutesArePublishedBeforeAnybodyIsAsked() {
        AnsweredVm vm = split();

        vm.start(new Vm.SetRouting(Routing.NONE.with(ROUTE))).step();

        assertEquals(List.of(), vm.takeLog());
        assertEquals(new ScanTable.OfRoutes(List.of(ROUTE), 1), vm.vm().scanTable());
        assertEquals(
                List.of(new Event.GsiRoutingSet(1, 1, List.of(ROUTE))),
                vm.port().events(Event.GsiRoutingSet.class));
    }
}
