package org.vcpusim.schedule;

import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** No strategy lets an actor that loops keep another waiting for ever. */
class FairnessTest {
    private static final long BOUND = 50_000;
    private static final int ROOT_SEEDS = 20;
    private static final int SCHEDULES = 50;

    /**
     * The spinner goes round until the late one has run. The early one sends once, and once more unless the spinner has run in
     * between: a trial that showed its second step says nothing of a run in which there is none.
     */
    private static final class Spin implements Steps {
        private static final int SPINNER = 0;
        private static final int EARLY = 1;
        private static final int LATE = 2;
        private static final int RECEIVER = 3;

        private int earlySteps;
        private boolean secondMissed;
        private boolean lateHasRun;

        @Override
        public int actorCount() {
            return RECEIVER + 1;
        }

        @Override
        public void reset() {
            earlySteps = 0;
            secondMissed = false;
            lateHasRun = false;
        }

        @Override
        public boolean ready(int actor) {
            return switch (actor) {
                case SPINNER, LATE -> !lateHasRun;
                case EARLY -> !lateHasRun && (earlySteps == 0 || earlySteps == 1 && !secondMissed);
                default -> false;
            };
        }

        @Override
        public void step(int actor, Sends sends) {
            if (actor == SPINNER) {
                sends.to(SPINNER);
                secondMissed |= earlySteps == 1;
                return;
            }
            sends.to(RECEIVER);
            if (actor == LATE) {
                lateHasRun = true;
            } else {
                earlySteps++;
            }
        }
    }

    @ParameterizedTest
    @EnumSource(StrategyKind.class)
    void anActorThatLoopsKeepsNobodyWaitingForEver(StrategyKind kind) {
        Spin program = new Spin();
        Strategy strategy = Strategies.of(kind, program.actorCount());
        for (long rootSeed = 0; rootSeed < ROOT_SEEDS; rootSeed++) {
            Steps.trials(program, strategy, rootSeed, BOUND);
            for (long index = 0; index < SCHEDULES; index++) {
                Steps.run(program, strategy, rootSeed, index, BOUND);
                assertTrue(program.lateHasRun, kind + ", root seed " + rootSeed + ", schedule " + index);
            }
        }
    }
}
