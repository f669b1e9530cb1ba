package org.vcpusim.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.vcpusim.arch.ExitReason;
import org.vcpusim.arch.PrimaryProcessorControl;
import org.vcpusim.arch.TriggerMode;
import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.arch.VmInstructionError;
import org.vcpusim.arch.VmcsField;
import org.vcpusim.kvm.GuestAction.Plain;
import org.vcpusim.kvm.GuestAction.PlainVmx;
import org.vcpusim.kvm.NestedDeferrals.Kind;

/** A vCPU whose guest is a hypervisor, in L1 and in L2. */
class VcpuNestedTest {
    private static final Machine MACHINE = Fixtures.apicvActive(2);
    private static final Ioapic TABLE = Ioapic.reset()
            .withEntry(Ioapic.RTC_PIN, Fixtures.edge(0x28, 1))
            .withEntryWritten(5, Fixtures.level(0x31, 0));
    private static final VectorBitmap HANDLED = VectorBitmap.of(0x31);

    private static List<String> names(List<? extends Event> events) {
        return events.stream().map(e -> e.getClass().getSimpleName()).toList();
    }

    @Test
    void vmresumeMakesVmcs02TheCurrentVmcsAndTheVmcallOfL2EndsThat() {
        SteppedVcpu v = NestedFixture.inL1(MACHINE, "e");
        VmcsFieldOf01 before = new VmcsFieldOf01(v);
        v.port().forget();

        v.execute(PlainVmx.VMRESUME).stepTo(EntryPhase.IN_GUEST);

        assertTrue(v.vcpu().nested().guestMode());
        assertEquals(NestedFixture.OF_L1, v.vcpu().vmcs().eoiExitBitmap());
        assertEquals(
                List.of(new Event.NestedEntered(
                        0, before.rip, NestedState.NONE.suspended().rip(), 0, 0)),
                v.port().events(Event.NestedEntered.class));
        assertEquals(Guest.NestedEntry.ENTER, v.port().sentTo("guest 0").get(0));
        v.port().forget();
        NestedFixture.called(v);
        assertFalse(v.vcpu().nested().guestMode());
        assertEquals(before.secondary, v.vcpu().vmcs().read(VmcsField.SECONDARY_VM_EXEC_CONTROL));
        assertEquals(List.of(ExitReason.VMCALL), v.exitsToL1());
        assertEquals(
                new Guest.NestedExit(ExitReason.VMCALL),
                v.port().sentTo("guest 0").get(0));
        assertEquals(before.rip + 2, v.vcpu().guest().rip());
        assertEquals(18, v.vcpu().nested().vmcs12().read(VmcsField.VM_EXIT_REASON));
    }

    private static final class VmcsFieldOf01 {
        private final long secondary;
        private final long rip;

        VmcsFieldOf01(SteppedVcpu v) {
            secondary = v.vcpu().vmcs().read(VmcsField.SECONDARY_VM_EXEC_CONTROL);
            rip = v.vcpu().guest().rip();
        }
    }

    @Test
    void vmwriteExitsAndWritesVmcs12() {
        SteppedVcpu v = NestedFixture.inL1(MACHINE, "");

        v.execute(new GuestAction.Vmwrite(VmcsField.EOI_EXIT_BITMAP1, 2)).stepTo(EntryPhase.IN_GUEST);

        assertEquals(List.of(ExitReason.VMWRITE), v.exits());
        assertEquals(2, v.vcpu().nested().vmcs12().read(VmcsField.EOI_EXIT_BITMAP1));
        assertEquals(0, v.vcpu().vmcs().read(VmcsField.EOI_EXIT_BITMAP1));
    }

    @Test
    void vmresumeFailsWithControlsThatContradictEachOther() {
        SteppedVcpu v = NestedFixture.inL1(MACHINE, "d");

        v.execute(PlainVmx.VMRESUME).stepTo(EntryPhase.IN_GUEST);

        assertFalse(v.vcpu().nested().guestMode());
        assertEquals(
                List.of(new Event.NestedEntryFailed(0, VmInstructionError.ENTRY_INVALID_CONTROL_FIELD)),
                v.port().events(Event.NestedEntryFailed.class));
        assertEquals(7, v.vcpu().nested().vmcs12().read(VmcsField.VM_INSTRUCTION_ERROR));
    }

