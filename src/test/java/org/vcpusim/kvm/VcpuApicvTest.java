package org.vcpusim.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.vcpusim.arch.ApicRegister;
import org.vcpusim.arch.TriggerMode;
import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.arch.VmEntryCheck;
import org.vcpusim.arch.VmcsField;

/** What a vCPU does when the VM's inhibits or its own local APIC's mode change. */
class VcpuApicvTest {
    private static final int APIC_BASE_MSR = 0x1b;
    private static final long BASE = Lapic.DEFAULT_PAGE | Lapic.BASE_ENABLE | Lapic.BASE_BSP;
    private static final long INHIBITED = ApicvInhibit.BLOCKIRQ.mask();

    /** In the guest with APICv active or not, vectors 0x31 and 0x81 in service, and 0x41 requested. */
    private static SteppedVcpu serving(boolean active) {
        SteppedVcpu v = SteppedVcpu.of(Fixtures.apicvActive(1));
        v.withInhibits(active ? 0 : INHIBITED)
                .make(VcpuRequest.APICV_UPDATE)
                .enterGuest()
                .change(x -> x.with(x.lapic()
                        .requested(0x31, TriggerMode.EDGE)
                        .acknowledged(0x31)
                        .requested(0x81, TriggerMode.EDGE)
                        .acknowledged(0x81)
                        .requested(0x41, TriggerMode.EDGE)));
        v.port().forget();
        return v;
    }

    /** Leaves the guest, serves the request, and stops before the next check. */
    private static SteppedVcpu update(SteppedVcpu v, long inhibits) {
        v.withInhibits(inhibits).make(VcpuRequest.APICV_UPDATE).execute(GuestAction.Plain.EXIT_TO_USERSPACE);
        v.stepTo(EntryPhase.USERSPACE).send(new Vcpu.Run(0)).stepUntilAwaiting(VcpuThread.Await.INHIBITS);
        return v.send(new Vcpu.InhibitsRead(inhibits));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        was   | inhibits | active | changed | event | reason
        true  | 0        | true   | false   | false | nothing changes
        true  | 8        | false  | true    | true  | software takes the injection over
        true  | 66       | false  | true    | true  | two reasons are as good as one
        false | 8        | false  | false   | false | nothing changes
        false | 0        | true   | true    | false | the processor takes the delivery over
        """)
    void theVmsInhibitsDecide(boolean was, long inhibits, boolean active, boolean changed, boolean event, String why) {
        SteppedVcpu v = update(serving(was), inhibits);

        assertEquals(active, v.vcpu().apicvActive(), why);
        assertEquals(
                List.of(new Event.ApicvUpdated(0, active, inhibits, changed)),
                v.port().events(Event.ApicvUpdated.class));
        assertEquals(event, v.vcpu().requests().test(VcpuRequest.EVENT));
        assertTrue(v.port().sentTo("vm").contains(new Vm.InhibitsServed(0)));
    }

    /** The table of what happens to each datum. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        was   | irrPending | isrCount | cache | svi  | pin  | secondary | reason
        true  | true       | 2        | -1    | 0x55 | 0x29 | 0x001     | deactivated: counts ISR anew, leaves SVI as it is
        false | true       | 1        | -1    | 0x81 | 0xa9 | 0x301     | activated: counts nothing, SVI is the highest in service
        """)
    @SuppressWarnings("TooManyParameters")
    void aChangeTreatsEachDatumAsItMust(
            boolean was,
            boolean irrPending,
            int isrCount,
            int cache,
            String svi,
            String pin,
            String secondary,
            String why) {
        SteppedVcpu v = serving(was);
        VectorBitmap bitmap = VectorBitmap.of(0x31, 0x99);
        VectorBitmap handled = VectorBitmap.of(0x41);
        v.change(x -> x.with(VmcsSetup.loaded(x.vmcs(), bitmap).write(VmcsField.GUEST_INTR_STATUS, 0x5541))
                .with(new ExitMap(handled, -1, java.util.Optional.empty())));
        v.change(x -> keeping(x, 0x41, 0x55));

        update(v, was ? INHIBITED : 0);

        Vcpu after = v.vcpu();
        Machine.Apicv now = was ? Machine.Apicv.INACTIVE : Machine.Apicv.ACTIVE;
        assertEquals(
                new LapicHints(now, irrPending, isrCount, cache), after.lapic().hints(), why);
        assertEquals(Integer.decode(svi), GuestInterruptStatus.svi(after.vmcs()));
        assertEquals(0x41, after.vmcs().read(VmcsField.GUEST_INTR_STATUS) & 0xff);
        assertEquals(Long.decode(pin), after.vmcs().read(VmcsField.PIN_BASED_VM_EXEC_CONTROL));
        assertEquals(Long.decode(secondary), after.vmcs().read(VmcsField.SECONDARY_VM_EXEC_CONTROL));
        assertEquals(bitmap, after.vmcs().eoiExitBitmap());
        assertEquals(handled, after.exitMap().handled());
    }

