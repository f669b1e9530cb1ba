package org.vcpusim.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.vcpusim.arch.TriggerMode;
import org.vcpusim.arch.VectorBitmap;

/** What is looked at when nothing moves any more: the bitmap beside a fresh scan, and interrupts that nobody will take. */
class VcpuAuditTest {
    private static final int TASK = 5;
    private static final int VECTOR = 0x31;
    private static final ScanTable TABLE = levelPinFor(0);

    /** A table with a level pin for {@code vcpu}, and nothing else for vCPU 0. */
    private static ScanTable levelPinFor(int vcpu) {
        Ioapic ioapic = Ioapic.reset()
                .withEntry(Ioapic.RTC_PIN, Fixtures.edge(0x28, 1))
                .withEntry(5, Fixtures.level(VECTOR, vcpu));
        return new ScanTable.OfIoapic(ioapic, 0);
    }

    private static SteppedVcpu vcpu(Machine.Apicv apicv) {
        return SteppedVcpu.of(Fixtures.machine(1, apicv, Protocol.SCAN_THEN_LOAD));
    }

    private static SteppedVcpu audited(SteppedVcpu v) {
        v.port().forget();
        return v.send(new Vcpu.Audit(TASK, TABLE));
    }

    private static VectorBitmap bitmap(String vectors) {
        VectorBitmap bitmap = VectorBitmap.EMPTY;
        for (String each : vectors.split(" ", -1)) {
            bitmap = each.equals("-") ? bitmap : bitmap.with(Integer.parseInt(each, 16));
        }
        return bitmap;
    }

