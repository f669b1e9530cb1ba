package org.vcpusim.sim;

import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.vcpusim.check.Violation;
import org.vcpusim.kvm.Fault;
import org.vcpusim.kvm.Fix;
import org.vcpusim.kvm.Hazard;
import org.vcpusim.scenario.Scenario;
import org.vcpusim.schedule.Strategies;
import org.vcpusim.schedule.Strategy;
import org.vcpusim.schedule.StrategyKind;

/**
 * Looks for what breaks without a fix, or for a hazard, in the scenarios that are bundled for it, and makes it short.
 *
 * <p>Schedules are tried until an invariant that the catalogue names is violated, then some more for one that violates the
 * invariant named first, and for a shorter one to begin with. Where none is, a planted bug has to be found by the same engine.
 * Not for several threads at once.
 */
public final class Hunt implements AutoCloseable {
    /** Schedules after the first that fails among which the shortest is looked for. */
    private static final int MORE = 64;
    /** The same where none has violated the most telling invariant yet. */
    private static final int MORE_TELLING = 512;
    /** Most messages of one schedule. */
    private static final long MOST_STEPS = 200_000;

    private final Explorer explorer = new Explorer();
    private final StrategyKind kind;
    private final long rootSeed;
    private final SelfCheck selfCheck;

    /** A hunter whose schedules are those of {@code kind} and {@code rootSeed}. */
    public Hunt(StrategyKind kind, long rootSeed) {
        this(kind, rootSeed, SelfCheck.planted());
    }

    Hunt(StrategyKind kind, long rootSeed, SelfCheck selfCheck) {
        this.kind = kind;
        this.rootSeed = rootSeed;
        this.selfCheck = selfCheck;
    }

    /**
     * What is looked for, and where.
     *
     * @param name as the catalogue has it
     * @param part which fault of a fix that ended several; empty elsewhere
     * @param title in words
     * @param scenarios in which it shows
     * @param invariants of which one is violated then, the most telling first; empty for all
     * @param hazard that explains the violation, if any
     */
    public record Prey(
            String name,
            String part,
            String title,
            List<Scenario> scenarios,
            List<String> invariants,
            Optional<Hazard> hazard) {
        public Prey {
            scenarios = List.copyOf(scenarios);
            invariants = List.copyOf(invariants);
        }

        /** What breaks by each of the faults that {@code fix} ended, alone, in the scenarios {@code bundled} for it. */
        public static List<Prey> of(Fix fix, List<Scenario> bundled) {
            return fix.faults().stream()
                    .map(fault -> new Prey(
                            fix.id(),
                            fix.faults().size() == 1 ? "" : fault.key(),
                            fix.title(),
                            with(fault, bundled),
                            fix.invariants(),
                            Optional.empty()))
                    .toList();
        }

        private static List<Scenario> with(Fault fault, List<Scenario> bundled) {
            return bundled.stream()
                    .map(each -> each.withRules(each.machine().rules().and(List.of(fault))))
                    .toList();
        }

        /** {@code hazard} in the scenarios {@code bundled} for it. */
        public static Prey of(Hazard hazard, List<Scenario> bundled) {
            return new Prey(hazard.name(), "", hazard.title(), bundled, List.of(), Optional.of(hazard));
        }

        private Optional<Violation> in(Exploration exploration) {
            return exploration.violations().stream()
                    .filter(each -> each.hazard().equals(hazard))
                    .filter(each -> invariants.isEmpty() || invariants.contains(each.invariant()))
                    .min(Comparator.comparingInt(this::rank));
        }

        /** How telling {@code violation} is, from 0. */
        private int rank(Violation violation) {
            return Math.max(0, invariants.indexOf(violation.invariant()));
        }
    }

    /**
     * What came of it.
     *
     * @param prey that was looked for
     * @param found the shortened failure; empty where no named invariant was violated in time
     * @param schedules that were run up to the first that fails
     * @param told which schedule was shortened, counted from 1; 0 where none was
     * @param picks of that schedule
     * @param strategy that chose it
     * @param nanos wall time in all
     * @param interrupted whether the user ended it
     */
    public record Catch(
            Prey prey,
            Optional<Shrinker.Shrunk> found,
            long schedules,
            long told,
            int picks,
            String strategy,
            long nanos,
            boolean interrupted) {}