    /** With another RVI and SVI, which the exit stores, where the processor keeps them. */
    private static Vcpu keeping(Vcpu v, int rvi, int svi) {
        InterruptVirtualization kept = v.virtualization();
        return kept == null
                ? v
                : v.with(v.lapic().page(), new InterruptVirtualization(kept.controls(), rvi, svi, false));
    }

    @Test
    void anUpdateThatChangesNothingWritesNothing() {
        SteppedVcpu v = serving(false);
        v.change(x -> x.with(GuestInterruptStatus.withSvi(x.vmcs(), 0x99)));
        LapicHints before = v.vcpu().lapic().hints();

        update(v, ApicvInhibit.HYPERV.mask());

        assertEquals(before, v.vcpu().lapic().hints());
        assertEquals(0x99, GuestInterruptStatus.svi(v.vcpu().vmcs()));
    }

    /** While APICv is active the processor ends interrupts and no hint follows. */
    @Test
    void whatSoftwareRemembersIsForgottenWhenApicvComesBack() {
        SteppedVcpu v = serving(false);
        assertEquals(0x81, v.vcpu().lapic().hints().highestIsrCache());
        update(v, 0).stepTo(EntryPhase.IN_GUEST);
        v.execute(GuestAction.Plain.EOI).stepTo(EntryPhase.IN_GUEST);

        update(v, INHIBITED);

        assertEquals(0x31, v.vcpu().lapic().highestIsr());
        assertEquals(0x41, v.vcpu().lapic().deliverable());
    }

    @Test
    void aRequestThatTheProcessorMadeIsFoundWhenApicvGoes() {
        SteppedVcpu v = serving(false);
        v.change(
                x -> x.with(x.lapic().ended(0x81).ended(0x31).acknowledged(0x41).ended(0x41)));
        assertFalse(v.vcpu().lapic().hints().irrPending());
        update(v, 0);
        v.change(x -> x.with(x.lapic().withPage(x.lapic().page().withIrr(VectorBitmap.of(0x61)))));

        v.stepTo(EntryPhase.IN_GUEST);
        update(v, INHIBITED);

        assertEquals(0x61, v.vcpu().lapic().deliverable());
    }

    @Test
    void theUpdateFollowsTheLoad() {
        SteppedVcpu v = serving(false);
        v.withTable(Ioapic.reset().withEntry(4, Fixtures.level(0x55, 0)), 0).make(VcpuRequest.SCAN_IOAPIC);

        update(v, 0);

        assertEquals(
                List.of(new Event.EoiExitmapLoadSkipped(0, Event.LoadSkipped.APICV_INACTIVE)),
                v.port().events(Event.EoiExitmapLoadSkipped.class));
        assertFalse(v.vcpu().vmcs().eoiExitBitmap().get(0x55));
        assertTrue(v.vcpu().exitMap().handled().get(0x55));
    }

