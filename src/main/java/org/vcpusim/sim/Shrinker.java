package org.vcpusim.sim;

import java.nio.IntBuffer;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.function.IntPredicate;
import org.vcpusim.check.Violation;
import org.vcpusim.kvm.Fault;
import org.vcpusim.kvm.Rules;
import org.vcpusim.scenario.Scenario;
import org.vcpusim.scenario.ScenarioCuts;
import org.vcpusim.schedule.Schedule;
import org.vcpusim.sim.Attempt.Ending;
import org.vcpusim.sim.Attempt.Symptom;

/**
 * Makes a failing schedule short, as long as the same rule breaks: whole actors, picks, changes of actors; and the scenario
 * itself where that is wanted.
 *
 * <p>Picks by delta debugging (A. Zeller, R. Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", IEEE TSE 2002)
 * with lenient replay: a pick of somebody who has no message is passed over. What comes out is locally minimal: without any
 * one of the actors or picks, or with any one more cut, the rule does not break, or only after more steps. It can be stopped at
 * any time; then the shortest so far comes out.
 */
public final class Shrinker {
    /** More than any round that still finds something; it is made smaller in each. */
    private static final int MOST_ROUNDS = 10_000;
    /** Steps behind the list of a run, as a multiple of those that the failing run took, before it is given up. */
    static final int PATIENCE = 4;
    /** Picks in all schedules that are remembered as not failing, 16 MB; then it begins to forget. */
    private static final long MOST_REMEMBERED = 1 << 22;

    private final Symptom symptom;
    private final BooleanSupplier stopped;
    /** Schedules that have been tried and do not do. */
    private final Set<IntBuffer> refuted = new HashSet<>();

    private long remembered;
    private Scenario scenario;
    private Assembly assembly;
    private Ending ending;
    private long bound;
    private int[] picks = {};
    private long steps;
    private int turns;
    private long replays;
    private boolean minimal;

    private Shrinker(Scenario scenario, Symptom symptom, BooleanSupplier stopped) {
        this.scenario = scenario;
        this.assembly = ScenarioAssembly.of(scenario);
        this.symptom = symptom;
        this.stopped = stopped;
        ending = Ending.STOP;
        bound = scenario.limits().steps();
    }

    /**
     * A failing run, as short as it got.
     *
     * @param scenario the given one or one cut smaller
     * @param picks the schedule; {@code ending} says what comes behind it
     * @param finishes whether the run goes on behind the picks until nothing moves, and the audit follows
     * @param violation what it shows
     * @param steps messages handled in all
     * @param critical neighbours whose exchange makes the failure vanish, if there are any
     * @param others how many other orders were tried, all of which fail too; 0 where one does not
     * @param replays runs that it took
     * @param complete whether nothing more could be tried, so that it is locally minimal; false where it was stopped
     */
    public record Shrunk(
            Scenario scenario,
            Schedule picks,
            boolean finishes,
            Violation violation,
            long steps,
            Optional<CriticalPair> critical,
            int others,
            long replays,
            boolean complete) {}

    /**
     * Steps of two threads, one before the other: with those from {@code second} on first, the rule holds.
     *
     * @param first position of the first step of the one
     * @param firstEnd position behind its last step
     * @param second position of the first step of the other
     * @param end position behind the last step of the other
     */
    public record CriticalPair(int first, int firstEnd, int second, int end) {}

    /**
     * Shortens {@code schedule}, which shows {@code violation} in {@code scenario}.
     *
     * @param stopped asked before every run
     * @throws IllegalArgumentException where the schedule does not show it
     */
    public static Shrunk shrink(Scenario scenario, Schedule schedule, Violation violation, BooleanSupplier stopped) {
        return new Shrinker(scenario, Symptom.of(violation), stopped).shrink(schedule.toArray(), Scope.SCHEDULE);
    }

    /**
     * Shortens {@code schedule} as {@link #shrink} does, and then cuts {@code scenario} too, as far as the failure does not need
     * it.
     */
    public static Shrunk cut(Scenario scenario, Schedule schedule, Violation violation, BooleanSupplier stopped) {
        return new Shrinker(scenario, Symptom.of(violation), stopped).shrink(schedule.toArray(), Scope.SCENARIO);
    }

    /** {@code run}, which shows {@code violation}, without shortening it; up to the violation where the picks go that far. */
    public static Shrunk asItIs(Reproduction run, Violation violation) {
        Shrinker shrinker = new Shrinker(run.scenario(), Symptom.of(violation), () -> false);
        int[] schedule = run.picks().toArray();
        if (!shrinker.begins(schedule, Ending.STOP) && !shrinker.begins(schedule, Ending.FINISH)) {
            throw new IllegalArgumentException("the run must show a violation of " + violation.invariant());
        }
        return shrinker.result();
    }

