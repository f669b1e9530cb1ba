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
import org.vcpusim.arch.DeliveryMode;
import org.vcpusim.arch.ExitReason;
import org.vcpusim.arch.PostedInterruptDescriptor;
import org.vcpusim.arch.TriggerMode;
import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.arch.VmcsField;

/** What becomes of an interrupt that is posted: who sets what, who is told, and when the vCPU takes it. */
class PostedInterruptTest {
    private static final int VECTOR = 0x61;
    private static final int TASK = 3;
    private static final Vcpu.HostIpi NOTIFICATION =
            new Vcpu.HostIpi(Event.HostVector.POSTED_INTR, Vcpu.HostIpi.NOBODY_WAITS);

    private static SteppedVcpu vcpu(Fault... faults) {
        return SteppedVcpu.of(Fixtures.apicvActive(2, faults));
    }

    /** PIR and ON, as KVM sets them. */
    private static SteppedVcpu post(SteppedVcpu v, int vector) {
        return v.send(new Vcpu.SetPir(TASK, vector)).send(new Vcpu.SetOn(TASK));
    }

    private static long status(SteppedVcpu v) {
        return v.vcpu().vmcs().read(VmcsField.GUEST_INTR_STATUS);
    }

    private static PostedInterruptDescriptor descriptor(SteppedVcpu v) {
        return v.vcpu().posting().descriptor();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        pir   | on    | mode               | told                       | reason
        true  | false | OUTSIDE_GUEST_MODE | SetPir                     | whoever set it sees to the rest
        false | true  | IN_GUEST_MODE      | SetPir SetOn               | whoever set it notifies
        false | false | IN_GUEST_MODE      | SetPir SetOn ReadMode 0xf2 | only an interrupt reaches a guest
        false | false | OUTSIDE_GUEST_MODE | SetPir SetOn ReadMode wake | it looks at ON before it enters
        false | false | EXITING_GUEST_MODE | SetPir SetOn ReadMode wake | an IPI is on its way already
        """)
    void whoSetsOnFirstNotifiesOrWakes(boolean pir, boolean on, VcpuMode mode, String told) {
        AnsweredVm vm = AnsweredVm.with(Fixtures.apicvActive(2), Ioapic.reset()).posting(pir, on, mode);

        vm.send(new Vm.SignalMsi(Vm.OfUserspace.USERSPACE, 0xfee01000L, VECTOR));

        assertEquals("accept 1 0x61 " + told, String.join(" ", vm.takeLog()));
        assertEquals(
                List.of(new Event.ApicvInterruptAccepted(1, DeliveryMode.FIXED, TriggerMode.EDGE, VECTOR)),
                vm.port().events(Event.ApicvInterruptAccepted.class));
        assertEquals(List.of(new Userspace.Done(1)), vm.takeAnswers());
    }

    @ParameterizedTest
    @EnumSource(Machine.Apicv.class)
    void theTriggerModeIsRecordedWhenTheMessageIsAccepted(Machine.Apicv apicv) {
        SteppedVcpu v = SteppedVcpu.of(Fixtures.machine(1, apicv, Protocol.SCAN_THEN_LOAD));
        InterruptMessage level = InterruptMessage.of(Fixtures.level(VECTOR, 0));

        v.send(new Vcpu.Accept(TASK, level));

        boolean posts = apicv == Machine.Apicv.ACTIVE;
        assertTrue(v.vcpu().lapic().page().tmr().get(VECTOR));
        assertEquals(!posts, v.vcpu().lapic().page().irr().get(VECTOR));
        assertEquals(
                List.of(posts ? new Vm.AcceptedToPost(TASK) : new Vm.Accepted(TASK, true, VcpuRequest.EVENT)),
                v.port().sentTo("vm"));
    }

    @Test
    void theEntryTakesWhatIsPostedBeforeItAndClearsOnFirst() {
        SteppedVcpu v = post(vcpu(), VECTOR).send(new Vcpu.Run(0)).stepTo(EntryPhase.SYNC_ON);

        v.step();
        assertFalse(descriptor(v).control().on());
        assertEquals(VectorBitmap.of(VECTOR), descriptor(v).pir());
        post(v, 0x71);
        v.step();

        assertEquals(VectorBitmap.EMPTY, descriptor(v).pir());
        assertTrue(descriptor(v).control().on(), "posted after ON was cleared");
        assertEquals(VectorBitmap.of(VECTOR, 0x71), v.vcpu().lapic().page().irr());
        assertEquals(0x71, status(v));
        v.stepTo(EntryPhase.IN_GUEST);
    }

    @Test
    void aNotificationThatComesBetweenTheSyncAndTheEntryIsProcessedInTheGuest() {
        SteppedVcpu v = vcpu();
        v.change(x -> x.with(x.guest().withInterruptsAtOnce()))
                .send(new Vcpu.Run(0))
                .stepTo(EntryPhase.RECHECK);
        post(v, VECTOR).send(NOTIFICATION);
        assertEquals(List.of(), v.delivered());

        v.step();

        assertEquals(List.of(VECTOR), v.delivered());
        assertEquals(List.of(), v.port().events(Event.GuestExited.class));
        assertFalse(descriptor(v).control().on());
    }

    @Test
    void aNotificationInTheGuestDeliversWithoutAnyExit() {
        SteppedVcpu v = vcpu();
        v.change(x -> x.with(x.guest().withInterruptsAtOnce())).enterGuest();
        int fetches = v.vcpu().guest().fetches();

        post(v, VECTOR).send(NOTIFICATION);

        assertEquals(List.of(VECTOR), v.delivered());
        assertEquals(fetches + 1, v.vcpu().guest().fetches(), "the guest is told before its next instruction");
        assertEquals(List.of(), v.port().events(Event.GuestExited.class));
        assertEquals(VectorBitmap.EMPTY, descriptor(v).pir());
    }

    @Test
    void aNotificationInTheHostDoesNothing() {
        SteppedVcpu v = post(vcpu(), VECTOR).send(new Vcpu.Run(0));
        Vcpu before = v.vcpu();

        v.send(NOTIFICATION);

        assertEquals(before, v.vcpu());
    }

    @Test
    void withoutTheControlANotificationIsAnExternalInterrupt() {
        SteppedVcpu v = SteppedVcpu.of(Fixtures.apicvInactive(1)).enterGuest();

        v.send(NOTIFICATION);

        Event.GuestExited exit = v.port().events(Event.GuestExited.class).get(0);
        assertEquals(ExitReason.EXTERNAL_INTERRUPT, exit.reason());
        assertEquals(0x800000f2, exit.interruptionInformation());
    }

    @Test
    void withoutApicvWhatIsPostedIsInjectedBySoftware() {
        SteppedVcpu v = SteppedVcpu.of(Fixtures.apicvInactive(1));
        v.change(x -> x.with(x.guest().withInterruptsAtOnce()));

        post(v, VECTOR).enterGuest();

        assertEquals(1, v.port().events(Event.EntryCancelled.class).size());
        assertEquals(
                List.of(new Event.InterruptInjected(0, VECTOR, false)), v.port().events(Event.InterruptInjected.class));
    }

    @Test
    void withoutTheSyncWhatIsPostedStaysWhereItIs() {
        SteppedVcpu v = SteppedVcpu.of(Fixtures.apicvInactive(1, Fault.NO_SYNC_WHEN_INACTIVE));

        post(v, VECTOR).enterGuest();

        assertEquals(VectorBitmap.of(VECTOR), descriptor(v).pir());
    }

    @Test
    void aSyncBeforeTheModeMissesWhatIsPostedBetween() {
        SteppedVcpu v = vcpu(Fault.PI_SYNC_BEFORE_MODE).send(new Vcpu.Run(0)).stepTo(EntryPhase.ENTER);

        post(v, VECTOR).stepTo(EntryPhase.IN_GUEST);

        assertEquals(VectorBitmap.of(VECTOR), descriptor(v).pir());
    }

    @Test
    void aScanTakesWhatIsPostedSoThatItCountsAsPending() {
        SteppedVcpu v = vcpu().withTable(Ioapic.reset().withEntry(5, Fixtures.level(VECTOR, 1)), 0);

        post(v, VECTOR).make(VcpuRequest.SCAN_IOAPIC).enterGuest();

        assertTrue(v.vcpu().exitMap().handled().get(VECTOR));
        assertEquals(VECTOR, v.vcpu().exitMap().highestStale());
    }

    @Test
    void anInitLeavesNothingPosted() {
        SteppedVcpu v = vcpu();
        v.change(x ->
                Fixtures.serving(x, VECTOR, TriggerMode.EDGE).with(x.lapic().withInit()));

        post(v, VECTOR).make(VcpuRequest.EVENT).send(new Vcpu.Run(0)).stepTo(EntryPhase.AWAITING);

        assertEquals(VectorBitmap.EMPTY, descriptor(v).pir());
        assertFalse(descriptor(v).control().on());
        assertEquals(0, status(v));
    }

    @Test
    void restoredStateReplacesWhatIsPostedAndSetsRviAndSvi() {
        SteppedVcpu v = post(vcpu(), VECTOR);
        int word = 0x10 * (0x81 >> 5);

        v.send(new Vcpu.SetLapic(List.of(
                new Vcpu.RegisterValue(ApicRegister.IRR.offset() + word, 1 << 1),
                new Vcpu.RegisterValue(ApicRegister.ISR.offset() + word, 1 << 2))));

        assertEquals(VectorBitmap.EMPTY, descriptor(v).pir());
        assertEquals(0x8281, status(v));
    }

    /** Every vector that an IPI can have, every class of the task priority; a halted vCPU is woken by KVM's wake-up. */
    @ParameterizedTest
    @CsvSource({"running, 1902, 1666", "halted, 1902, 1666"})
    void aPostedVectorIsServicedIfItsClassIsAboveTheTaskPriority(String state, int serviced, int not) {
        int counted = 0;
        int all = 0;
        for (int vector = 33; vector < VectorBitmap.VECTORS; vector++) {
            for (int priority = 0; priority < 16; priority++) {
                boolean taken = servicedBy(state, vector, priority << 4);
                assertEquals(vector >> 4 > priority, taken, "vector " + vector + ", class " + priority);
                counted += taken ? 1 : 0;
                all++;
            }
        }
        System.out.printf("posted to a %s guest: %d not serviced, %d serviced%n", state, all - counted, counted);
        assertEquals(List.of(serviced, not), List.of(counted, all - counted));
    }

    private static boolean servicedBy(String state, int vector, int priority) {
        SteppedVcpu v = vcpu();
        v.change(x -> x.with(x.lapic().withTpr(priority)).with(x.guest().withInterruptsAtOnce()));
        v.enterGuest();
        if (state.equals("halted")) {
            v.execute(GuestAction.Plain.HLT).stepTo(EntryPhase.BLOCKED);
        }
        post(v, vector).send(new Vcpu.ReadMode(TASK));
        boolean running = v.vcpu().mode() == VcpuMode.IN_GUEST_MODE;
        v.send(running ? NOTIFICATION : Vcpu.WakeUp.WAKE_UP);
        for (int steps = 0; steps < 50 && v.vcpu().phase().isActive(); steps++) {
            v.step();
        }
        boolean asleep = v.vcpu().phase() == EntryPhase.BLOCKED;
        assertEquals(asleep, !running && v.delivered().isEmpty());
        return v.delivered().equals(List.of(vector))
                && v.vcpu().lapic().page().isr().equals(VectorBitmap.of(vector));
    }

    @Test
    void withTheFaultAVcpuThatIsAboutToSleepIsNotWoken() {
        SteppedVcpu right = vcpu();
        right.change(x -> x.with(x.guest().withInterruptsAtOnce()));
        right.enterGuest().execute(GuestAction.Plain.HLT).stepTo(EntryPhase.BLOCK_SLEEP);
        SteppedVcpu wrong = vcpu(Fault.NO_WAKE_OF_SELF);
        wrong.change(x -> x.with(x.guest().withInterruptsAtOnce()));
        wrong.enterGuest().execute(GuestAction.Plain.HLT).stepTo(EntryPhase.BLOCK_SLEEP);

        post(right, VECTOR).send(Vcpu.WakeUp.WAKE_UP).step();
        post(wrong, VECTOR).send(Vcpu.WakeUp.WAKE_UP).step();

        assertEquals(EntryPhase.BLOCK_CHECK, right.vcpu().phase());
        assertEquals(EntryPhase.BLOCKED, wrong.vcpu().phase());
    }
}
