package org.vcpusim.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.vcpusim.arch.TriggerMode;
import org.vcpusim.arch.VectorBitmap;

class VcpuEoiTest {
    private static final int VECTOR = 0x31;

    /** In the guest, with the vector in service. */
    private static SteppedVcpu serving(Machine machine, boolean hwBit, boolean handled, TriggerMode trigger) {
        VectorBitmap inHardware = hwBit ? VectorBitmap.of(VECTOR) : VectorBitmap.EMPTY;
        VectorBitmap inSoftware = handled ? VectorBitmap.of(VECTOR) : VectorBitmap.EMPTY;
        SteppedVcpu v = SteppedVcpu.of(machine);
        v.change(x -> Fixtures.serving(x, VECTOR, trigger))
                .change(x -> x.with(new ExitMap(inSoftware, -1, Optional.empty()))
                        .with(VmcsSetup.loaded(x.vmcs(), inHardware)));
        v.enterGuest().port().forget();
        return v;
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        apicv    | hw    | handled | exit        | virtualised | forwarded | reason
        INACTIVE | false | false   | APIC_ACCESS | false       | false     | software EOI only
        INACTIVE | true  | false   | APIC_ACCESS | false       | false     | the bitmap is not read
        INACTIVE | false | true    | APIC_ACCESS | false       | true      | software tells the IOAPIC
        INACTIVE | true  | true    | APIC_ACCESS | false       | true      | software tells the IOAPIC
        ACTIVE   | false | false   | -           | true        | false     | all in hardware
        ACTIVE   | false | true    | -           | true        | false     | the EOI is lost for the IOAPIC
        ACTIVE   | true  | false   | EOI_INDUCED | false       | false     | an exit for nothing
        ACTIVE   | true  | true    | EOI_INDUCED | false       | true      | the exit tells the IOAPIC
        """)
    void whichEoiReachesTheIoapic(
            Machine.Apicv apicv, boolean hw, boolean handled, String exit, boolean virtualised, boolean forwarded) {
        Machine machine = Fixtures.machine(1, apicv, Protocol.SCAN_THEN_LOAD);
        SteppedVcpu v = serving(machine, hw, handled, TriggerMode.LEVEL);

        v.execute(GuestAction.Plain.EOI);
        if (!exit.equals("-")) {
            v.stepTo(EntryPhase.HANDLE_EXIT).step();
        }

        List<Event.GuestExited> exits = v.port().events(Event.GuestExited.class);
        assertEquals(
                exit.equals("-") ? List.of() : List.of(exit),
                exits.stream().map(e -> e.reason().name()).toList());
        assertEquals(
                virtualised ? List.of(new Event.EoiVirtualized(0, VECTOR)) : List.of(),
                v.port().events(Event.EoiVirtualized.class));
        assertEquals(
                virtualised ? List.of() : List.of(new Event.EoiReceived(0, VECTOR)),
                v.port().events(Event.EoiReceived.class));
        assertEquals(
                forwarded ? List.of(new Vm.EoiBroadcast(0, VECTOR, TriggerMode.LEVEL, false)) : List.of(),
                v.port().sentTo("vm"));
        assertEquals(VectorBitmap.EMPTY, v.vcpu().lapic().page().isr());
        if (exit.equals("EOI_INDUCED")) {
            assertEquals(VECTOR, exits.get(0).qualification());
        }
    }

    @ParameterizedTest
    @EnumSource(TriggerMode.class)
    void theTriggerModeThatIsForwardedIsThatOfTheTmr(TriggerMode trigger) {
        SteppedVcpu v = serving(Fixtures.apicvActive(1), true, true, trigger);

        v.execute(GuestAction.Plain.EOI).stepTo(EntryPhase.AWAITING);

        assertEquals(
                List.of(new Vm.EoiBroadcast(0, VECTOR, trigger, false)),
                v.port().sentTo("vm"));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        stale | fault                     | scans
        0x31  | -                         | true
        0x32  | -                         | false
        -1    | -                         | false
        0x31  | NO_RESCAN_AFTER_STALE_EOI | false
        """)
    void onlyTheEoiOfTheHighestStaleVectorAsksForAScan(int stale, String fault, boolean scans) {
        Machine machine = fault.equals("-") ? Fixtures.apicvActive(1) : Fixtures.apicvActive(1, Fault.valueOf(fault));
        SteppedVcpu v = serving(machine, true, true, TriggerMode.LEVEL);
        v.change(x -> x.with(new ExitMap(VectorBitmap.of(VECTOR), stale, Optional.empty())));

        v.execute(GuestAction.Plain.EOI).stepTo(EntryPhase.AWAITING);

        assertEquals(scans, v.vcpu().requests().test(VcpuRequest.SCAN_IOAPIC));
    }

    @Test
    void theScanAfterAStaleEoiDropsTheVector() {
        SteppedVcpu v = serving(Fixtures.apicvActive(1), true, true, TriggerMode.LEVEL);
        Ioapic elsewhere = Ioapic.reset()
                .withEntry(Ioapic.RTC_PIN, Fixtures.edge(0x28, 9))
                .withEntry(5, Fixtures.level(VECTOR, 9));
        v.withTable(elsewhere, 0).change(x -> x.with(new ExitMap(VectorBitmap.of(VECTOR), VECTOR, Optional.empty())));

        v.execute(GuestAction.Plain.EOI).stepTo(EntryPhase.AWAITING);
        v.send(new Vcpu.OperationDone(0)).stepTo(EntryPhase.IN_GUEST);

        assertEquals(VectorBitmap.EMPTY, v.vcpu().vmcs().eoiExitBitmap());
    }

    @ParameterizedTest
    @EnumSource(Machine.Apicv.class)
    void anEoiWithNothingInServiceReachesNobody(Machine.Apicv apicv) {
        Machine machine = Fixtures.machine(1, apicv, Protocol.SCAN_THEN_LOAD);
        SteppedVcpu v = SteppedVcpu.of(machine).enterGuest();
        v.port().forget();

        v.execute(GuestAction.Plain.EOI);
        if (apicv == Machine.Apicv.INACTIVE) {
            v.stepTo(EntryPhase.IN_GUEST);
        }

        assertEquals(
                apicv == Machine.Apicv.INACTIVE ? List.of(new Event.EoiReceived(0, -1)) : List.of(),
                v.port().events(Event.EoiReceived.class));
        assertEquals(List.of(), v.port().sentTo("vm"));
    }

    @Test
    void anEoiEndsTheHighestVectorInService() {
        SteppedVcpu v = SteppedVcpu.of(Fixtures.apicvActive(1));
        v.change(x -> Fixtures.serving(x, VECTOR, TriggerMode.EDGE))
                .change(x -> Fixtures.serving(x, 0x81, TriggerMode.EDGE));

        v.enterGuest().execute(GuestAction.Plain.EOI);

        assertEquals(VectorBitmap.of(VECTOR), v.vcpu().lapic().page().isr());
        assertEquals(0x30, v.vcpu().lapic().page().ppr());
    }

    @Test
    void aSuppressedBroadcastIsForwardedAsSuch() {
        SteppedVcpu v = serving(Fixtures.apicvActive(1), true, true, TriggerMode.LEVEL);
        v.change(x -> x.with(x.lapic().withPage(x.lapic().page().write(org.vcpusim.arch.ApicRegister.SPIV, 0x11ff))));

        v.execute(GuestAction.Plain.EOI).stepTo(EntryPhase.AWAITING);

        assertEquals(
                List.of(new Vm.EoiBroadcast(0, VECTOR, TriggerMode.LEVEL, true)),
                v.port().sentTo("vm"));
    }
}
