package org.vcpusim.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.vcpusim.arch.TriggerMode;

/** A halted vCPU looks around before it sleeps. */
class HaltPollingTest {
    private static final long MOST = 200_000;
    private static final int TASK = 7;
    private static final Vcpu.ExchangeMode WAKE = new Vcpu.ExchangeMode(TASK, Vcpu.Wakeup.WAKE);

    private final RecordingPort timerPort = new RecordingPort();

    /** A vCPU whose next halt looks around for {@code windowNanos}, in the guest in front of a HLT. */
    private static SteppedVcpu vcpu(long windowNanos) {
        HaltPolling polling = new HaltPolling(windowNanos, 0, 0, HaltPolling.Length.NO_SLEEP);
        SteppedVcpu v = SteppedVcpu.of(Machine.plain(1).withHaltPoll(MOST))
                .change(x -> x.with(x.thread().with(polling)));
        v.enterGuest().execute(GuestAction.Plain.STI);
        v.port().forget();
        return v;
    }

    private static SteppedVcpu interrupted(SteppedVcpu v) {
        return v.change(x -> x.with(x.lapic().requested(0x61, TriggerMode.EDGE)))
                .make(VcpuRequest.EVENT)
                .send(WAKE);
    }

    private static List<Event> changes(SteppedVcpu v) {
        return List.copyOf(v.port().events(Event.HaltPollChanged.class));
    }

    @ParameterizedTest
    @CsvSource(textBlock = """
            # most,   window, slept,    after,  why
            200000,        0, NO_SLEEP,  10000, the first window is the smallest
            200000,    10000, NO_SLEEP,  20000, it doubles
            200000,   160000, TIMED,    200000, up to the most
            200000,    80000, TIMED,    160000, a sleep that ended before the timer is short
            200000,    80000, LONG,      40000, a long one halves it
            200000,    10000, LONG,          0, below the smallest there is none
            200000,        0, LONG,          0, none stays none
            200000,   200000, NO_SLEEP, 100000, the most looked through in vain is longer than the most
              5000,        0, NO_SLEEP,   5000, the most may be less than the smallest
              5000,     5000, TIMED,         0, and is looked through in vain then
            """)
    void theWindowFollowsWhatHaltsTurnOutToBe(
            long most, long window, HaltPolling.Length length, long after, String why) {
        HaltPolling before = new HaltPolling(window, 0, 3, length);
        assertEquals(new HaltPolling(after, 0, 3, length), before.ended(most), why);
    }

    @Test
    void aMachineThatDoesNotPollSleepsAtOnce() {
        SteppedVcpu v = SteppedVcpu.of(Machine.plain(1)).halt();

        assertEquals(HaltPolling.NEVER_HALTED, v.vcpu().thread().polling());
        assertEquals(List.of(), v.port().sentTo("timer"));
    }

    @Test
    void eachLookIsAStepAndTheVcpuIsNoSleeperMeanwhile() {
        SteppedVcpu v = vcpu(20_000).execute(GuestAction.Plain.HLT).stepTo(EntryPhase.HALT_POLL);
        long elapsed = v.port().elapsedNanos();
        List<EntryPhase> phases = new ArrayList<>();
        while (v.vcpu().phase() != EntryPhase.BLOCKED) {
            phases.add(v.vcpu().phase());
            v.step();
        }

        assertEquals(
                List.of(
                        EntryPhase.HALT_POLL,
                        EntryPhase.HALT_POLL,
                        EntryPhase.BLOCK_PREPARE,
                        EntryPhase.BLOCK_CHECK,
                        EntryPhase.BLOCK_SLEEP),
                phases);
        assertEquals(20_000, v.port().elapsedNanos() - elapsed);
        assertEquals(
                false,
                VcpuScheduling.isSleeper(vcpu(20_000)
                        .execute(GuestAction.Plain.HLT)
                        .stepTo(EntryPhase.HALT_POLL)
                        .vcpu()));
    }

    /** The wake finds nobody, and nothing is lost: wherever it comes, the vCPU sees the interrupt by itself. */
    @ParameterizedTest
    @EnumSource(
            value = EntryPhase.class,
            names = {"HALT_POLL", "BLOCK_PREPARE", "BLOCK_CHECK", "BLOCK_SLEEP", "BLOCKED"})
    void anInterruptAnywhereOnTheWayToSleepIsTaken(EntryPhase phase) {
        SteppedVcpu v = vcpu(20_000).execute(GuestAction.Plain.HLT).stepTo(phase);

        interrupted(v).stepTo(EntryPhase.IN_GUEST);

        assertEquals(List.of(new Event.InterruptTaken(0, 0x61, false)), v.port().events(Event.InterruptTaken.class));
    }

    @Test
    void aLookThatFindsSomethingLeavesTheWindowAsItIs() {
        SteppedVcpu v = vcpu(20_000).execute(GuestAction.Plain.HLT).stepTo(EntryPhase.HALT_POLL);

        interrupted(v).stepTo(EntryPhase.IN_GUEST);

        assertEquals(List.of(new Event.VcpuWoken(0, Event.Wait.POLL)), v.port().events(Event.VcpuWoken.class));
        assertEquals(List.of(), v.port().events(Event.VcpuBlocked.class));
        assertEquals(List.of(), changes(v));
    }

