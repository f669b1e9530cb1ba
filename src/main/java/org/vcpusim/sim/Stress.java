package org.vcpusim.sim;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Phaser;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.BooleanSupplier;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;
import org.vcpusim.schedule.Strategies;
import org.vcpusim.schedule.Strategy;

/**
 * Runs many schedules of a scenario and adds up what they show.
 *
 * <p>Each thread has an actor system of its own and takes the next schedule that nobody has taken. A schedule is decided by root
 * seed and index, so that the sum does not depend on how many threads there are. Where a finding ends it, all of them finish the
 * block that they are in, for the same reason. Where time or the user ends it, each leaves the schedule that it is in: of the indices
 * below the highest one that was run, fewer than there are threads are missing.
 *
 * <p>Every {@value #TWICE}-th schedule is run twice. If it does not go the same way again, something in the machine or below it
 * is no function of the picks, and nothing that was found could be replayed: that ends the run as a failure of this program.
 */
public final class Stress {
    /** Schedules after which the threads wait for each other where a finding ends the run. */
    static final int BLOCK = 64;

    private static final int TWICE = 256;

    private static final long POLL_MILLIS = 20;
    private static final long NOT_BEGUN = Long.MIN_VALUE;

    private final StressPlan plan;
    private final Assembly assembly;
    private final SelfCheck selfCheck;
    private final BooleanSupplier userStopped;
    private final LongAdder done = new LongAdder();
    private final AtomicLong next = new AtomicLong();
    private final AtomicLong firstFound = new AtomicLong(Long.MAX_VALUE);
    private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
    private final Phaser blocks = new Phaser();
    /** When the first schedule began: what comes before costs the budget nothing. */
    private final AtomicLong begun = new AtomicLong(NOT_BEGUN);

    private volatile boolean over;

    private Stress(StressPlan plan, Assembly assembly, SelfCheck selfCheck, BooleanSupplier stopped) {
        this.plan = plan;
        this.selfCheck = selfCheck;
        this.assembly = assembly;
        userStopped = stopped;
    }

    /**
     * Runs the schedules of {@code plan} on threads of its own, of which one finds a planted bug first.
     *
     * @param stopped whether the user wants it to end
     * @param progress is told now and then, on the calling thread, how many schedules are done
     * @throws SelfCheckFailedException if it does not find the planted bug
     * @throws ScheduleFailedException if a schedule makes this program fail
     */
    public static StressReport run(StressPlan plan, BooleanSupplier stopped, LongConsumer progress) {
        return run(plan, SelfCheck.planted(), stopped, progress);
    }

    static StressReport run(StressPlan plan, SelfCheck selfCheck, BooleanSupplier stopped, LongConsumer progress) {
        return new Stress(plan, ScenarioAssembly.of(plan.scenario()), selfCheck, stopped).run(progress);
    }

    /** On {@code assembly} instead of what the scenario says. */
    static StressReport run(StressPlan plan, Assembly assembly, BooleanSupplier stopped) {
        return new Stress(plan, assembly, SelfCheck.planted(), stopped).run(count -> {});
    }

    private StressReport run(LongConsumer progress) {
        List<Worker> workers = new ArrayList<>();
        for (int job = 0; job < plan.jobs(); job++) {
            blocks.register();
            workers.add(new Worker(job));
        }
        List<Thread> threads = workers.stream()
                .map(worker -> new Thread(worker, "stress-" + worker.job))
                .toList();
        threads.forEach(Thread::start);
        threads.forEach(thread -> await(thread, progress));
        rethrowFailure();
        StressTally sum = new StressTally(plan.scenario().machine());
        workers.forEach(worker -> sum.addAll(worker.tally));
        return sum.report(plan, end(), new StressReport.Timing(elapsed(), workers.get(0).checked));
    }

    private long elapsed() {
        long from = begun.get();
        return from == NOT_BEGUN ? 0 : System.nanoTime() - from;
    }

    /** Whoever has little time gets one schedule. */
    private boolean isOver() {
        return over || elapsed() >= plan.budget().nanos() && done.sum() > 0;
    }

