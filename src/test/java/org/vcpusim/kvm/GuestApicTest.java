package org.vcpusim.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.vcpusim.arch.ApicRegister;
import org.vcpusim.arch.ExitReason;
import org.vcpusim.arch.TriggerMode;
import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.arch.VmEntryCheck;
import org.vcpusim.arch.VmcsField;

/** With APICv active the processor evaluates, delivers and ends virtual interrupts; KVM sees what leaves the guest. */
class GuestApicTest {
    private static final int VECTOR = 0x61;
    private static final long PAGE = Lapic.DEFAULT_PAGE;

    private static SteppedVcpu vcpu() {
        return SteppedVcpu.of(Fixtures.apicvActive(1));
    }

    private static SteppedVcpu x2apic() {
        return SteppedVcpu.of(Fixtures.apicvActive(1), Fixtures.x2apicLapic(0));
    }

    /** A vCPU whose IRR has {@code vector} before it enters the guest. */
    private static SteppedVcpu requested(SteppedVcpu v, int vector) {
        return v.change(x -> x.with(x.lapic().requested(vector, TriggerMode.EDGE)));
    }

    private static GuestAction write(ApicRegister register, long value) {
        return new GuestAction.ApicRegisterWrite(register.offset(), value);
    }

    @Test
    void anInterruptIsDeliveredOneInstructionAfterStiWithoutAnyExit() {
        SteppedVcpu v = requested(vcpu(), VECTOR).enterGuest();
        v.execute(GuestAction.Plain.STI);
        assertEquals(List.of(), v.delivered());

        v.execute(GuestAction.Plain.NOP);

        assertEquals(List.of(VECTOR), v.delivered());
        assertEquals(List.of(), v.exits());
        assertEquals(List.of(), v.port().events(Event.InterruptInjected.class));
        assertEquals(VectorBitmap.of(VECTOR), v.vcpu().lapic().page().isr());
        assertEquals(VectorBitmap.EMPTY, v.vcpu().lapic().page().irr());
        assertFalse(v.vcpu().guest().interruptsEnabled());
    }

    @Test
    void theGuestInterruptStatusGoesBackToTheVmcsAtTheExit() {
        SteppedVcpu v = requested(requested(vcpu(), VECTOR), 0x51).enterGuest();
        v.execute(GuestAction.Plain.STI).execute(GuestAction.Plain.NOP);
        assertEquals(VECTOR, v.vcpu().vmcs().read(VmcsField.GUEST_INTR_STATUS), "as it was loaded");

        v.execute(new GuestAction.IoapicRegisterWrite(0x10, 0));

        assertEquals(VECTOR << 8 | 0x51, v.vcpu().vmcs().read(VmcsField.GUEST_INTR_STATUS));
    }

    @Test
    void anEoiLetsTheNextOneIn() {
        SteppedVcpu v = requested(requested(vcpu(), VECTOR), 0x51).enterGuest();
        v.execute(GuestAction.Plain.STI).execute(GuestAction.Plain.NOP);

        v.execute(GuestAction.Plain.EOI);
        assertEquals(List.of(VECTOR), v.delivered(), "the handler has interrupts off");
        v.execute(GuestAction.Plain.IRET);

        assertEquals(List.of(VECTOR, 0x51), v.delivered());
        assertEquals(List.of(new Event.EoiVirtualized(0, VECTOR)), v.port().events(Event.EoiVirtualized.class));
        assertEquals(List.of(), v.exits());
    }

