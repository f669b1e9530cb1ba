package org.vcpusim.schedule;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

/** With which probability strategies choose which order: random walk, URW, SURW and POS against what is known of them. */
class SamplingTest {
    private static final int SCHEDULES = 60_000;
    private static final int B = 1;
    private static final int C = 2;
    private static final int NOBODY = Chains.NOBODY;

    private static Map<String, Integer> counts(
            StrategyKind kind, Chains chains, Function<Chains, List<Integer>> observed) {
        Strategy strategy = Strategies.of(kind, chains.actorCount());
        Steps.trials(chains, strategy, 1, Long.MAX_VALUE);
        Map<String, Integer> counts = new TreeMap<>();
        for (long index = 0; index < SCHEDULES; index++) {
            Steps.run(chains, strategy, 1, index, Long.MAX_VALUE);
            counts.merge(letters(observed.apply(chains)), 1, Integer::sum);
        }
        return counts;
    }

    private static String letters(List<Integer> order) {
        StringBuilder letters = new StringBuilder();
        order.forEach(actor -> letters.append((char) ('A' + actor)));
        return letters.toString();
    }

    /** Pearson's statistic: with {@code expected} true it is about the number of its entries less one. */
    private static double chiSquare(Map<String, Double> expected, Map<String, Integer> counts) {
        double sum = 0;
        for (Map.Entry<String, Double> entry : expected.entrySet()) {
            double mean = SCHEDULES * entry.getValue();
            double off = counts.getOrDefault(entry.getKey(), 0) - mean;
            sum += off * off / mean;
        }
        return sum;
    }

    private static void assertDistributed(Map<String, Double> expected, Map<String, Integer> counts) {
        assertEquals(1, expected.values().stream().mapToDouble(p -> p).sum(), 1e-9);
        assertTrue(expected.keySet().containsAll(counts.keySet()), "only " + expected.keySet() + ": " + counts);
        double freedom = expected.size() - 1;
        double limit = freedom + 4 * Math.sqrt(2 * freedom);
        assertTrue(chiSquare(expected, counts) < limit, chiSquare(expected, counts) + " of " + limit + ": " + counts);
    }

    private static Map<String, Double> uniform(Map<String, Integer> counts, int orders) {
        assertEquals(orders, counts.size());
        Map<String, Double> expected = new LinkedHashMap<>();
        counts.keySet().forEach(order -> expected.put(order, 1.0 / orders));
        return expected;
    }

    /** With two chains left a step costs 1/2, with one it is free. */
    @Test
    void aRandomWalkTakesEveryReadyActorWithTheSameProbability() {
        Map<String, Integer> counts = counts(StrategyKind.RANDOM, Chains.ofLengths(2, 3), Chains::order);
        assertDistributed(
                Map.of(
                        "AABBB", 1 / 4.0,
                        "ABABB", 1 / 8.0,
                        "ABBAB", 1 / 16.0,
                        "ABBBA", 1 / 16.0,
                        "BAABB", 1 / 8.0,
                        "BABAB", 1 / 16.0,
                        "BABBA", 1 / 16.0,
                        "BBAAB", 1 / 16.0,
                        "BBABA", 1 / 16.0,
                        "BBBAA", 1 / 8.0),
                counts);
    }

    @Test
    void theUniformRandomWalkTakesEveryInterleavingWithTheSameProbability() {
        Chains chains = Chains.ofLengths(2, 3, 1);
        Map<String, Integer> counts = counts(StrategyKind.URW, chains, Chains::order);
        Map<String, Double> expected = uniform(counts, 60);
        assertDistributed(expected, counts);
        assertTrue(chiSquare(expected, counts(StrategyKind.RANDOM, chains, Chains::order)) > SCHEDULES / 10.0);
    }

    /** A and B work long beside the two or one steps that all three send to the same receiver. */
    @Test
    void theSelectiveWalkIsUniformOverTheOrdersOfSharedSteps() {
        int r = 3;
        Chains chains = new Chains(false, new int[] {NOBODY, r, NOBODY, NOBODY, NOBODY, r}, new int[] {r}, new int[] {
            NOBODY, NOBODY, r, NOBODY
        });
        Function<Chains, List<Integer>> observed = run -> run.orderAt(r);
        Map<String, Integer> counts = counts(StrategyKind.SURW, chains, observed);
        Map<String, Double> expected = uniform(counts, 12);
        assertDistributed(expected, counts);
        assertTrue(chiSquare(expected, counts(StrategyKind.URW, chains, observed)) > SCHEDULES / 10.0);
    }

