package org.vcpusim.sim;

import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.vcpusim.schedule.SeededRandom;

/** Whether a failure needs the order in which it was found: other orders of the same machine, drawn at random. */
final class OtherOrders {
    private static final int ORDERS = 32;
    /** Fewer say nothing. */
    private static final int FEWEST = 8;
    /** Steps of all of them together, for runs that are not short. */
    private static final long MOST_STEPS = 2_000_000;
    /** Picks of an order, as a multiple of the steps that the failing run took; those of who has no message are passed over. */
    private static final int PICKS = 8;

    private OtherOrders() {}

    /** How many orders {@code attempt} was given, each of which fails too; 0 where one does not, or too few can be tried. */
    static int allFailing(Attempt attempt, int components, long steps, BooleanSupplier stopped) {
        int orders = (int) Math.min(ORDERS, MOST_STEPS / (1 + steps));
        SeededRandom random = new SeededRandom(steps);
        boolean all = orders >= FEWEST
                && IntStream.range(0, orders)
                        .allMatch(order -> !stopped.getAsBoolean()
                                && attempt.run(picks(random, components, (int) (PICKS * steps)))
                                        .violation()
                                        .isPresent());
        return all ? orders : 0;
    }

    private static int[] picks(SeededRandom random, int components, int count) {
        return IntStream.generate(() -> random.nextInt(components)).limit(count).toArray();
    }
}