    @Test
    void aLookTakesWhatWasPosted() {
        Machine machine = Fixtures.apicvActive(1).withHaltPoll(MOST);
        HaltPolling polling = new HaltPolling(20_000, 0, 0, HaltPolling.Length.NO_SLEEP);
        SteppedVcpu v = SteppedVcpu.of(machine).change(x -> x.with(x.thread().with(polling)));
        v.enterGuest()
                .execute(GuestAction.Plain.STI)
                .execute(GuestAction.Plain.HLT)
                .stepTo(EntryPhase.HALT_POLL);

        v.send(new Vcpu.SetPir(TASK, 0x61)).send(new Vcpu.SetOn(TASK)).stepTo(EntryPhase.IN_GUEST);

        assertEquals(List.of(), v.port().events(Event.VcpuBlocked.class));
    }

    @Test
    void aShortSleepGrowsTheWindow() {
        SteppedVcpu v = vcpu(20_000).execute(GuestAction.Plain.HLT).stepTo(EntryPhase.BLOCKED);

        assertEquals(
                List.of(new HostTimer.ArmHalt(0, 1, 18)),
                v.port().sentTo("timer"),
                "200 us without the 20 looked through");
        interrupted(v).stepTo(EntryPhase.IN_GUEST);

        assertEquals(List.of(new Event.HaltPollChanged(0, 40_000, 20_000)), changes(v));
    }

    @Test
    void aLongSleepShrinksIt() {
        SteppedVcpu v = vcpu(20_000).execute(GuestAction.Plain.HLT).stepTo(EntryPhase.BLOCKED);

        interrupted(v.send(new Vcpu.HaltIsLong(1))).stepTo(EntryPhase.IN_GUEST);

        assertEquals(List.of(new Event.HaltPollChanged(0, 10_000, 20_000)), changes(v));
    }

    @Test
    void whatTheTimerSaysOfAnEarlierHaltIsIgnored() {
        SteppedVcpu v = vcpu(20_000).execute(GuestAction.Plain.HLT).stepTo(EntryPhase.BLOCKED);

        interrupted(v.send(new Vcpu.HaltIsLong(0))).stepTo(EntryPhase.IN_GUEST);

        assertEquals(List.of(new Event.HaltPollChanged(0, 40_000, 20_000)), changes(v));
    }

    @Test
    void aHaltThatWakesInVainIsTimedOnce() {
        SteppedVcpu v = vcpu(20_000)
                .execute(GuestAction.Plain.HLT)
                .stepTo(EntryPhase.BLOCKED)
                .send(WAKE)
                .stepTo(EntryPhase.BLOCKED);

        assertEquals(List.of(new HostTimer.ArmHalt(0, 1, 18)), v.port().sentTo("timer"));
    }

    @Test
    void aWindowOfTheMostIsNotTimed() {
        SteppedVcpu v = vcpu(MOST).execute(GuestAction.Plain.HLT).stepTo(EntryPhase.BLOCKED);
        assertEquals(List.of(), v.port().sentTo("timer"));

        interrupted(v).stepTo(EntryPhase.IN_GUEST);

        assertEquals(List.of(new Event.HaltPollChanged(0, 100_000, 200_000)), changes(v));
    }

    @Test
    void aSignalEndsTheLookingAroundAndTakesNothingElse() {
        SteppedVcpu v = vcpu(20_000).execute(GuestAction.Plain.HLT).stepTo(EntryPhase.HALT_POLL);

        v.make(VcpuRequest.UNBLOCK).send(Vcpu.Plain.SIGNAL).stepTo(EntryPhase.USERSPACE);

        assertEquals(VcpuRequest.UNBLOCK.mask(), v.vcpu().requests().word());
    }

    @Test
    void kvmReqUnblockEndsTheLookingAround() {
        SteppedVcpu v = vcpu(20_000).execute(GuestAction.Plain.HLT).stepTo(EntryPhase.HALT_POLL);

        v.make(VcpuRequest.UNBLOCK).step();

        assertEquals(EntryPhase.RUN_LOOP, v.vcpu().phase());
        assertEquals(0, v.vcpu().requests().word());
    }

    @Test
    void aVcpuThatWaitsForAStartupIpiSleepsAtOnce() {
        SteppedVcpu v = new SteppedVcpu(
                        Vcpu.created(Machine.plain(2).withHaltPoll(MOST), Fixtures.enabledLapic(1), Optional.empty()))
                .send(new Vcpu.SetMpState(MpState.UNINITIALIZED))
                .send(new Vcpu.Run(0))
                .stepTo(EntryPhase.BLOCKED);

        assertEquals(HaltPolling.NEVER_HALTED, v.vcpu().thread().polling());
    }

    @Test
    void theTimerTellsEachHaltWhenItIsLongAndTicksNoLonger() {
        HostTimer timer = HostTimer.IDLE
                .step(new HostTimer.ArmHalt(0, 5, 1), timerPort)
                .step(new HostTimer.ArmHalt(1, 6, 2), timerPort);
        assertEquals(List.of(HostTimer.Plain.HALT_TICK), timerPort.sentTo("timer"));

        timer = timer.step(HostTimer.Plain.HALT_TICK, timerPort);
        assertEquals(List.of(new Vcpu.HaltIsLong(5)), timerPort.sentTo("vcpu 0"));
        assertEquals(List.of(), timerPort.sentTo("vcpu 1"));

        timer = timer.step(HostTimer.Plain.HALT_TICK, timerPort);
        assertEquals(List.of(new Vcpu.HaltIsLong(6)), timerPort.sentTo("vcpu 1"));
        assertEquals(List.of(HostTimer.Plain.HALT_TICK, HostTimer.Plain.HALT_TICK), timerPort.sentTo("timer"));
        assertEquals(20_000, timerPort.elapsedNanos());
        assertEquals(HostTimer.IDLE, timer);
    }
}