    @ParameterizedTest
    @EnumSource(Machine.Apicv.class)
    void creationTakesApicvForActiveAndAsksForAnUpdate(Machine.Apicv apicv) {
        Lapic disabled = Lapic.of(0, Lapic.created(0).page(), Lapic.DEFAULT_PAGE);
        Machine machine = Fixtures.machine(1, apicv, Protocol.SCAN_THEN_LOAD);
        SteppedVcpu v = SteppedVcpu.of(machine, disabled);
        boolean enabled = apicv == Machine.Apicv.ACTIVE;
        assertEquals(enabled, v.vcpu().apicvActive());

        v.send(Vcpu.Plain.CREATE);

        assertEquals(enabled, v.vcpu().requests().test(VcpuRequest.APICV_UPDATE));
        assertTrue(v.vcpu().requests().test(VcpuRequest.APIC_PAGE_RELOAD));
        v.enterGuest();
        assertFalse(v.vcpu().apicvActive());
        assertEquals(
                Event.ApicvAtEntry.APIC_DISABLED,
                v.port().events(Event.GuestEntered.class).get(0).apicv());
    }

    @Test
    void anInhibitSetBeforeTheFirstEntryIsSeenByIt() {
        SteppedVcpu v = SteppedVcpu.of(Fixtures.apicvActive(1));

        v.send(Vcpu.Plain.CREATE).withInhibits(INHIBITED).enterGuest();

        assertEquals(
                Event.ApicvAtEntry.INACTIVE,
                v.port().events(Event.GuestEntered.class).get(0).apicv());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        from  | to    | secondary | msrs         | update | reload | active | reason
        0x900 | 0xd00 | 0x310     | X2APIC_APICV | true   | false  | true   | x2APIC mode
        0x900 | 0x100 | 0x000     | NONE         | true   | false  | false  | disabled
        0xd00 | 0x100 | 0x000     | NONE         | true   | false  | false  | disabled from x2APIC mode
        0x100 | 0x900 | 0x301     | NONE         | true   | true   | true   | enabled
        0x900 | 0x800 | 0x301     | NONE         | false  | false  | true   | no longer the boot processor
        """)
    @SuppressWarnings("TooManyParameters")
    void theModeOfTheLocalApicIsFollowed(
            String from,
            String to,
            String secondary,
            X2apicMsrBitmap msrs,
            boolean update,
            boolean reload,
            boolean active,
            String why) {
        Lapic lapic = Lapic.of(0, Fixtures.enabledLapic(0).page(), Lapic.DEFAULT_PAGE | Long.decode(from));
        SteppedVcpu v = SteppedVcpu.of(Fixtures.apicvActive(1), lapic)
                .send(Vcpu.Plain.CREATE)
                .enterGuest();
        v.execute(new GuestAction.Wrmsr(APIC_BASE_MSR, Lapic.DEFAULT_PAGE | Long.decode(to)))
                .stepTo(EntryPhase.HANDLE_EXIT)
                .step();

        assertEquals(update, v.vcpu().requests().test(VcpuRequest.APICV_UPDATE), why);
        assertEquals(reload, v.vcpu().requests().test(VcpuRequest.APIC_PAGE_RELOAD));
        if (v.vcpu().phase() == EntryPhase.AWAITING) {
            v.send(new Vcpu.OperationDone(0));
        }
        v.stepTo(EntryPhase.IN_GUEST);
        assertEquals(active, v.vcpu().apicvActive());
        assertEquals(Long.decode(secondary), v.vcpu().vmcs().read(VmcsField.SECONDARY_VM_EXEC_CONTROL));
        assertEquals(msrs, v.vcpu().msrBitmap());
        assertEquals(
                List.of(),
                VmEntryCheck.failures(v.vcpu().vmcs(), v.vcpu().lapic().page()));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        inhibits | msrs         | eoi   | selfIpi | tpr   | icr  | id    | count
        0        | X2APIC_APICV | false | false   | false | true | false | true
        8        | X2APIC       | true  | true    | false | true | true  | true
        """)
    @SuppressWarnings("TooManyParameters")
    void whichX2apicAccessesLeaveTheGuestDependsOnApicv(
            long inhibits,
            X2apicMsrBitmap msrs,
            boolean eoi,
            boolean selfIpi,
            boolean tpr,
            boolean icr,
            boolean id,
            boolean count) {
        SteppedVcpu v = SteppedVcpu.of(Fixtures.apicvActive(1), Fixtures.x2apicLapic(0));
        v.withInhibits(inhibits).send(Vcpu.Plain.CREATE).enterGuest();

        X2apicMsrBitmap bitmap = v.vcpu().msrBitmap();
        assertEquals(msrs, bitmap);
        assertEquals(
                List.of(eoi, selfIpi, tpr, icr, tpr, id, count),
                List.of(
                        bitmap.interceptsWrite(ApicRegister.EOI),
                        bitmap.interceptsWrite(ApicRegister.SELF_IPI),
                        bitmap.interceptsWrite(ApicRegister.TASKPRI),
                        bitmap.interceptsWrite(ApicRegister.ICR),
                        bitmap.interceptsRead(ApicRegister.TASKPRI),
                        bitmap.interceptsRead(ApicRegister.ID),
                        bitmap.interceptsRead(ApicRegister.TMCCT)));
    }

