package org.vcpusim.sim;

import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.vcpusim.check.Violation;
import org.vcpusim.kvm.Fix;
import org.vcpusim.scenario.Scenario;
import org.vcpusim.schedule.Strategies;
import org.vcpusim.schedule.Strategy;
import org.vcpusim.schedule.StrategyKind;

/**
 * Looks for what breaks without a fix, in the scenarios that are bundled for it, and makes it short.
 *
 * <p>Schedules are tried until an invariant that the catalogue names is violated, then some more for a shorter one to begin
 * with. Not for several threads at once.
 */
public final class Hunt implements AutoCloseable {
    /** Schedules after the first that fails among which the shortest is looked for. */
    private static final int MORE = 64;
    /** Most messages of one schedule. */
    private static final long MOST_STEPS = 200_000;

    private final Explorer explorer = new Explorer();
    private final StrategyKind kind;
    private final long rootSeed;

    /** A hunter whose schedules are those of {@code kind} and {@code rootSeed}. */
    public Hunt(StrategyKind kind, long rootSeed) {
        this.kind = kind;
        this.rootSeed = rootSeed;
    }

    /**
     * What came of it.
     *
     * @param fix that was left out
     * @param found the shortened failure; empty where no named invariant was violated in time
     * @param schedules that were run up to the first that fails
     * @param picks of the schedule that was shortened
     * @param strategy that chose it
     * @param nanos wall time in all
     * @param interrupted whether the user ended it
     */
    public record Catch(
            Fix fix,
            Optional<Shrinker.Shrunk> found,
            long schedules,
            int picks,
            String strategy,
            long nanos,
            boolean interrupted) {}

    /** A schedule that fails. */
    private record Failing(Scenario scenario, Exploration exploration, Violation violation, String strategy) {
        boolean isShorterThan(@Nullable Failing other) {
            return other == null
                    || exploration.picks().size() < other.exploration.picks().size();
        }
    }

    /**
     * Hunts for what breaks without {@code fix}.
     *
     * @param scenarios bundled for it
     * @param nanos most wall time, shortening included
     * @param stopped whether the user wants it to end
     */
    public Catch hunt(Fix fix, List<Scenario> scenarios, long nanos, BooleanSupplier stopped) {
        long start = System.nanoTime();
        BooleanSupplier over = () -> stopped.getAsBoolean() || System.nanoTime() - start >= nanos;
        Failing best = null;
        long schedules = 0;
        long after = 0;
        List<Trail> trails = scenarios.stream()
                .map(scenario ->
                        new Trail(scenario.withRules(scenario.machine().rules().without(fix)), fix))
                .toList();
        while (!trails.isEmpty() && !over.getAsBoolean() && after < MORE) {
            for (Trail trail : trails) {
                Optional<Failing> failing = trail.next(over);
                schedules += best == null ? 1 : 0;
                after += best == null ? 0 : 1;
                best = failing.filter(each -> !over.getAsBoolean()).isPresent()
                                && failing.get().isShorterThan(best)
                        ? failing.get()
                        : best;
            }
        }
        Optional<Shrinker.Shrunk> shrunk = Optional.ofNullable(best)
                .map(each -> Shrinker.shrink(each.scenario, each.exploration.picks(), each.violation, over));
        return new Catch(
                fix,
                shrunk,
                schedules,
                best == null ? 0 : best.exploration.picks().size(),
                best == null ? kind.label() : best.strategy,
                System.nanoTime() - start,
                stopped.getAsBoolean());
    }

    /** The schedules of one scenario. */
    private final class Trail {
        private final Scenario scenario;
        private final Assembly assembly;
        private final Fix fix;
        private final Strategy strategy;
        private long index;

        Trail(Scenario scenario, Fix fix) {
            this.scenario = scenario;
            this.fix = fix;
            assembly = ScenarioAssembly.of(scenario);
            strategy = Strategies.of(kind, explorer.actorCount(assembly));
            index = -strategy.trials();
        }

        Optional<Failing> next(BooleanSupplier over) {
            strategy.begin(rootSeed, index);
            long most = Math.min(MOST_STEPS, scenario.limits().steps());
            Exploration exploration = explorer.explore(
                    assembly, new Explorer.Ending(new Bounds(most, over), Explorer.OnViolation.GO_ON), strategy);
            strategy.end(exploration.outcome().steps());
            String chosenBy = strategy.nameAt(index);
            index++;
            for (String invariant : fix.invariants()) {
                for (Violation violation : exploration.violations()) {
                    if (violation.invariant().equals(invariant) && violation.isFinding()) {
                        return Optional.of(new Failing(scenario, exploration, violation, chosenBy));
                    }
                }
            }
            return Optional.empty();
        }
    }

    @Override
    public void close() {
        explorer.close();
    }
}
