package org.vcpusim.schedule;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** How many schedules a number of delays allows, and the order without delays. */
class DelayChooserTest {
    private static final int SEEDS = 20_000;

    private static Profile profileOf(int choices) {
        Profile profile = new Profile(1);
        profile.beginTrial();
        for (int i = 0; i < choices; i++) {
            profile.picked(0, 2);
        }
        profile.endTrial();
        return profile;
    }

    private static Set<List<Integer>> orders(Chains chains, int choices, int delays, int turnLength) {
        DelayChooser chooser = new DelayChooser(profileOf(choices), chains.actorCount());
        Set<List<Integer>> orders = new HashSet<>();
        for (long seed = 0; seed < SEEDS; seed++) {
            chooser.begin(SeededRandom.mix(seed), delays, turnLength);
            Steps.run(chains, chooser, Long.MAX_VALUE);
            orders.add(chains.order());
        }
        return orders;
    }

    private static Chains chains(int actors, int length) {
        int[] lengths = new int[actors];
        Arrays.fill(lengths, length);
        return Chains.ofLengths(lengths);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            # turn | order of three actors with three steps each
            1      | [0, 1, 2, 0, 1, 2, 0, 1, 2]
            2      | [0, 0, 1, 1, 2, 2, 0, 1, 2]
            4      | [0, 0, 0, 1, 1, 1, 2, 2, 2]
            """)
    void withoutDelaysActorsTakeTurnsByIndex(int turnLength, String order) {
        Set<List<Integer>> orders = orders(chains(3, 3), 8, 0, turnLength);
        assertEquals(order, orders.iterator().next().toString());
        assertEquals(1, orders.size());
    }

    /** One delay at each of the eleven choices of twelve steps, however the steps are spread over actors. */
    @ParameterizedTest
    @CsvSource({"3, 4", "6, 2"})
    void oneDelayGivesOneScheduleAChoice(int actors, int length) {
        Set<List<Integer>> orders = orders(chains(actors, length), 11, 1, 1);
        assertEquals(11, orders.size());
        assertTrue(Collections.disjoint(orders, orders(chains(actors, length), 11, 0, 1)));
    }

    @ParameterizedTest
    @CsvSource({"3, 4", "6, 2"})
    void twoDelaysGiveAtMostAScheduleAPairOfChoices(int actors, int length) {
        int count = orders(chains(actors, length), 11, 2, 1).size();
        assertTrue(count > 44 && count <= 11 * 12 / 2, count + " schedules");
    }

    @Test
    void theNumberOfDelaysGoesThroughItsRange() {
        for (int block = 0; block < 2 * DelayChooser.MAX_DELAYS; block++) {
            DelayChooser chooser = new DelayChooser(profileOf(11), 3);
            chooser.begin(9, (long) block * DelayChooser.TURN_LENGTHS);
            assertEquals(1 + block % DelayChooser.MAX_DELAYS, chooser.delays());
        }
    }

    @Test
    void turnsGoThroughTheirRange() {
        Chains chains = chains(3, 40);
        DelayChooser chooser = new DelayChooser(profileOf(100), 3);
        int[] firstTurns = new int[DelayChooser.TURN_LENGTHS];
        for (long index = 0; index < DelayChooser.TURN_LENGTHS; index++) {
            chooser.begin(9, index);
            Steps.run(chains, chooser, Long.MAX_VALUE);
            List<Integer> order = chains.order();
            int turn = 0;
            while (order.get(turn).equals(order.get(0))) {
                turn++;
            }
            firstTurns[(int) index] = turn;
        }
        assertEquals("[1, 2, 4, 8, 16, 32]", Arrays.toString(firstTurns));
    }
}