    @Test
    void theApicAccessPageIsWrittenWhereTheVmcsReadsIt() {
        SteppedVcpu xapic = SteppedVcpu.of(Fixtures.apicvActive(1)).send(Vcpu.Plain.CREATE);
        SteppedVcpu x2apic =
                SteppedVcpu.of(Fixtures.apicvActive(1), Fixtures.x2apicLapic(0)).send(Vcpu.Plain.CREATE);

        xapic.enterGuest();
        x2apic.enterGuest();

        assertEquals(0x1_2000_0000L, xapic.vcpu().vmcs().read(VmcsField.APIC_ACCESS_ADDR));
        assertEquals(0, x2apic.vcpu().vmcs().read(VmcsField.APIC_ACCESS_ADDR));
    }

    @Test
    void initLooksTheApicPageUpAnewAndLeavesNothingInService() {
        SteppedVcpu v = serving(true);
        v.change(x -> x.with(GuestInterruptStatus.withSvi(x.vmcs(), 0x81))
                .with(x.lapic().withInit()));
        v.make(VcpuRequest.EVENT)
                .execute(GuestAction.Plain.EXIT_TO_USERSPACE)
                .stepTo(EntryPhase.USERSPACE)
                .send(new Vcpu.Run(0))
                .stepTo(EntryPhase.AWAITING);

        assertTrue(v.vcpu().requests().test(VcpuRequest.APIC_PAGE_RELOAD));
        assertEquals(0, GuestInterruptStatus.svi(v.vcpu().vmcs()));
        assertEquals(
                new LapicHints(Machine.Apicv.ACTIVE, true, 1, -1),
                v.vcpu().lapic().hints());
    }

    @Test
    void aMovedPageIsReportedBeforeTheGuestGoesOn() {
        SteppedVcpu v = SteppedVcpu.of(Fixtures.apicvActive(1)).enterGuest();
        v.port().forget();

        v.execute(new GuestAction.Wrmsr(APIC_BASE_MSR, 0xfee0_1000L | BASE & 0xfff))
                .stepTo(EntryPhase.AWAITING);

        assertEquals(
                List.of(new Vm.MoveApicPage(v.vcpu().lapic().identity(), Vm.MapChange.KEEP)),
                v.port().sentTo("vm"));
    }

    @Test
    void aSoftwareEoiTellsTheProcessorWhatIsInServiceNext() {
        SteppedVcpu v = serving(true);
        v.change(x -> x.with(GuestInterruptStatus.withSvi(x.vmcs(), 0x81)));

        Vcpu ended = VcpuEoi.software(v.vcpu(), v.port());

        assertEquals(0x31, GuestInterruptStatus.svi(ended.vmcs()));
    }
}