    /** The scan has found {@code scanned}, and {@code loaded} is in the VMCS. */
    private static Vcpu loaded(Vcpu v, String scanned, String loaded, ExitMap.LastLoad last) {
        ExitMap map = new ExitMap(bitmap(scanned), -1, Optional.empty()).with(last);
        return v.with(map).with(VmcsSetup.loaded(v.vmcs(), bitmap(loaded)));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        scanned | loaded | last    | request          | verdict             | reason
        31      | 31     | WRITTEN | -                | EQUAL               | what a scan finds
        31      | 31     | SKIPPED | SCAN_IOAPIC      | EQUAL               | whatever else there is
        -       | -      | WRITTEN | SCAN_IOAPIC      | PENDING             | a scan is due
        31      | -      | WRITTEN | LOAD_EOI_EXITMAP | PENDING             | a load is due
        31      | -      | WRITTEN | EVENT            | WRONG               | that has nothing to do with it
        31      | -      | WRITTEN | -                | WRONG               | a vector lacks
        31      | -      | SKIPPED | -                | STALE_SINCE_INHIBIT | the load was skipped
        31 41   | 31 41  | WRITTEN | -                | STALE_EXTRA         | one too many, as the scan found it
        31      | 31 41  | WRITTEN | -                | WRONG               | one too many, which no scan has found
        31 41   | 41     | WRITTEN | -                | WRONG               | one too many, and one lacks
        """)
    @SuppressWarnings("TooManyParameters") // a row of the table
    void theBitmapIsComparedWithAFreshScan(
            String scanned,
            String loaded,
            ExitMap.LastLoad last,
            String request,
            Event.BitmapVerdict verdict,
            String reason) {
        SteppedVcpu v = vcpu(Machine.Apicv.ACTIVE).change(x -> loaded(x, scanned, loaded, last));
        if (!request.equals("-")) {
            v.make(VcpuRequest.valueOf(request));
        }

        audited(v);

        assertEquals(
                List.of(new Event.EoiExitBitmapAudited(0, bitmap(loaded), bitmap("31"), verdict)),
                v.port().events(Event.EoiExitBitmapAudited.class),
                reason);
    }

    @ParameterizedTest
    @CsvSource({"INACTIVE, true", "ACTIVE, false"})
    void withoutApicvOrALocalApicTheBitmapIsOfNoUse(Machine.Apicv apicv, boolean present) {
        SteppedVcpu v = vcpu(apicv);
        if (!present) {
            v.change(x -> x.with(x.lapic().withApicBase(Lapic.DEFAULT_PAGE)));
        }

        audited(v);

        assertEquals(
                Event.BitmapVerdict.UNUSED,
                v.port().events(Event.EoiExitBitmapAudited.class).get(0).verdict());
    }

    /** What is pending counts for a scan, but none is due for it. */
    @Test
    void aVectorThatBecamePendingBehindTheScanIsNotDue() {
        SteppedVcpu v = SteppedVcpu.of(Fixtures.apicvActive(2))
                .change(x -> x.with(x.lapic().requested(VECTOR, TriggerMode.LEVEL)));

        v.send(new Vcpu.Audit(TASK, levelPinFor(1)));

        assertEquals(
                List.of(new Event.EoiExitBitmapAudited(
                        0, VectorBitmap.EMPTY, VectorBitmap.EMPTY, Event.BitmapVerdict.EQUAL)),
                v.port().events(Event.EoiExitBitmapAudited.class));
    }

    @Test
    void theVmIsToldOfWhatIsRequestedPostedOrInService() {
        SteppedVcpu v = vcpu(Machine.Apicv.ACTIVE);
        v.change(x -> Fixtures.serving(x, 0x51, TriggerMode.EDGE));
        v.change(x -> x.with(x.lapic().requested(0x41, TriggerMode.EDGE))).send(new Vcpu.SetPir(1, 0x61));
        v.make(VcpuRequest.SCAN_IOAPIC);

        audited(v);

        assertEquals(
                List.of(new Vm.VectorsHeld(TASK, bitmap("41 51 61"))), v.port().sentTo("vm"));
        assertEquals(
                List.of(new Event.VcpuAudited(
                        0,
                        EntryPhase.USERSPACE,
                        MpState.RUNNABLE,
                        false,
                        true,
                        VcpuRequest.SCAN_IOAPIC.mask(),
                        bitmap("41"),
                        bitmap("51"),
                        bitmap("61"))),
                v.port().events(Event.VcpuAudited.class));
        assertEquals(List.of(), v.port().events(Event.InterruptLost.class), "it does not sleep");
    }

    @ParameterizedTest
    @CsvSource({"true, false, true", "true, true, false", "false, false, false"})
    void whetherItTakesInterruptsIsReported(boolean ifOn, boolean held, boolean interruptible) {
        SteppedVcpu v = vcpu(Machine.Apicv.ACTIVE);
        v.change(x -> (held ? x.withBlockIrq(ApicvInhibit.Change.SET) : x)
                .with(ifOn ? x.guest().withInterruptsAtOnce() : x.guest()));

        audited(v);

        assertEquals(
                interruptible, v.port().events(Event.VcpuAudited.class).get(0).interruptible());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        state    | ifOn  | enabled | posted | tpr | lost | reason
        HALTED   | true  | true    | false  | 0   | 0x41 | nobody wakes it
        HALTED   | true  | true    | true   | 0   | 0x41 | posted, and nobody wakes it
        RUNNABLE | true  | true    | false  | 0   | -    | it runs
        HALTED   | false | true    | false  | 0   | -    | it would not take it
        HALTED   | true  | false   | false  | 0   | -    | its local APIC is off
        HALTED   | true  | true    | false  | 64  | -    | its priority keeps it back
        """)
    @SuppressWarnings("TooManyParameters") // a row of the table
    void anInterruptThatAHaltedGuestWouldTakeIsLost(
            MpState state, boolean ifOn, boolean enabled, boolean posted, int tpr, String lost, String reason) {
        SteppedVcpu v = vcpu(Machine.Apicv.INACTIVE);
        v.change(x -> {
            Lapic base = enabled ? x.lapic() : x.lapic().withApicBase(Lapic.DEFAULT_PAGE);
            Lapic lapic = posted ? base : base.requested(0x41, TriggerMode.EDGE);
            return x.with(lapic.withTpr(tpr))
                    .with(x.events().with(state))
                    .with(ifOn ? x.guest().withInterruptsAtOnce() : x.guest());
        });
        if (posted) {
            v.send(new Vcpu.SetPir(1, 0x41));
        }

        audited(v);

        assertEquals(
                lost.equals("-") ? List.of() : List.of(new Event.InterruptLost(0, Integer.decode(lost))),
                v.port().events(Event.InterruptLost.class),
                reason);
    }

    /** L2 sleeps although L1 has requested an interrupt in its virtual-APIC page. */
    @Test
    void anInterruptThatAHaltedL2WouldTakeIsLost() {
        SteppedVcpu v = NestedFixture.inL1(Fixtures.apicvActive(1), "eatpd");
        v.execute(new GuestAction.RequestNested(0x61)).stepTo(EntryPhase.IN_GUEST);
        v.execute(GuestAction.PlainVmx.VMRESUME).stepTo(EntryPhase.IN_GUEST);
        v.change(x -> x.with(x.events().with(MpState.HALTED)).with(x.guest().withInterruptsAtOnce()));

        audited(v);

        assertEquals(List.of(new Event.InterruptLost(0, 0x61)), v.port().events(Event.InterruptLost.class));
    }
}