    /** What may become smaller. */
    private enum Scope {
        SCHEDULE,
        SCENARIO
    }

    private Shrunk shrink(int[] schedule, Scope scope) {
        if (!begins(schedule, Ending.STOP) && !begins(schedule, Ending.FINISH)) {
            throw new IllegalArgumentException(
                    "schedule of " + schedule.length + " picks: must show a violation of " + symptom.invariant());
        }
        if (scope == Scope.SCENARIO) {
            dropFaults();
        }
        minimal = rounds(Scope.SCHEDULE) && (scope == Scope.SCHEDULE || rounds(Scope.SCENARIO));
        return result();
    }

    /** Tries everything until nothing helps any more; whether it got there. */
    private boolean rounds(Scope scope) {
        for (int round = 0; round < MOST_ROUNDS && !stopped.getAsBoolean(); round++) {
            long before = size();
            boolean dropped = scope == Scope.SCENARIO && dropFaults();
            boolean cut = scope == Scope.SCENARIO && cutScenario();
            dropActors();
            dropPicks();
            joinTurns();
            if (size() == before && !cut && !dropped) {
                return !stopped.getAsBoolean();
            }
        }
        return false;
    }

    private Shrunk result() {
        Attempt.Result result = attempt(assembly).run(picks);
        Violation violation = result.violation().orElseThrow();
        Narration narration = Narration.of(shrunk(violation, result.steps(), Optional.empty(), 0));
        Attempt whole = new Attempt(assembly, Ending.FINISH, symptom, bound);
        int others = OtherOrders.allFailing(whole, narration.log().actors(), steps, stopped);
        CriticalPairs pairs = new CriticalPairs(assembly, attempt(assembly), whole, narration, others, stopped);
        Optional<CriticalPair> critical = pairs.find();
        replays += pairs.replays() + others;
        return shrunk(violation, result.steps(), critical, others);
    }

    private Shrunk shrunk(Violation violation, long all, Optional<CriticalPair> critical, int others) {
        boolean finishes = ending == Ending.FINISH;
        return new Shrunk(scenario, Schedule.of(picks), finishes, violation, all, critical, others, replays, minimal);
    }

    private boolean begins(int[] schedule, Ending how) {
        ending = how;
        Attempt.Result result = attempt(assembly).run(schedule);
        if (result.violation().isEmpty()) {
            return false;
        }
        picks = result.picks().toArray();
        steps = result.steps();
        bound = PATIENCE * steps;
        return true;
    }

    private long size() {
        return steps * picks.length + turns;
    }

    private Attempt attempt(Assembly of) {
        return new Attempt(of, ending, symptom, bound);
    }

    /** Whether {@code candidate} fails too, and in no more steps: then it is kept. */
    private boolean keeps(int[] candidate) {
        if (stopped.getAsBoolean() || refuted.contains(IntBuffer.wrap(candidate))) {
            return false;
        }
        replays++;
        Attempt.Result result = attempt(assembly).run(candidate);
        if (result.violation().isEmpty() || result.steps() > steps) {
            remember(candidate);
            return false;
        }
        picks = result.picks().toArray();
        steps = result.steps();
        return true;
    }

    private void remember(int[] candidate) {
        remembered += candidate.length;
        if (remembered > MOST_REMEMBERED) {
            forget();
            remembered = candidate.length;
        }
        refuted.add(IntBuffer.wrap(candidate));
    }

    private void forget() {
        refuted.clear();
        remembered = 0;
    }

    private static int[] without(int[] list, IntPredicate dropped) {
        int[] rest = new int[list.length];
        int count = 0;
        for (int i = 0; i < list.length; i++) {
            if (!dropped.test(i)) {
                rest[count++] = list[i];
            }
        }
        return Arrays.copyOf(rest, count);
    }

    /** Whole actors go, those that were picked most often first. */
    private void dropActors() {
        int[] actors = Arrays.stream(picks)
                .distinct()
                .boxed()
                .sorted(Comparator.comparingLong(this::picksOf).reversed())
                .mapToInt(Integer::intValue)
                .toArray();
        for (int actor : actors) {
            int[] before = picks;
            keeps(without(before, i -> before[i] == actor));
        }
    }

    private long picksOf(int actor) {
        return Arrays.stream(picks).filter(pick -> pick == actor).count();
    }

