package org.vcpusim.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.vcpusim.arch.VectorBitmap;

class VcpuExitMapTest {
    private static final Ioapic TABLE = Ioapic.reset()
            .withEntry(Ioapic.RTC_PIN, Fixtures.edge(0x28, 1))
            .withEntryWritten(5, Fixtures.level(0x31, 0));
    private static final VectorBitmap HANDLED = VectorBitmap.of(0x31);
    private static final VectorBitmap OLD = VectorBitmap.of(0x99);

    private static SteppedVcpu scanned(SteppedVcpu v, VcpuRequest request) {
        v.withTable(TABLE, 0).make(request);
        v.port().forget();
        return v.enterGuest();
    }

    private static List<Event> mapEvents(SteppedVcpu v) {
        return v.port().takeEvents().stream()
                .filter(e -> e instanceof Event.IoapicScanned
                        || e instanceof Event.EoiExitmapLoaded
                        || e instanceof Event.EoiExitmapLoadSkipped)
                .toList();
    }

    private static SteppedVcpu withOldMaps(SteppedVcpu v) {
        return v.change(x ->
                x.with(x.exitMap().scanned(new IoapicScan.Result(OLD, 0x99))).with(VmcsSetup.loaded(x.vmcs(), OLD)));
    }

    @Test
    void aScanRaisesTheLoadWhichThePassThenServes() {
        SteppedVcpu v = scanned(SteppedVcpu.of(Fixtures.apicvActive(2)), VcpuRequest.SCAN_IOAPIC);

        RequestSet.Flow scan = new RequestSet.Flow(VcpuRequest.SCAN_IOAPIC, 1, 0);
        RequestSet.Flow load = new RequestSet.Flow(VcpuRequest.LOAD_EOI_EXITMAP, 2, 1);
        long rip = v.vcpu().guest().rip();
        assertEquals(
                List.of(
                        new Event.RequestSeen(0, scan),
                        new Event.IoapicScanned(0, HANDLED, 1, VectorBitmap.EMPTY),
                        new Event.RequestMade(0, load, false, EntryPhase.AWAITING),
                        new Event.RequestApplied(0, scan),
                        new Event.RequestSeen(0, load),
                        new Event.EoiExitmapLoaded(0, HANDLED),
                        new Event.RequestApplied(0, load),
                        new Event.GuestEntered(0, rip, 0, 0, Event.ApicvAtEntry.ACTIVE)),
                v.port().takeEvents());
        assertEquals(HANDLED, v.vcpu().vmcs().eoiExitBitmap());
    }

    /** The pin leads elsewhere; its vector was posted here before, and has not been taken. */
    @ParameterizedTest
    @CsvSource({"false, 0x41", "true, -"})
    void aScanTakesWhatWasPostedFirst(boolean fault, String handled) {
        Machine machine = fault ? Fixtures.apicvActive(2, Fault.SCAN_WITHOUT_SYNC) : Fixtures.apicvActive(2);
        SteppedVcpu v = SteppedVcpu.of(machine).send(new Vcpu.SetPir(1, 0x41)).send(new Vcpu.SetOn(1));
        v.withTable(TABLE.withEntry(5, Fixtures.level(0x41, 1)), 0).make(VcpuRequest.SCAN_IOAPIC);

        v.enterGuest();

        VectorBitmap expected = handled.equals("-") ? VectorBitmap.EMPTY : VectorBitmap.of(Integer.decode(handled));
        assertEquals(expected, v.vcpu().exitMap().handled());
        assertEquals(VectorBitmap.of(0x41), v.vcpu().lapic().page().irr());
    }

    @Test
    void inTheOlderProtocolTheLoadScansAndWritesInOne() {
        SteppedVcpu v = SteppedVcpu.of(Fixtures.machine(2, Machine.Apicv.ACTIVE, Protocol.LOAD_EOI_EXITMAP));

        scanned(v, VcpuRequest.LOAD_EOI_EXITMAP);

        RequestSet.Flow load = new RequestSet.Flow(VcpuRequest.LOAD_EOI_EXITMAP, 1, 0);
        assertEquals(
                List.of(
                        new Event.RequestSeen(0, load),
                        new Event.IoapicScanned(0, HANDLED, 1, VectorBitmap.EMPTY),
                        new Event.EoiExitmapLoaded(0, HANDLED),
                        new Event.RequestApplied(0, load),
                        new Event.GuestEntered(0, v.vcpu().guest().rip(), 0, 0, Event.ApicvAtEntry.ACTIVE)),
                v.port().takeEvents());
    }

    @ParameterizedTest
    @EnumSource(Protocol.class)
    void withTheLocalApicDisabledTheRequestIsConsumedAndNothingChanges(Protocol protocol) {
        Lapic disabled = Fixtures.enabledLapic(0).withApicBase(Lapic.DEFAULT_PAGE | Lapic.BASE_BSP);
        SteppedVcpu v = SteppedVcpu.of(Fixtures.machine(2, Machine.Apicv.ACTIVE, protocol), disabled);

        scanned(withOldMaps(v), protocol.tableRequest());

        assertEquals(0, v.vcpu().requests().word());
        assertEquals(OLD, v.vcpu().exitMap().handled());
        assertEquals(OLD, v.vcpu().vmcs().eoiExitBitmap());
        assertEquals(List.of(), v.port().sentTo("vm"));
        List<Event> skipped = protocol == Protocol.LOAD_EOI_EXITMAP
                ? List.of(new Event.EoiExitmapLoadSkipped(0, Event.LoadSkipped.APIC_HW_DISABLED))
                : List.of();
        assertEquals(skipped, mapEvents(v));
    }