    @Test
    void aVirtualInterruptIsTakenBeforeTheHostsInterruptThatCameWithTheEntry() {
        SteppedVcpu v = requested(vcpu(), VECTOR);
        v.change(x -> x.with(x.guest().withInterruptsAtOnce()))
                .send(new Vcpu.Run(0))
                .stepTo(EntryPhase.RECHECK);
        v.send(new Vcpu.HostIpi(Event.HostVector.RESCHEDULE, Vcpu.HostIpi.NOBODY_WAITS));
        v.port().forget();

        v.step();

        assertEquals(List.of(VECTOR), v.delivered());
        assertEquals(List.of(ExitReason.EXTERNAL_INTERRUPT), v.exits());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        mode   | priority | delivered | reason
        xapic  | 0x50     | true      | class 6 is above class 5
        xapic  | 0x6f     | false     | class 6 is not above class 6
        x2apic | 0x50     | true      | the MSR is not intercepted
        x2apic | 0x6f     | false     | the same
        cr8    | 0x50     | true      | CR8 is bits 7:4
        cr8    | 0x60     | false     | the same
        """)
    void aLowerTaskPriorityLetsAnInterruptInWithoutAnyExit(String mode, int priority, boolean taken) {
        SteppedVcpu v = requested(mode.equals("x2apic") ? x2apic() : vcpu(), VECTOR);
        v.change(x -> x.with(x.lapic().withTpr(0xff)).with(x.guest().withInterruptsAtOnce()));
        v.enterGuest();
        assertEquals(List.of(), v.delivered());

        v.execute(mode.equals("cr8") ? new GuestAction.Cr8Write(priority >> 4) : write(ApicRegister.TASKPRI, priority));

        assertEquals(taken ? List.of(VECTOR) : List.of(), v.delivered());
        assertEquals(List.of(), v.exits());
        assertEquals(priority, v.vcpu().lapic().page().tpr());
    }

    @Test
    void withoutApicvADropOfTheTaskPriorityBelowTheThresholdLeavesTheGuest() {
        SteppedVcpu v = requested(SteppedVcpu.of(Fixtures.apicvInactive(1)), VECTOR);
        v.change(x -> x.with(x.lapic().withTpr(0xff)).with(x.guest().withInterruptsAtOnce()));
        v.make(VcpuRequest.EVENT).enterGuest();
        assertEquals(6, v.vcpu().vmcs().read(VmcsField.TPR_THRESHOLD));

        v.execute(new GuestAction.Cr8Write(5)).stepTo(EntryPhase.IN_GUEST);

        assertEquals(List.of(ExitReason.TPR_BELOW_THRESHOLD), v.exits());
        assertEquals(
                List.of(new Event.InterruptInjected(0, VECTOR, false)), v.port().events(Event.InterruptInjected.class));
    }

    @Test
    void cr8IsTheUpperHalfOfTheTaskPriority() {
        SteppedVcpu v = vcpu().enterGuest();
        v.execute(write(ApicRegister.TASKPRI, 0x73)).execute(new GuestAction.Cr8Read());
        assertEquals(7, v.vcpu().guest().value());

        v.execute(new GuestAction.Cr8Write(16));

        assertEquals(
                List.of(new Event.InterruptTaken(0, Guest.GENERAL_PROTECTION, true)),
                v.port().events(Event.InterruptTaken.class));
        assertEquals(0x73, v.vcpu().lapic().page().tpr());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        mode   | register | value   | reason
        xapic  | ICR      | 0x44081 | fixed, edge, self
        x2apic | SELF_IPI | 0x81    | the MSR is not intercepted
        """)
    void aSelfIpiIsDeliveredWithoutAnyExit(String mode, ApicRegister register, int value) {
        SteppedVcpu v = mode.equals("x2apic") ? x2apic() : vcpu();
        v.change(x -> x.with(x.guest().withInterruptsAtOnce())).enterGuest();

        v.execute(write(register, value));

        assertEquals(List.of(0x81), v.delivered());
        assertEquals(List.of(), v.exits());
        assertEquals(List.of(), v.port().sentTo("vm"));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        mode   | offset | size | exit        | reason
        xapic  | 0x20   | 4    | -           | the ID comes from the page
        xapic  | 0xa0   | 4    | APIC_ACCESS | PPR is not kept in the page
        xapic  | 0x390  | 4    | APIC_ACCESS | the timer counts in software
        xapic  | 0x20   | 8    | APIC_ACCESS | more than the register
        x2apic | 0x20   | 4    | -           | a readable register
        x2apic | 0x390  | 4    | MSR_READ    | the timer counts in software
        x2apic | 0xb0   | 4    | MSR_READ    | EOI cannot be read
        """)
    void aReadComesFromThePageOrLeavesTheGuest(String mode, int offset, int size, String exit) {
        boolean msrs = mode.equals("x2apic");
        SteppedVcpu v = (msrs ? x2apic() : vcpu()).enterGuest();

        v.execute(
                msrs
                        ? new GuestAction.Rdmsr(ApicRegister.X2APIC_MSR_BASE + (offset >> 4))
                        : new GuestAction.MmioRead(PAGE + offset, size));

        assertEquals(
                exit.equals("-") ? List.of() : List.of(exit),
                v.exits().stream().map(Enum::name).toList());
    }

    @Test
    void aWriteThatSoftwareHasToSeeIsActedOnAfterTheInstruction() {
        SteppedVcpu v = vcpu().enterGuest();
        long rip = v.vcpu().guest().rip();

        v.execute(new GuestAction.MmioWrite(PAGE + ApicRegister.SPIV.offset(), 4, 0xff));

        assertEquals(List.of(ExitReason.APIC_WRITE), v.exits());
        Event.GuestExited exit = v.port().events(Event.GuestExited.class).get(0);
        assertEquals(ApicRegister.SPIV.offset(), exit.qualification());
        assertEquals(rip + 2, exit.rip());
        assertEquals(0x1ff, v.vcpu().lapic().page().read(ApicRegister.SPIV), "not before software has acted on it");
        v.stepTo(EntryPhase.AWAITING);
        assertFalse(v.vcpu().lapic().swEnabled());
        assertEquals(1, v.port().sentTo("vm").size(), "the map changes with software enable");

        v.send(new Vcpu.OperationDone(0)).stepTo(EntryPhase.IN_GUEST);

        assertEquals(rip + 2, v.vcpu().guest().rip(), "the instruction is done once");
    }

    @Test
    void anEoiOfAnotherSizeIsDoneBySoftwareAndEndsInSviToo() {
        SteppedVcpu v = vcpu();
        v.change(x -> Fixtures.serving(x, VECTOR, TriggerMode.EDGE))
                .change(x -> Fixtures.serving(x, 0x81, TriggerMode.EDGE));
        v.enterGuest();

        v.execute(new GuestAction.MmioWrite(PAGE + ApicRegister.EOI.offset(), 8, 0))
                .stepTo(EntryPhase.CHECK_REQUESTS);

        assertEquals(List.of(ExitReason.APIC_ACCESS), v.exits());
        assertEquals(VectorBitmap.of(VECTOR), v.vcpu().lapic().page().isr());
        assertEquals(VECTOR << 8, v.vcpu().vmcs().read(VmcsField.GUEST_INTR_STATUS));
    }

    @Test
    void anEoiMsrTakesNothingButZero() {
        SteppedVcpu v = x2apic().enterGuest();

        v.execute(new GuestAction.Wrmsr(ApicRegister.EOI.msr(), 1));

        assertEquals(
                List.of(new Event.InterruptTaken(0, Guest.GENERAL_PROTECTION, true)),
                v.port().events(Event.InterruptTaken.class));
        assertEquals(List.of(), v.exits());
    }

    @Test
    void anInterruptThatIsNotToldYetIsToldBeforeTheNextOne() {
        SteppedVcpu v = requested(vcpu(), VECTOR);
        v.change(x -> x.with(x.guest().withInterruptsAtOnce()))
                .send(new Vcpu.Run(0))
                .stepTo(EntryPhase.RECHECK);
        v.send(new Vcpu.HostIpi(Event.HostVector.RESCHEDULE, Vcpu.HostIpi.NOBODY_WAITS));
        v.step().send(Vcpu.Plain.NMI);
        v.port().forget();

        v.stepTo(EntryPhase.IN_GUEST);

        List<Object> told = v.port().sentTo("guest 0");
        assertEquals(new Guest.Interrupt(false, VECTOR), told.get(0));
        assertEquals(2, ((Guest.Fetch) told.get(1)).vector());
    }

    @ParameterizedTest
    @CsvSource({"false", "true"})
    void theControlsPassTheProcessorsChecks(boolean x2apicMode) {
        SteppedVcpu v = x2apicMode ? x2apic() : vcpu();
        assertEquals(
                List.of(),
                List.copyOf(VmEntryCheck.failures(
                        v.enterGuest().vcpu().vmcs(), v.vcpu().lapic().page())));
    }

    /** SDM "Evaluation of Pending Virtual Interrupts": what the priority keeps back is told with what keeps it back. */
    @Test
    void anInterruptThatTheProcessorHoldsBackIsReportedWhereTheGuestWouldTakeIt() {
        SteppedVcpu v = SteppedVcpu.of(Fixtures.apicvActive(1));
        v.change(x -> Fixtures.serving(x, 0x71, TriggerMode.EDGE));
        requested(v, VECTOR).change(x -> x.with(x.lapic().withTpr(0x20))).enterGuest();
        v.execute(GuestAction.Plain.NOP);
        assertEquals(List.of(), v.port().events(Event.InterruptsHeldBack.class), "interrupts are off");

        v.execute(GuestAction.Plain.STI);
        assertEquals(List.of(), v.port().events(Event.InterruptsHeldBack.class), "STI blocks");

        v.execute(GuestAction.Plain.NOP);
        assertEquals(
                List.of(new Event.InterruptsHeldBack(0, false, VECTOR, 0x71, 0x20)),
                v.port().events(Event.InterruptsHeldBack.class));
        assertEquals(List.of(), v.delivered());
    }

    @Test
    void aPriorityAloneHoldsBackToo() {
        SteppedVcpu v = requested(vcpu(), VECTOR);
        v.change(x -> x.with(x.lapic().withTpr(0x60)).with(x.guest().withInterruptsAtOnce()));

        v.enterGuest();

        assertEquals(
                List.of(new Event.InterruptsHeldBack(0, false, VECTOR, 0, 0x60)),
                v.port().events(Event.InterruptsHeldBack.class));
    }

    @ParameterizedTest
    @CsvSource({"ACTIVE", "INACTIVE"})
    void withNothingRequestedNothingIsHeldBack(Machine.Apicv apicv) {
        SteppedVcpu v = SteppedVcpu.of(Fixtures.machine(1, apicv, Protocol.SCAN_THEN_LOAD));
        v.change(x -> x.with(x.lapic().withTpr(0x60)).with(x.guest().withInterruptsAtOnce()));

        v.enterGuest();

        assertEquals(List.of(), v.port().events(Event.InterruptsHeldBack.class));
    }

    @Test
    void whatTheGuestWritesIsToldWhereItIsAnotherPriority() {
        SteppedVcpu v = vcpu().enterGuest();

        v.execute(write(ApicRegister.TASKPRI, 0x30)).execute(write(ApicRegister.TASKPRI, 0x30));
        v.execute(new GuestAction.Cr8Write(4));

        assertEquals(
                List.of(new Event.TaskPriorityChanged(0, 0x30), new Event.TaskPriorityChanged(0, 0x40)),
                v.port().events(Event.TaskPriorityChanged.class));
        assertEquals(List.of(), v.exits());
    }

    @Test
    void anIpiToItselfIsRequestedByTheProcessor() {
        SteppedVcpu v = x2apic().enterGuest();

        v.execute(new GuestAction.Wrmsr(ApicRegister.SELF_IPI.msr(), VECTOR));

        assertEquals(
                List.of(new Event.InterruptRequested(0, VECTOR, Event.SyncedBy.PROCESSOR, false)),
                v.port().events(Event.InterruptRequested.class));
    }

    /** A read gives the guest a value; a write leaves it with the one it has read. */
    @Test
    void onlyAReadChangesWhatTheGuestHasRead() {
        SteppedVcpu v = vcpu();
        v.change(x -> x.with(x.lapic().withTpr(0x30))).enterGuest();

        v.execute(new GuestAction.MmioRead(PAGE + 0x80, 4));
        assertEquals(0x30, v.vcpu().guest().value());
        v.execute(new GuestAction.MmioWrite(PAGE + 0x80, 4, 0x50));
        assertEquals(0x30, v.vcpu().guest().value());
        v.execute(new GuestAction.Cr8Read());
        assertEquals(5, v.vcpu().guest().value());
        v.execute(new GuestAction.Cr8Write(7));
        assertEquals(5, v.vcpu().guest().value());
    }

    /** Each level of handlers has the IF of the one that it has interrupted. */
    @Test
    void anInterruptedHandlerGoesOnWithTheFlagsThatItHad() {
        SteppedVcpu v = requested(vcpu(), 0x51).enterGuest();
        v.execute(GuestAction.Plain.STI).execute(GuestAction.Plain.NOP);
        assertEquals(List.of(0x51), v.delivered());

        v.send(Vcpu.Plain.NMI).send(new Vcpu.HostIpi(Event.HostVector.RESCHEDULE, Vcpu.HostIpi.NOBODY_WAITS));
        v.stepTo(EntryPhase.HANDLE_EXIT).stepTo(EntryPhase.IN_GUEST);
        assertEquals(true, v.vcpu().events().nmis().masked());
        v.port().forget();

        v.execute(GuestAction.Plain.IRET);
        assertEquals(List.of(new Event.NmiUnblocked(0)), v.port().events(Event.NmiUnblocked.class));
        assertFalse(v.vcpu().guest().interruptsEnabled(), "in the handler of 0x51");
        v.execute(GuestAction.Plain.IRET);
        assertEquals(true, v.vcpu().guest().interruptsEnabled(), "where 0x51 came");
    }
}