    @ParameterizedTest
    @EnumSource(Protocol.class)
    void aScanInL2UpdatesTheHandledVectorsAndTheLoadWaitsForL1(Protocol protocol) {
        SteppedVcpu v = NestedFixture.inL2(Fixtures.machine(2, Machine.Apicv.ACTIVE, protocol), "e");
        v.withTable(TABLE, 0).make(protocol.tableRequest());

        NestedFixture.kicked(v);

        assertEquals(HANDLED, v.vcpu().exitMap().handled());
        assertEquals(NestedFixture.OF_L1, v.vcpu().vmcs().eoiExitBitmap());
        assertEquals(0, v.vcpu().requests().word());
        assertEquals(List.of(new Event.EoiExitmapLoadDeferred(0)), v.port().events(Event.EoiExitmapLoadDeferred.class));
        v.port().forget();
        NestedFixture.called(v);
        assertEquals(HANDLED, v.vcpu().vmcs().eoiExitBitmap());
        assertEquals(List.of(new Event.EoiExitmapLoaded(0, HANDLED)), v.port().events(Event.EoiExitmapLoaded.class));
        List<String> order = names(v.port().takeEvents());
        assertTrue(order.indexOf("RequestMade") < order.indexOf("NestedExitInjected"), order::toString);
        assertTrue(order.indexOf("EoiExitmapLoaded") < order.indexOf("GuestEntered"), order::toString);
    }

    @ParameterizedTest
    @EnumSource(Protocol.class)
    void withTheFaultTheLoadWritesVmcs02(Protocol protocol) {
        Machine broken = Fixtures.machine(2, Machine.Apicv.ACTIVE, protocol, Fault.NESTED_LOAD_INTO_VMCS02);
        SteppedVcpu v = NestedFixture.inL2(broken, "e");
        v.withTable(TABLE, 0).make(protocol.tableRequest());

        NestedFixture.called(NestedFixture.kicked(v));

        assertEquals(VectorBitmap.EMPTY, v.vcpu().vmcs().eoiExitBitmap());
    }

    @Test
    void leavingL2WithoutAScanAsksForNoLoad() {
        SteppedVcpu v = NestedFixture.called(NestedFixture.inL2(MACHINE, "e"));

        assertEquals(List.of(), v.port().events(Event.RequestMade.class));
    }

