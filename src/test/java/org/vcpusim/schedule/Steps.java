package org.vcpusim.schedule;

import java.util.function.IntPredicate;

/**
 * A program of actors without messages: each is ready or not, and has a step. It runs under a chooser as a scenario does.
 */
interface Steps {
    int actorCount();

    /** Back to the start. */
    void reset();

    boolean ready(int actor);

    /** Runs a step of {@code actor}, which tells {@code sends} to whom it sends. */
    void step(int actor, Sends sends);

    /** Whether to go on. */
    default boolean goesOn() {
        return true;
    }

    /** What a step sends. */
    interface Sends {
        void to(int actor);
    }

    /** Runs {@code program} from its start, at most {@code bound} steps; how many it made. */
    static long run(Steps program, Chooser chooser, long bound) {
        program.reset();
        ReadyList ready = new ReadyList();
        boolean[] listed = new boolean[program.actorCount()];
        int[] running = {0};
        Sends sends = chooser.wantsSends() ? to -> chooser.sent(running[0], to) : to -> {};
        IntPredicate isReady = program::ready;
        long steps = 0;
        list(ready, listed, isReady);
        while (ready.size() > 0 && steps < bound && program.goesOn()) {
            int position = chooser.choose(ready);
            if (position == Chooser.STOP) {
                return steps;
            }
            running[0] = ready.remove(position);
            listed[running[0]] = false;
            program.step(running[0], sends);
            steps++;
            list(ready, listed, isReady);
        }
        return steps;
    }

    /** Takes the actors that became ready into the list, and those that are not any more out of it. */
    private static void list(ReadyList ready, boolean[] listed, IntPredicate isReady) {
        for (int position = ready.size() - 1; position >= 0; position--) {
            int actor = ready.actor(position);
            if (!isReady.test(actor)) {
                ready.remove(position);
                listed[actor] = false;
            }
        }
        for (int actor = 0; actor < listed.length; actor++) {
            if (!listed[actor] && isReady.test(actor)) {
                ready.add(actor);
                listed[actor] = true;
            }
        }
    }

    /** Runs the trials of {@code strategy}. */
    static void trials(Steps program, Strategy strategy, long rootSeed, long bound) {
        for (long index = -strategy.trials(); index < 0; index++) {
            run(program, strategy, rootSeed, index, bound);
        }
    }

    /** Runs schedule {@code index}. */
    static void run(Steps program, Strategy strategy, long rootSeed, long index, long bound) {
        strategy.begin(rootSeed, index);
        strategy.end(run(program, strategy, bound));
    }
}
