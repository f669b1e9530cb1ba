package org.vcpusim.sim;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.vcpusim.check.Violation;
import org.vcpusim.kvm.ApicIdentity;
import org.vcpusim.kvm.Fault;
import org.vcpusim.kvm.Guest;
import org.vcpusim.kvm.GuestAction;
import org.vcpusim.kvm.GuestAction.Plain;
import org.vcpusim.kvm.Lapic;
import org.vcpusim.kvm.Machine;
import org.vcpusim.kvm.Program;
import org.vcpusim.kvm.Protocol;
import org.vcpusim.kvm.Routing;
import org.vcpusim.kvm.Vcpu;
import org.vcpusim.kvm.Vm;
import org.vcpusim.schedule.Strategies;
import org.vcpusim.schedule.Strategy;
import org.vcpusim.schedule.StrategyKind;

/**
 * Looks for a planted bug with the engine and the strategy that are to look for others, so that an engine which finds nothing
 * does not pass for a machine in which there is nothing.
 */
final class SelfCheck {
    /** What the planted bug violates. */
    private static final String PLANTED = "R2";

    /** One by which each strategy finds it within some schedules, so that a user does not wait. */
    private static final long SEED = 9;

    private static final int MOST_SCHEDULES = 2_000;
    private static final long STEPS = 100_000;

    private static final int PIN = 4;
    private static final int LOW_HALF_OF_PIN = 0x10 + 2 * PIN;
    /** Level-triggered, vector 0x31. */
    private static final int LEVEL_VECTOR = 0x8031;

    /** The most instructions that the writer waits before it writes. */
    private static final int MOST_DELAY = 64;

    private final List<Fault> faults;

    private SelfCheck(List<Fault> faults) {
        this.faults = faults;
    }

    /**
     * How it went.
     *
     * @param invariant which was violated
     * @param schedules up to the one that found it; of several strategies, those of the one that needed most
     */
    record Result(String invariant, long schedules, long nanos) {
        /** Before it has gone at all. */
        static final Result NOT_DONE = new Result("", 0, 0);

        private boolean isPlanted() {
            return invariant.equals(PLANTED);
        }

        /** Behind {@code before}, which another strategy has found. */
        private Result after(Result before) {
            return new Result(invariant, Math.max(before.schedules, schedules), before.nanos + nanos);
        }

        @Override
        public String toString() {
            return String.format(
                    Locale.ROOT,
                    "%s was found within %s (%s), in %.1f ms",
                    isPlanted() ? "the planted bug" : "another bug than the planted one",
                    Counted.of(schedules, "schedule"),
                    invariant,
                    nanos / 1e6);
        }
    }

    /** vCPU 1 writes a redirection entry for vCPU 0, which enters the guest without a last look at its requests. */
    static SelfCheck planted() {
        return lookingFor(Fault.NO_RECHECK);
    }

    /** The same machine with other faults, in which a request that is overlooked at an entry is looked for. */
    static SelfCheck lookingFor(Fault... faults) {
        return new SelfCheck(List.of(faults));
    }

    /** The machine, whose writer waits {@code delay} instructions before it writes. */
    private Assembly machine(int delay) {
        Machine machine = new Machine(
                2, Protocol.SCAN_THEN_LOAD, Machine.Apicv.ACTIVE, 0, 0, Machine.TaskPriority.TPR_SHADOW, faults, 0);
        ApicIdentity[] identities = new ApicIdentity[machine.vcpuCount()];
        Arrays.setAll(identities, i -> Lapic.created(i).identity());
        List<GuestAction> writes = new ArrayList<>(Collections.nCopies(delay, Plain.NOP));
        writes.add(new GuestAction.IoapicRegisterWrite(LOW_HALF_OF_PIN, LEVEL_VECTOR));
        Guest.Software target = software(List.of(Plain.EXIT_TO_USERSPACE, Plain.EXIT_TO_USERSPACE));
        Guest.Software writer = software(writes);
        return Assembly.of(
                machine,
                () -> Vm.created(machine, Routing.of(Routing.Preset.IOAPIC), identities),
                i -> Vcpu.created(machine, Lapic.created(i), Optional.empty()),
                i -> Guest.starting(i == 0 ? target : writer));
    }

    private static Guest.Software software(List<GuestAction> actions) {
        Program<GuestAction> main = Program.of(actions);
        Program<GuestAction> idle = Program.of(List.of(Plain.HLT));
        return new Guest.Software(main, List.of(), Program.of(List.of(Plain.EOI)), idle, main);
    }

    /**
     * Finds the bug with {@code explorer} and the strategy. If it never shows and another rule is broken, that has been found: the
     * machine has another bug, which keeps the planted one from showing, and it is for the schedules to tell.
     *
     * <p>A strategy of which all schedules are the same cannot look for the order in which the machine breaks. For it the machine
     * is changed from schedule to schedule instead: its writer waits for longer and longer.
     *
     * <p>Each member of a portfolio has to find it. Trials are walks that no strategy has chosen: what they find does not count.
     */
    Result on(Explorer explorer, StrategyKind kind) {
        Result sum = Result.NOT_DONE;
        for (StrategyKind member : Strategies.membersOf(kind)) {
            sum = onOne(explorer, member).after(sum);
            if (!sum.isPlanted()) {
                return sum;
            }
        }
        return sum;
    }

    private Result onOne(Explorer explorer, StrategyKind kind) {
        Assembly machine = machine(0);
        Strategy strategy = Strategies.of(kind, explorer.actorCount(machine));
        boolean fixed = kind == StrategyKind.ROUND_ROBIN;
        int most = fixed ? MOST_DELAY : MOST_SCHEDULES;
        long start = System.nanoTime();
        Result other = Result.NOT_DONE;
        for (int index = -strategy.trials(); index < most; index++) {
            strategy.begin(SEED, index);
            Assembly there = fixed ? machine(index) : machine;
            Exploration exploration = explorer.explore(there, Explorer.Ending.atRest(STEPS), strategy);
            strategy.end(exploration.outcome().steps());
            if (index < 0) {
                continue;
            }
            int schedules = index + 1;
            List<Violation> violations = exploration.violations();
            if (violations.stream().map(Violation::invariant).anyMatch(PLANTED::equals)) {
                return new Result(PLANTED, schedules, System.nanoTime() - start);
            }
            if (exploration.isFinding() && other.schedules == 0) {
                other = new Result(violations.get(0).invariant(), schedules, System.nanoTime() - start);
            }
        }
        if (other.schedules > 0) {
            return other;
        }
        throw new SelfCheckFailedException("the self-check did not find a planted bug (" + PLANTED + ") in " + most
                + " schedules, strategy " + kind.label()
                + ": the engine is broken, and that it finds nothing means nothing");
    }
}