    @Test
    void aKickIsForKvmAndL1DoesNotSeeIt() {
        SteppedVcpu v = NestedFixture.kicked(NestedFixture.inL2(MACHINE, "ea"));

        assertTrue(v.vcpu().nested().guestMode());
        assertEquals(List.of(ExitReason.EXTERNAL_INTERRUPT), v.exits());
        assertEquals(List.of(), v.exitsToL1());
        assertEquals(1, v.port().events(Event.NestedExited.class).size());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        vmcs12 | l2IfOn | inL2  | requested | taken | information | reason
        ea     | false  | false | false     | 0x41  | 0x80000041  | L1 gets the vector with the exit
        ea     | true   | false | false     | 0x41  | 0x80000041  | L2's IF does not matter
        e      | false  | false | true      | -     | 0           | L1 leaves it requested until it lets it in
        ''     | true   | true  | false     | 0x41  | -           | L2 takes it
        ''     | false  | true  | true      | -     | -           | L2 takes it when it opens the window
        """)
    @SuppressWarnings("TooManyParameters")
    void anInterruptForL1WhileL2RunsGoesWhereL1WantsIt(
            String vmcs12, boolean l2IfOn, boolean inL2, boolean requested, String taken, String info, String why) {
        SteppedVcpu v = NestedFixture.inL2(MACHINE, vmcs12);
        SteppedVcpu ready = l2IfOn ? NestedFixture.interruptible(v) : v;

        NestedFixture.interrupted(ready, 0x41);

        assertEquals(inL2, v.vcpu().nested().guestMode(), why);
        assertEquals(requested, v.vcpu().lapic().page().irr().get(0x41));
        assertEquals(
                taken.equals("-") ? List.of() : List.of(Integer.decode(taken)),
                v.port().events(Event.InterruptTaken.class).stream()
                        .map(Event.InterruptTaken::vector)
                        .toList());
        assertEquals(
                info.equals("-") ? List.of() : List.of((int) (long) Long.decode(info)),
                v.port().events(Event.NestedExitInjected.class).stream()
                        .map(Event.NestedExitInjected::interruptionInformation)
                        .toList());
        assertEquals(
                inL2 ? 0 : 1, v.port().events(Event.NestedInterrupted.class).size());
    }

    @Test
    void anInterruptThatL1LeftRequestedIsTakenWhenL1LetsItIn() {
        SteppedVcpu v = NestedFixture.interrupted(NestedFixture.inL2(MACHINE, "e"), 0x41);

        NestedFixture.interruptible(v);
        v.stepTo(EntryPhase.IN_GUEST);

        assertEquals(List.of(new Event.InterruptTaken(0, 0x41, false)), v.port().events(Event.InterruptTaken.class));
        assertFalse(v.vcpu().nested().guestMode());
    }

    /** The window that was asked for was L2's. */
    @ParameterizedTest
    @CsvSource({"INACTIVE, true", "ACTIVE, false"})
    void whatWaitsForL1WhenL2IsLeftIsLookedAtWhereSoftwareInjectsIt(Machine.Apicv apicv, boolean window) {
        SteppedVcpu v = NestedFixture.inL2(Fixtures.machine(2, apicv, Protocol.SCAN_THEN_LOAD), "");
        v.change(x -> x.with(x.lapic().requested(0x41, TriggerMode.EDGE)));

        NestedFixture.called(v);

        assertFalse(v.vcpu().nested().guestMode());
        assertEquals(
                window,
                PrimaryProcessorControl.INTERRUPT_WINDOW_EXITING.isSetIn(
                        v.vcpu().vmcs()));
    }

    /** A halted vCPU would go on and on, since there is something for it. */
    @Test
    void aStartUpIpiWhileL2RunsIsDropped() {
        SteppedVcpu v = NestedFixture.inL2(MACHINE, "e");
        v.change(x -> x.with(x.lapic().withSipi(1))).make(VcpuRequest.EVENT);

        NestedFixture.kicked(v);

        assertTrue(v.vcpu().nested().guestMode());
        assertFalse(v.vcpu().lapic().sipiPending());
    }

    @Test
    void anNmiThatIsHeldBackWhenL2IsLeftIsLookedAtAgain() {
        SteppedVcpu v = NestedFixture.inL2(MACHINE, "");
        v.change(x -> x.with(new Nmis(0, 1, false, true)));

        NestedFixture.called(v);

        assertEquals(
                List.of(VcpuRequest.EVENT),
                v.port().events(Event.RequestMade.class).stream()
                        .map(made -> made.flow().request())
                        .toList());
    }

    private static SteppedVcpu waitingAtVmresume(String vmcs12, Fault... faults) {
        SteppedVcpu v = NestedFixture.inL1(MACHINE.with(Rules.with(List.of(faults))), vmcs12);
        v.change(x -> x.with(x.lapic().requested(0x41, TriggerMode.EDGE))
                .with(x.nested().withSuspended(x.nested().suspended().withInterruptsAtOnce())));
        v.port().forget();
        return v.execute(PlainVmx.VMRESUME);
    }

    @ParameterizedTest
    @CsvSource({"ea, false", "'', true"})
    void anInterruptThatWaitsAtVmresumeMakesL2LeaveBeforeItsFirstInstruction(String vmcs12, boolean inL2) {
        SteppedVcpu v = waitingAtVmresume(vmcs12).stepTo(EntryPhase.IN_GUEST);

        assertEquals(List.of(ExitReason.VMRESUME, ExitReason.PREEMPTION_TIMER), v.exits());
        assertEquals(inL2, v.vcpu().nested().guestMode());
        assertEquals(List.of(new Event.InterruptTaken(0, 0x41, !inL2)), v.port().events(Event.InterruptTaken.class));
        assertEquals(
                1,
                v.port().sentTo("guest 0").stream()
                        .filter(m -> m instanceof Guest.Fetch)
                        .count());
    }

    @Test
    void anSmiThatComesBetweenVmresumeAndL2MakesL2LeaveAtOnceAndIsHandledThen() {
        SteppedVcpu v = NestedFixture.inL1(MACHINE, "");
        v.port().forget();
        v.execute(PlainVmx.VMRESUME).send(Vcpu.Plain.SMI).stepTo(EntryPhase.ENTER);
        assertEquals(List.of(), v.port().events(Event.SmiHandled.class), "VMRESUME has to succeed first");

        v.stepTo(EntryPhase.IN_GUEST);

        assertEquals(List.of(ExitReason.VMRESUME, ExitReason.PREEMPTION_TIMER), v.exits());
        assertEquals(List.of(new Event.SmiHandled(0)), v.port().events(Event.SmiHandled.class));
        assertTrue(v.vcpu().nested().guestMode());
    }

    /** Else the event would wait until something else asks for it. */
    @Test
    void anEntryThatWasToBeLeftAtOnceAsksForItsEventAgainWhenItIsAbandoned() {
        SteppedVcpu v = waitingAtVmresume("ea").stepTo(EntryPhase.RECHECK);
        assertFalse(v.vcpu().requests().test(VcpuRequest.EVENT));

        v.make(VcpuRequest.SCAN_IOAPIC).step();

        assertEquals(1, v.port().events(Event.EntryCancelled.class).size());
        assertTrue(v.vcpu().requests().test(VcpuRequest.EVENT));
        v.stepTo(EntryPhase.IN_GUEST);
        assertEquals(List.of(ExitReason.EXTERNAL_INTERRUPT), v.exitsToL1());
    }

    @Test
    void withTheFaultAnAbandonedEntryForgetsItsEvent() {
        SteppedVcpu v = waitingAtVmresume("ea", Fault.CANCEL_FORGETS_EVENT).stepTo(EntryPhase.RECHECK);

        v.make(VcpuRequest.SCAN_IOAPIC).step();

        assertFalse(v.vcpu().requests().test(VcpuRequest.EVENT));
        v.stepTo(EntryPhase.IN_GUEST);
        assertEquals(List.of(), v.exitsToL1(), "L2 runs on");
    }

    @ParameterizedTest
    @CsvSource({"eah, BLOCKED", "ea, IN_GUEST"})
    void aHltOfL2IsL1sIfL1HasAskedForIt(String vmcs12, EntryPhase other) {
        SteppedVcpu v = NestedFixture.inL2(MACHINE, vmcs12);
        boolean l1 = other == EntryPhase.BLOCKED;

        v.execute(Plain.HLT).stepTo(l1 ? EntryPhase.IN_GUEST : EntryPhase.BLOCKED);

        assertEquals(l1 ? List.of(ExitReason.HLT) : List.of(), v.exitsToL1());
        assertEquals(!l1, v.vcpu().nested().guestMode());
    }

    @ParameterizedTest
    @CsvSource({"ea, false, IN_GUEST", "'', false, BLOCKED", "'', true, IN_GUEST"})
    void anInterruptEndsTheHltOfL2WhereItMayInterrupt(String vmcs12, boolean ifOn, EntryPhase end) {
        SteppedVcpu v = NestedFixture.inL2(MACHINE, vmcs12);
        (ifOn ? NestedFixture.interruptible(v) : v).execute(Plain.HLT).stepTo(EntryPhase.BLOCKED);

        v.change(x -> x.with(x.lapic().requested(0x41, TriggerMode.EDGE)))
                .make(VcpuRequest.EVENT)
                .send(new Vcpu.ExchangeMode(1, Vcpu.Wakeup.WAKE))
                .stepTo(end);

        assertEquals(end == EntryPhase.IN_GUEST, v.vcpu().events().mpState() == MpState.RUNNABLE);
    }

    @ParameterizedTest
    @CsvSource({"n, false, EXCEPTION_NMI", "e, true, -"})
    void anNmiWhileL2RunsGoesWhereL1WantsIt(String vmcs12, boolean inL2, String exit) {
        SteppedVcpu v = NestedFixture.inL2(MACHINE, vmcs12);
        v.send(Vcpu.Plain.NMI);

        NestedFixture.kicked(v);

        assertEquals(inL2, v.vcpu().nested().guestMode());
        assertEquals(inL2 ? List.of() : List.of(ExitReason.valueOf(exit)), v.exitsToL1());
        assertTrue(v.vcpu().events().nmis().masked());
    }

    @Test
    void anInitWhileL2RunsIsAnExitAndResetsNothing() {
        SteppedVcpu v = NestedFixture.inL2(MACHINE, "e");
        v.change(x -> x.with(x.lapic().withInit())).make(VcpuRequest.EVENT);

        NestedFixture.kicked(v);

        assertEquals(List.of(ExitReason.INIT_SIGNAL), v.exitsToL1());
        assertEquals(List.of(), v.port().events(Event.VcpuReset.class));
        assertFalse(v.vcpu().lapic().initPending());
    }

    @ParameterizedTest
    @EnumSource(value = Kind.class, names = "LOAD_EOI_EXITMAP", mode = EnumSource.Mode.EXCLUDE)
    void whatConcernsVmcs01WaitsUntilL2IsLeft(Kind kind) {
        SteppedVcpu v = NestedFixture.inL2(MACHINE, "");
        long vmcs02 = v.vcpu().vmcs().hashCode();

        v.change(x -> switch (kind) {
            case APICV_CONTROLS -> VcpuApicv.refreshed(x.withApicv(Machine.Apicv.INACTIVE));
            case SVI -> VcpuApicv.withSvi(x.with(serving(x.lapic())), 0x51);
            case VIRTUAL_APIC_MODE ->
                VcpuApicv.withVirtualApicMode(
                        x.with(x.lapic().withApicBase(x.lapic().apicBase() | Lapic.BASE_X2APIC)));
            default -> VcpuApicv.pageReloaded(x);
        });

        assertTrue(v.vcpu().nested().deferrals().has(kind));
        assertEquals(vmcs02, v.vcpu().vmcs().hashCode());
        Vcpu left = NestedEntry.leave(v.vcpu(), GuestExit.of(ExitReason.VMCALL), v.port());
        assertEquals(NestedDeferrals.NONE, left.nested().deferrals());
        assertEquals(kind == Kind.APICV_CONTROLS ? 0 : 0x200, secondary(left) & 0x200);
        assertEquals(kind == Kind.SVI ? 0x51 : 0, GuestInterruptStatus.svi(left.vmcs()));
        assertEquals(kind == Kind.VIRTUAL_APIC_MODE ? 0x10 : 0x01, secondary(left) & 0x11);
        assertEquals(kind == Kind.APIC_ACCESS_PAGE, left.requests().test(VcpuRequest.APIC_PAGE_RELOAD));
    }

    private static Lapic serving(Lapic lapic) {
        return lapic.requested(0x51, TriggerMode.EDGE).acknowledged(0x51);
    }

    private static long secondary(Vcpu v) {
        return v.vmcs().read(VmcsField.SECONDARY_VM_EXEC_CONTROL);
    }

    @Test
    void theTprThresholdOfVmcs01WaitsUntilL2IsLeft() {
        SteppedVcpu v = NestedFixture.inL2(MACHINE, "");

        v.change(x -> NestedCatchUp.writeTprThreshold(x, 4));

        assertEquals(0, v.vcpu().vmcs().read(VmcsField.TPR_THRESHOLD));
        NestedFixture.called(v);
        assertEquals(4, v.vcpu().vmcs().read(VmcsField.TPR_THRESHOLD));
    }

    /** Its handler finds APICv as it already is, and does nothing. */
    @Test
    void withTheFaultTheControlsAreAskedForAndNeverWritten() {
        SteppedVcpu v = NestedFixture.inL2(Fixtures.apicvActive(2, Fault.NESTED_REFRESH_BY_REQUEST), "");
        v.withInhibits(1).make(VcpuRequest.APICV_UPDATE);

        NestedFixture.called(NestedFixture.kicked(v));

        assertFalse(v.vcpu().apicvActive());
        assertEquals(0x200, secondary(v.vcpu()) & 0x200);
    }

    @Test
    void anUpdateOfApicvInL2IsInVmcs01WhenL1Runs() {
        SteppedVcpu v = NestedFixture.inL2(MACHINE, "");
        v.withInhibits(1).make(VcpuRequest.APICV_UPDATE);

        NestedFixture.called(NestedFixture.kicked(v));

        assertEquals(0, secondary(v.vcpu()) & 0x200);
        assertEquals(0, v.vcpu().requests().word());
    }

    /** L1 lets L2 use its own local APIC: the EOI is one of L1's, and the IOAPIC hears of it. */
    @Test
    void anEoiOfL2WithoutAVirtualApicEndsAVectorOfL1s() {
        SteppedVcpu v = NestedFixture.inL2(MACHINE, "");
        v.change(x -> x.with(x.lapic()
                        .requested(0x31, TriggerMode.LEVEL)
                        .acknowledged(0x31)
                        .requested(0x81, TriggerMode.LEVEL)
                        .acknowledged(0x81))
                .with(new ExitMap(VectorBitmap.of(0x81), -1, java.util.Optional.empty())));

        v.execute(Plain.EOI).stepTo(EntryPhase.AWAITING);

        assertEquals(List.of(ExitReason.EPT_MISCONFIG), v.exits());
        assertEquals(List.of(new Event.EoiReceived(0, 0x81)), v.port().events(Event.EoiReceived.class));
        assertTrue(v.port().sentTo("vm").stream().anyMatch(m -> m instanceof Vm.EoiBroadcast));
        assertTrue(v.vcpu().nested().guestMode());
        assertEquals(0, GuestInterruptStatus.svi(v.vcpu().vmcs()));
        Vcpu left = NestedEntry.leave(v.vcpu(), GuestExit.of(ExitReason.VMCALL), v.port());
        assertEquals(0x31, GuestInterruptStatus.svi(left.vmcs()));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        vmcs12 | vector | exit        | reason
        eatpd  | 0x55   | -           | the processor ends it
        eatpd  | 0x99   | EOI_INDUCED | its bit is set in L1's bitmap, and L1 sees the exit
        eatxd  | 0x55   | -           | the same with an x2APIC
        eatxd  | 0x99   | EOI_INDUCED | the same with an x2APIC
        """)
    void aVectorThatL1RequestsIsDeliveredToL2AndEndedThere(String vmcs12, String vector, String exit, String why) {
        int number = Integer.decode(vector);
        SteppedVcpu v = NestedFixture.inL1(MACHINE, vmcs12);
        v.execute(new GuestAction.RequestNested(number)).stepTo(EntryPhase.IN_GUEST);
        v.execute(PlainVmx.VMRESUME).stepTo(EntryPhase.IN_GUEST);
        v.port().forget();

        NestedFixture.interruptible(v);
        assertEquals(
                List.of(new Event.InterruptTaken(0, number, false)), v.port().events(Event.InterruptTaken.class), why);
        assertEquals(number, v.vcpu().nested().apic().svi());
        v.execute(Plain.EOI);
        assertEquals(0, v.vcpu().nested().apic().svi());
        assertEquals(exit.equals("-") ? List.of() : List.of(ExitReason.EOI_INDUCED), v.exits());
        v.stepTo(EntryPhase.IN_GUEST);
        assertEquals(exit.equals("-") ? List.of() : List.of(ExitReason.EOI_INDUCED), v.exitsToL1());
        assertEquals(List.of(), v.port().events(Event.EoiReceived.class));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        vmcs12 | offset | exit         | reason
        eatp   | 0xb0   | APIC_ACCESS  | without virtual-interrupt delivery the EOI is not virtualized
        eatprd | 0xf0   | APIC_WRITE   | stored, and L1 does the rest
        eatp   | 0x80   | -            | the TPR is
        eatx   | 0xb0   | MSR_WRITE    | L1 intercepts the MSR
        """)
    void aWriteOfL2sLocalApicThatIsNotVirtualizedIsL1s(String vmcs12, String offset, String exit, String why) {
        SteppedVcpu v = NestedFixture.inL2(MACHINE, vmcs12);

        v.execute(new GuestAction.ApicRegisterWrite(Integer.decode(offset), 0)).stepTo(EntryPhase.IN_GUEST);

        assertEquals(exit.equals("-") ? List.of() : List.of(ExitReason.valueOf(exit)), v.exitsToL1(), why);
    }

    @Test
    void theAuditOfAVcpuInL2LooksAtVmcs01AndKnowsThatALoadWaits() {
        SteppedVcpu v = NestedFixture.inL2(MACHINE, "e");
        v.withTable(TABLE, 0).make(VcpuRequest.SCAN_IOAPIC);
        NestedFixture.kicked(v);

        v.send(new Vcpu.Audit(1, new ScanTable.OfIoapic(TABLE, 0)));

        assertEquals(
                List.of(new Event.EoiExitBitmapAudited(0, VectorBitmap.EMPTY, HANDLED, Event.BitmapVerdict.PENDING)),
                v.port().events(Event.EoiExitBitmapAudited.class));
    }
}