    /** A schedule that fails, the {@code number}-th that was run. */
    private record Failing(
            Scenario scenario, Exploration exploration, Violation violation, String strategy, long number) {
        /** Whether it violates a more telling invariant, or the same in a shorter schedule. */
        boolean isBetterThan(@Nullable Failing other, Prey prey) {
            if (other == null || prey.rank(violation) != prey.rank(other.violation)) {
                return other == null || prey.rank(violation) < prey.rank(other.violation);
            }
            return exploration.picks().size() < other.exploration.picks().size();
        }
    }

    /**
     * Hunts for {@code prey}.
     *
     * @param nanos most wall time, shortening included
     * @param stopped whether the user wants it to end
     * @throws SelfCheckFailedException if it finds nothing, and does not find a planted bug either
     */
    public Catch hunt(Prey prey, long nanos, BooleanSupplier stopped) {
        long start = System.nanoTime();
        BooleanSupplier over = () -> stopped.getAsBoolean() || System.nanoTime() - start >= nanos;
        Failing best = null;
        long first = 0;
        long schedules = 0;
        List<Trail> trails =
                prey.scenarios.stream().map(each -> new Trail(each, prey)).toList();
        trails.forEach(trail -> trail.learn(over));
        while (!trails.isEmpty() && !over.getAsBoolean() && (best == null || schedules < first + more(best, prey))) {
            for (Trail trail : trails) {
                schedules++;
                Optional<Failing> failing = trail.next(schedules, over);
                if (failing.isPresent() && failing.get().isBetterThan(best, prey)) {
                    first = best == null ? schedules : first;
                    best = failing.get();
                }
            }
        }
        if (best == null) {
            if (!stopped.getAsBoolean()) {
                selfCheck.on(explorer, kind);
            }
            return new Catch(
                    prey,
                    Optional.empty(),
                    schedules,
                    0,
                    0,
                    kind.label(),
                    System.nanoTime() - start,
                    stopped.getAsBoolean());
        }
        Shrinker.Shrunk shrunk = Shrinker.cut(best.scenario, best.exploration.picks(), best.violation, over);
        return new Catch(
                prey,
                Optional.of(shrunk),
                first,
                best.number,
                best.exploration.picks().size(),
                best.strategy,
                System.nanoTime() - start,
                stopped.getAsBoolean());
    }

    private static int more(Failing best, Prey prey) {
        return prey.rank(best.violation) == 0 ? MORE : MORE_TELLING;
    }

    /** The schedules of one scenario. */
    private final class Trail {
        private final Scenario scenario;
        private final Assembly assembly;
        private final Prey prey;
        private final Strategy strategy;
        private long index;

        Trail(Scenario scenario, Prey prey) {
            this.scenario = scenario;
            this.prey = prey;
            assembly = ScenarioAssembly.of(scenario);
            strategy = Strategies.of(kind, explorer.actorCount(assembly));
        }

        /** What the strategy has to know before it chooses; what breaks in trials is nobody's catch. */
        void learn(BooleanSupplier over) {
            for (long trial = -strategy.trials(); trial < 0; trial++) {
                run(trial, over);
            }
        }

        private Exploration run(long which, BooleanSupplier over) {
            strategy.begin(rootSeed, which);
            long most = Math.min(MOST_STEPS, scenario.limits().steps());
            Exploration exploration = explorer.explore(
                    assembly, new Explorer.Ending(new Bounds(most, over), Explorer.OnViolation.GO_ON), strategy);
            strategy.end(exploration.outcome().steps());
            return exploration;
        }

        Optional<Failing> next(long number, BooleanSupplier over) {
            Exploration exploration = run(index, over);
            String chosenBy = strategy.nameAt(index);
            index++;
            return prey.in(exploration)
                    .map(violation -> new Failing(scenario, exploration, violation, chosenBy, number));
        }
    }

    @Override
    public void close() {
        explorer.close();
    }
}