    /** Delta debugging: chunks go, ever smaller ones. */
    private void dropPicks() {
        int chunks = 2;
        while (picks.length > 0 && !stopped.getAsBoolean()) {
            int length = (picks.length + chunks - 1) / chunks;
            boolean shorter = false;
            for (int start = 0; start < picks.length; ) {
                int from = start;
                int to = Math.min(start + length, picks.length);
                int[] before = picks;
                if (keeps(without(before, i -> i >= from && i < to))) {
                    shorter = true;
                } else {
                    start = to;
                }
            }
            if (length == 1 && !shorter) {
                return;
            }
            chunks = shorter ? Math.max(2, Math.min(chunks, picks.length)) : Math.min(2 * chunks, picks.length);
        }
    }

    /** Turns of one thread are joined where the order between them does not matter. */
    private void joinTurns() {
        TurnJoiner joiner = new TurnJoiner(attempt(assembly), picks, stopped);
        joiner.join();
        picks = joiner.picks();
        turns = joiner.turns();
        replays += joiner.replays();
    }

    /** Parts of the scenario go that the failure does not need; whether one did. */
    private boolean cutScenario() {
        Scenario before = scenario;
        boolean smaller = true;
        while (smaller && !stopped.getAsBoolean()) {
            smaller = ScenarioCuts.of(scenario).anyMatch(this::keepsCut);
        }
        return !scenario.cuts().equals(before.cuts());
    }

    /** Whether {@code candidate} fails too, in no more steps and by the same faults: then it is kept. */
    private boolean keepsCut(Scenario candidate) {
        Scenario larger = scenario;
        Assembly whole = assembly;
        int[] before = picks;
        long stepsBefore = steps;
        if (!keepsScenario(candidate, steps)) {
            return false;
        }
        if (!failsWithoutFaults()) {
            return true;
        }
        scenario = larger;
        assembly = whole;
        picks = before;
        steps = stepsBefore;
        return false;
    }

    /**
     * Whether the run fails on a machine without any fault too, as it may where something is cut that an interrupt needs to be
     * delivered: then it is another failure.
     */
    private boolean failsWithoutFaults() {
        Rules rules = scenario.machine().rules();
        if (rules.faults().isEmpty()) {
            return false;
        }
        Assembly right = ScenarioAssembly.of(scenario.withRules(rules.withoutFaults()));
        Realigned.Labels labels = new Realigned.Labels();
        attempt(assembly).run(picks, labels, PlainSimulation.NOWHERE);
        replays += 1 + Realigned.Driver.values().length;
        return fails(right, picks)
                || Arrays.stream(Realigned.Driver.values())
                        .anyMatch(driver -> fails(right, Realigned.of(picks, labels.list(), right, driver)));
    }

    private boolean fails(Assembly of, int[] schedule) {
        return attempt(of).run(schedule).violation().isPresent();
    }

    /** Faults go that the failure does not need, also where it takes more steps without them; whether one did. */
    private boolean dropFaults() {
        boolean dropped = false;
        for (Fault fault : scenario.machine().rules().faults()) {
            Scenario candidate = scenario.withRules(scenario.machine().rules().without(fault));
            dropped |= keepsScenario(candidate, bound) || !stopped.getAsBoolean() && keepsRealigned(candidate);
        }
        return dropped;
    }

    private boolean keepsRealigned(Scenario candidate) {
        Realigned.Labels labels = new Realigned.Labels();
        attempt(assembly).run(picks, labels, PlainSimulation.NOWHERE);
        Assembly other = ScenarioAssembly.of(candidate);
        int[] before = picks;
        replays++;
        return Arrays.stream(Realigned.Driver.values())
                .anyMatch(driver -> keeps(candidate, other, Realigned.of(before, labels.list(), other, driver), bound));
    }

    /** Whether {@code candidate} fails too, and in at most {@code most} steps: then it is kept. */
    private boolean keepsScenario(Scenario candidate, long most) {
        if (stopped.getAsBoolean()) {
            return false;
        }
        int[] renamed = Components.of(scenario).renamed(picks, Components.of(candidate));
        return keeps(candidate, ScenarioAssembly.of(candidate), renamed, most);
    }

    @SuppressWarnings("TooManyParameters") // a run, and what it may cost
    private boolean keeps(Scenario candidate, Assembly of, int[] schedule, long most) {
        replays++;
        Attempt.Result result = attempt(of).run(schedule);
        if (result.violation().isEmpty() || result.steps() > most) {
            return false;
        }
        scenario = candidate;
        assembly = of;
        picks = result.picks().toArray();
        steps = result.steps();
        forget();
        return true;
    }
}