    private void await(Thread thread, LongConsumer progress) {
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join(POLL_MILLIS);
            } catch (InterruptedException e) {
                interrupted = true;
            }
            if (isOver() || interrupted || userStopped.getAsBoolean()) {
                over = true;
            }
            progress.accept(done.sum());
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private void rethrowFailure() {
        Throwable thrown = failure.get();
        if (thrown instanceof RuntimeException e) {
            throw e;
        }
        if (thrown instanceof Error e) {
            throw e;
        }
    }

    private StressReport.End end() {
        if (done.sum() == plan.budget().schedules()) {
            return StressReport.End.SCHEDULES;
        }
        if (firstFound.get() < Long.MAX_VALUE && plan.budget().onFinding() == Explorer.OnViolation.STOP) {
            return StressReport.End.FOUND;
        }
        return userStopped.getAsBoolean() ? StressReport.End.INTERRUPTED : StressReport.End.TIME;
    }

    /** One thread's share. */
    private final class Worker implements Runnable {
        private final int job;
        private final StressTally tally = new StressTally(plan.scenario().machine());
        private final OutcomeSink turns = new OutcomeSink();
        private final Explorer.Ending ending =
                new Explorer.Ending(new Bounds(plan.steps(), () -> over), Explorer.OnViolation.GO_ON);

        private SelfCheck.Result checked = SelfCheck.Result.NOT_DONE;

        Worker(int job) {
            this.job = job;
        }

        @Override
        public void run() {
            try (Explorer explorer = new Explorer()) {
                if (job == 0) {
                    checked = selfCheck.on(explorer, plan.strategy());
                }
                Strategy strategy = Strategies.of(plan.strategy(), explorer.actorCount(assembly));
                begun.compareAndSet(NOT_BEGUN, System.nanoTime());
                for (long trial = -strategy.trials(); trial < 0; trial++) {
                    explore(explorer, strategy, trial);
                }
                sweep(explorer, strategy);
            } catch (Throwable e) { // whatever it is, the thread that waits has to know
                failure.compareAndSet(null, e);
                over = true;
            } finally {
                blocks.arriveAndDeregister();
            }
        }

        private void sweep(Explorer explorer, Strategy strategy) {
            boolean inBlocks = plan.budget().onFinding() == Explorer.OnViolation.STOP;
            long blockEnd = BLOCK;
            for (long index = next.getAndIncrement();
                    index < plan.budget().schedules() && !isOver();
                    index = next.getAndIncrement()) {
                while (inBlocks && index >= blockEnd) {
                    blocks.arriveAndAwaitAdvance();
                    if (firstFound.get() < blockEnd) {
                        return;
                    }
                    blockEnd += BLOCK;
                }
                Exploration exploration = explore(explorer, strategy, index);
                if (exploration.outcome().end() == RunOutcome.End.STOPPED) {
                    tally.addStopped(index, exploration);
                    return;
                }
                tally.add(index, exploration, turns.bits());
                done.increment();
                if (index % TWICE == 0) {
                    repeat(explorer, strategy, index, exploration);
                }
                if (inBlocks && exploration.isFinding()) {
                    firstFound.accumulateAndGet(index, Math::min);
                }
            }
        }

        private void repeat(Explorer explorer, Strategy strategy, long index, Exploration first) {
            strategy.begin(plan.rootSeed(), index);
            Exploration second = explorer.explore(assembly, ending, strategy);
            strategy.end(second.outcome().steps());
            if (second.outcome().end() != RunOutcome.End.STOPPED && !second.equals(first)) {
                throw new ScheduleFailedException(
                        plan,
                        index,
                        strategy.nameAt(index),
                        first.picks(),
                        new IllegalStateException("it went another way when it was run again"));
            }
        }

        private Exploration explore(Explorer explorer, Strategy strategy, long index) {
            strategy.begin(plan.rootSeed(), index);
            turns.begin();
            Coverage coverage = tally.coverage();
            coverage.begin(index);
            try {
                Exploration exploration = index < 0
                        ? explorer.explore(assembly, ending, strategy)
                        : explorer.explore(assembly, ending, strategy, coverage, turns);
                strategy.end(exploration.outcome().steps());
                return exploration;
            } catch (RuntimeException | AssertionError | StackOverflowError e) {
                throw new ScheduleFailedException(plan, index, strategy.nameAt(index), explorer.picks(), e);
            }
        }
    }
}
