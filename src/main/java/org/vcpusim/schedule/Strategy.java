package org.vcpusim.schedule;

/**
 * A chooser for many schedules: which orders it prefers, and with which probability, is what makes one strategy differ from
 * another.
 *
 * <p>A schedule is a function of the program, the root seed and the schedule's index, whatever ran before it: schedule 17 of
 * a sweep is schedule 17 alone, and two threads that share the indices find together what one finds. So a strategy learns
 * nothing from the schedules of a sweep. What it has to know of the program (how many choices a run has, how many steps an
 * actor) it learns from {@link #trials}, schedules of their own that belong to the root seed.
 *
 * <pre>{@code
 * for (long index = -strategy.trials(); index < count; index++) {
 *     strategy.begin(rootSeed, index);
 *     long steps = ... // a run in which the strategy chooses
 *     strategy.end(steps);
 * }
 * }</pre>
 *
 * <p>Not for several threads at once.
 */
public interface Strategy extends Chooser {
    /**
     * The next choices are those of schedule {@code index} of {@code rootSeed}. A negative index is a trial; another root
     * seed than before makes the strategy forget its trials.
     */
    void begin(long rootSeed, long index);

    /**
     * The schedule has ended.
     *
     * @param steps messages handled in it
     */
    void end(long steps);

    /** The name by which users ask for it, see {@link StrategyKind}. */
    String name();

    /** How many trials it needs: indices -{@code trials()} to -1, in this order. Without them it guesses, and is weaker. */
    default int trials() {
        return 0;
    }

    /** The strategy that schedule {@code index} is really of: a member's name where this one is made of several. */
    default String nameAt(long index) {
        return name();
    }
}