    @Test
    void aLoadWithTheLocalApicDisabledIsConsumedWithoutAWrite() {
        Lapic disabled = Fixtures.enabledLapic(0).withApicBase(Lapic.DEFAULT_PAGE | Lapic.BASE_BSP);
        SteppedVcpu v = withOldMaps(SteppedVcpu.of(Fixtures.apicvActive(2), disabled));

        scanned(v, VcpuRequest.LOAD_EOI_EXITMAP);

        assertEquals(List.of(new Event.EoiExitmapLoadSkipped(0, Event.LoadSkipped.APIC_HW_DISABLED)), mapEvents(v));
        assertEquals(OLD, v.vcpu().vmcs().eoiExitBitmap());
    }

    @ParameterizedTest
    @EnumSource(Protocol.class)
    void withApicvInactiveTheVectorsAreHandledAndTheVmcsIsNotWritten(Protocol protocol) {
        SteppedVcpu v = SteppedVcpu.of(Fixtures.machine(2, Machine.Apicv.INACTIVE, protocol));

        scanned(withOldMaps(v), protocol.tableRequest());

        assertEquals(
                List.of(
                        new Event.IoapicScanned(0, HANDLED, 1, VectorBitmap.EMPTY),
                        new Event.EoiExitmapLoadSkipped(0, Event.LoadSkipped.APICV_INACTIVE)),
                mapEvents(v));
        assertEquals(0, v.vcpu().requests().word());
        assertEquals(HANDLED, v.vcpu().exitMap().handled());
        assertEquals(OLD, v.vcpu().vmcs().eoiExitBitmap());
    }

    @Test
    void theVectorsOfTheSynicAreLoadedBesideTheHandledOnes() {
        SteppedVcpu v = SteppedVcpu.withSynic(Fixtures.apicvActive(2), VectorBitmap.of(0xf3));

        scanned(v, VcpuRequest.SCAN_IOAPIC);

        assertEquals(VectorBitmap.of(0x31, 0xf3), v.vcpu().vmcs().eoiExitBitmap());
        assertEquals(HANDLED, v.vcpu().exitMap().handled());
    }

    @Test
    void aLoadWithoutAScanWritesTheVectorsOfTheLastScan() {
        SteppedVcpu v = scanned(SteppedVcpu.of(Fixtures.apicvActive(2)), VcpuRequest.SCAN_IOAPIC);
        v.change(x -> x.with(VmcsSetup.loaded(x.vmcs(), OLD)));
        v.withTable(Ioapic.reset(), 0).make(VcpuRequest.LOAD_EOI_EXITMAP);

        v.send(new Vcpu.HostIpi(Event.HostVector.RESCHEDULE, 0)).step().stepTo(EntryPhase.IN_GUEST);

        assertEquals(HANDLED, v.vcpu().vmcs().eoiExitBitmap());
    }

    private static SteppedVcpu uninitialised(long seed, VectorBitmap synic) {
        Machine m = Fixtures.apicvActive(2, Fault.UNINITIALISED_BITMAP);
        Machine seeded = new Machine(
                m.vcpuCount(),
                m.protocol(),
                m.apicv(),
                m.x2apicApi(),
                m.devices(),
                m.tpr(),
                m.rules().faults(),
                seed);
        return synic.isEmpty() ? SteppedVcpu.of(seeded) : SteppedVcpu.withSynic(seeded, synic);
    }

    @Test
    void anUninitialisedBitmapIsGarbageThatTheSeedDecides() {
        SteppedVcpu one = scanned(uninitialised(1, VectorBitmap.EMPTY), VcpuRequest.SCAN_IOAPIC);
        SteppedVcpu same = scanned(uninitialised(1, VectorBitmap.EMPTY), VcpuRequest.SCAN_IOAPIC);
        SteppedVcpu other = scanned(uninitialised(2, VectorBitmap.EMPTY), VcpuRequest.SCAN_IOAPIC);

        assertNotEquals(HANDLED, one.vcpu().vmcs().eoiExitBitmap());
        assertEquals(one.vcpu().vmcs().eoiExitBitmap(), same.vcpu().vmcs().eoiExitBitmap());
        assertNotEquals(one.vcpu().vmcs().eoiExitBitmap(), other.vcpu().vmcs().eoiExitBitmap());
        assertEquals(HANDLED, one.vcpu().exitMap().handled());
    }

    @Test
    void withASynicTheArrayIsInitialised() {
        SteppedVcpu v = scanned(uninitialised(1, VectorBitmap.of(0xf3)), VcpuRequest.SCAN_IOAPIC);

        assertEquals(VectorBitmap.of(0x31, 0xf3), v.vcpu().vmcs().eoiExitBitmap());
    }
}