    /** A step to a receiver of its own is no shared one: only A's first and B's first are. */
    @Test
    void aStepIsSharedOnlyWhereOthersSendToTheSameReceiver() {
        Chains chains = new Chains(false, new int[] {3, 4, 4, 4, 4}, new int[] {3}, new int[] {5, 5, 5});
        Map<String, Integer> counts = counts(StrategyKind.SURW, chains, run -> run.orderAt(3));
        assertDistributed(Map.of("AB", 0.5, "BA", 0.5), counts);
    }

    /** What races draws again, so that each choice is a fresh coin: the random walk over those that race. */
    @Test
    void partialOrderSamplingDrawsAgainForWhatRaces() {
        Chains chains = new Chains(true, new int[] {2, 2, 2}, new int[] {2, 2, 2});
        Map<String, Integer> counts = counts(StrategyKind.POS, chains, Chains::order);
        assertDistributed(
                Map.of(
                        "ABAABB", 1 / 4.0,
                        "ABABAB", 1 / 8.0,
                        "ABABBA", 1 / 8.0,
                        "ABBBAA", 1 / 4.0,
                        "ABBABA", 1 / 8.0,
                        "ABBAAB", 1 / 8.0),
                counts);
    }

    /** What does not race keeps its priority: AABB needs B's first below both of A, one order of three in 3!. */
    @Test
    void partialOrderSamplingKeepsThePrioritiesOfWhatDoesNotRace() {
        Chains chains = new Chains(true, new int[] {2, 2, 2}, new int[] {3, 3, 3});
        Map<String, Integer> counts = counts(StrategyKind.POS, chains, Chains::order);
        assertDistributed(
                Map.of(
                        "ABAABB", 1 / 3.0,
                        "ABABAB", 1 / 24.0,
                        "ABABBA", 1 / 8.0,
                        "ABBBAA", 1 / 3.0,
                        "ABBABA", 1 / 24.0,
                        "ABBAAB", 1 / 8.0),
                counts);
    }

    /** B keeps its priority until it has run once, although A sends where B will; then what races draws again. */
    @Test
    void partialOrderSamplingLetsAnActorStartLate() {
        Chains chains = new Chains(false, new int[] {2, 2}, new int[] {2, 2});
        Map<String, Integer> counts = counts(StrategyKind.POS, chains, Chains::order);
        assertDistributed(
                Map.of(
                        "AABB", 1 / 3.0,
                        "ABAB", 1 / 12.0,
                        "ABBA", 1 / 12.0,
                        "BBAA", 1 / 3.0,
                        "BABA", 1 / 12.0,
                        "BAAB", 1 / 12.0),
                counts);
    }

    @Test
    void partialOrderSamplingTakesEveryOrderAtOneReceiverWithTheSameProbability() {
        Chains chains = new Chains(false, new int[] {4}, new int[] {4}, new int[] {4}, new int[] {4});
        Map<String, Integer> counts = counts(StrategyKind.POS, chains, run -> run.orderAt(4));
        assertDistributed(uniform(counts, 24), counts);
    }

    /** The receiver's own next step is among what races: a step to it makes it draw again. */
    @Test
    void partialOrderSamplingDrawsAgainForTheReceiver() {
        Chains sendToB = new Chains(true, new int[] {B, B, B}, new int[] {C, C, C}, new int[] {C});
        Map<String, Integer> counts = counts(StrategyKind.POS, sendToB, Chains::order);
        double first = counts.entrySet().stream()
                .filter(entry -> entry.getKey().startsWith("ABCA"))
                .mapToInt(Map.Entry::getValue)
                .sum();
        double thenAgain = counts.getOrDefault("ABCAABB", 0);
        assertEquals(1 / 2.0, first / SCHEDULES, 0.01);
        assertEquals(1 / 2.0, thenAgain / first, 0.01);
    }
}
