package org.vcpusim.sim;

import java.util.stream.IntStream;

/** Steps of two threads, one behind the other, the other way round. */
final class Exchange {
    private Exchange() {}

    /** Those {@code behind}, then those {@code before}. */
    static int[] of(int[] before, int[] behind) {
        return IntStream.concat(IntStream.of(behind), IntStream.of(before)).toArray();
    }

    /**
     * Those {@code behind} as early as mailboxes let them: where one of them is a message to a component that has one of its own
     * {@code before} that, this one has to be taken first.
     */
    static int[] woven(int[] before, int[] behind) {
        IntStream.Builder order = IntStream.builder();
        int taken = 0;
        for (int step : behind) {
            int own = taken;
            while (own < before.length && before[own] != step) {
                own++;
            }
            for (; own < before.length && taken <= own; taken++) {
                order.add(before[taken]);
            }
            order.add(step);
        }
        for (; taken < before.length; taken++) {
            order.add(before[taken]);
        }
        return order.build().toArray();
    }
}
