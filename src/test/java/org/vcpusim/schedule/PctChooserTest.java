package org.vcpusim.schedule;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The bound of PCT on planted bugs, and what fairness is there for. */
class PctChooserTest {
    private static final int ACTORS = 3;
    private static final int LENGTH = 4;
    private static final int CHOICES = ACTORS * LENGTH - 1;
    private static final int SCHEDULES = 40_000;

    private static Profile profileOf(int choices) {
        Profile profile = new Profile(ACTORS);
        profile.beginTrial();
        for (int i = 0; i < choices; i++) {
            profile.picked(0, 2);
        }
        profile.endTrial();
        return profile;
    }

    private static double share(PctChooser chooser, int depth, Predicate<Chains> bug) {
        Chains chains = Chains.ofLengths(LENGTH, LENGTH, LENGTH);
        int found = 0;
        for (long index = 0; index < SCHEDULES; index++) {
            chooser.begin(5, index, depth);
            chooser.end(Steps.run(chains, chooser, Long.MAX_VALUE));
            if (bug.test(chains)) {
                found++;
            }
        }
        return (double) found / SCHEDULES;
    }

    /** Bugs that need 1, 2 and 3 orders of steps to be right; one order less never finds them. */
    private static boolean isHit(Chains run, int depth) {
        int last = LENGTH - 1;
        return switch (depth) {
            case 1 -> run.position(0, 0) > run.position(1, last) && run.position(0, 0) > run.position(2, last);
            case 2 -> run.position(0, 1) < run.position(1, 0) && run.position(1, last) < run.position(0, 2);
            default ->
                run.position(0, 1) < run.position(1, 0)
                        && run.position(1, 1) < run.position(0, 2)
                        && run.position(0, 2) < run.position(1, 2);
        };
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3})
    void aBugOfDepthDIsHitAtLeastAsOftenAsTheBoundSays(int depth) {
        double bound = 1 / (ACTORS * Math.pow(CHOICES, depth - 1));
        double deviation = Math.sqrt(bound * (1 - bound) / SCHEDULES);
        PctChooser chooser = PctChooser.unfair(profileOf(CHOICES), ACTORS);
        double share = share(chooser, depth, run -> isHit(run, depth));
        assertTrue(share >= bound - 3 * deviation, share + " of at least " + bound);
    }

    /** Where no actor is chosen as often as the least patience that is left, fair and unfair are alike. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3})
    void fairnessKeepsTheBoundForThePatienceThatLasts(int depth) {
        double bound = 6 / 8.0 / (ACTORS * Math.pow(CHOICES, depth - 1));
        PctChooser chooser = new PctChooser(profileOf(CHOICES), ACTORS);
        double share = share(chooser, depth, run -> isHit(run, depth));
        assertTrue(share >= bound - 3 * Math.sqrt(bound / SCHEDULES), share + " of at least " + bound);
    }

    @ParameterizedTest
    @CsvSource({"2, 1", "3, 1", "3, 2"})
    void fewerChangePointsThanTheBugIsDeepNeverHitIt(int bug, int depth) {
        PctChooser chooser = PctChooser.unfair(profileOf(CHOICES), ACTORS);
        assertEquals(0, share(chooser, depth, run -> isHit(run, bug)));
    }

    @Test
    void changePointsAreOfChoicesOnly() {
        PctChooser chooser = PctChooser.unfair(profileOf(1), 2);
        ReadyList alone = ready(0);
        ReadyList both = ready(0, 1);
        for (long index = 0; index < 100; index++) {
            chooser.begin(1, index, 1);
            int highest = both.actor(chooser.choose(both));
            chooser.begin(1, index, 2);
            assertEquals(0, chooser.choose(alone));
            int picked = both.actor(chooser.choose(both));
            assertEquals(1 - highest, picked, "the one change point is the first choice, not the first step");
        }
    }

    private static ReadyList ready(int... actors) {
        ReadyList ready = new ReadyList();
        for (int actor : actors) {
            ready.add(actor);
        }
        return ready;
    }

    private static int pick(PctChooser chooser, int... actors) {
        ReadyList ready = ready(actors);
        return ready.actor(chooser.choose(ready));
    }

    /** Where the first two of three fall at the first two choices, the one or the other of them is the lower one. */
    @Test
    void actorsThatFellKeepARandomOrder() {
        PctChooser chooser = PctChooser.unfair(profileOf(2), ACTORS);
        int bothFell = 0;
        int firstIsHigher = 0;
        for (long index = 0; index < 4_000; index++) {
            chooser.begin(6, index, 1);
            int first = pick(chooser, 0, 1, 2);
            int second = pick(chooser, (first + 1) % 3, (first + 2) % 3);
            chooser.begin(6, index, 3);
            if (pick(chooser, 0, 1, 2) == second && pick(chooser, 0, 1, 2) == 3 - first - second) {
                bothFell++;
                firstIsHigher += pick(chooser, first, second) == first ? 1 : 0;
            }
        }
        assertTrue(bothFell > 1_500, bothFell + " schedules in which both fell");
        assertEquals(0.5, (double) firstIsHigher / bothFell, 0.05);
    }

    /** Actors that are always ready, and how long one had to wait. */
    private static final class Endless implements Steps {
        private final int[] lastChosen;
        private int now;
        private int longest;

        Endless(int actorCount) {
            lastChosen = new int[actorCount];
        }

        @Override
        public int actorCount() {
            return lastChosen.length;
        }

        @Override
        public void reset() {
            Arrays.fill(lastChosen, 0);
            now = 0;
            longest = 0;
        }

        @Override
        public boolean ready(int actor) {
            return true;
        }

        @Override
        public void step(int actor, Sends sends) {
            now++;
            longest = Math.max(longest, now - lastChosen[actor]);
            lastChosen[actor] = now;
        }

        int longestWait() {
            return Math.max(longest, now - Arrays.stream(lastChosen).min().orElseThrow());
        }
    }

    @Test
    void nobodyWaitsLongerThanPatienceAllows() {
        Endless program = new Endless(6);
        PctChooser fair = new PctChooser(profileOf(1_000), 6);
        PctChooser unfair = PctChooser.unfair(profileOf(1_000), 6);
        for (long index = 0; index < 300; index++) {
            fair.begin(3, index);
            Steps.run(program, fair, 20_000);
            assertTrue(
                    program.longestWait() <= PctChooser.MAX_DEPTH * (256 * 5 + 1), "waited " + program.longestWait());
            unfair.begin(3, index);
            Steps.run(program, unfair, 20_000);
            assertEquals(20_000, program.longestWait());
        }
    }

    /** Eight vCPUs whose guests exit for ever, and two writers. */
    @Test
    void fairnessFindsTheBugOfTwoUpdatesAmongEndlessVcpusAndPlainPctDoesNot() {
        Handshake handshake = new Handshake(8, 2, true);
        Strategy fair = Strategies.of(StrategyKind.PCT, handshake.actorCount());
        Steps.trials(handshake, fair, 1, 600);
        PctChooser unfair = PctChooser.unfair(new Profile(handshake.actorCount()), handshake.actorCount());
        int foundFair = 0;
        int foundUnfair = 0;
        for (long index = 0; index < 5_000; index++) {
            Steps.run(handshake, fair, 1, index, 600);
            foundFair += handshake.isBroken() ? 1 : 0;
            Steps.run(handshake, unfair, 1, index, 600);
            foundUnfair += handshake.isBroken() ? 1 : 0;
        }
        assertEquals(0, foundUnfair);
        assertTrue(foundFair >= 50, "found " + foundFair + " times");
    }

    @Test
    void anActorNobodyKnewOfGetsARandomRank() {
        PctChooser chooser = PctChooser.unfair(profileOf(5), 3);
        ReadyList ready = ready(0, 1, 2, 3);
        int[] firsts = new int[4];
        for (long index = 0; index < 4_000; index++) {
            chooser.begin(2, index, 1);
            firsts[ready.actor(chooser.choose(ready))]++;
        }
        for (int count : firsts) {
            assertEquals(1_000, count, 150);
        }
    }
}
