package org.vcpusim.sim;

import java.util.ArrayList;
import java.util.List;
import org.vcpusim.schedule.Chooser;
import org.vcpusim.schedule.RandomChooser;
import org.vcpusim.schedule.Ready;

/**
 * Who tells whom in one schedule of a machine, without what they say.
 *
 * <p>Actor {@code a} answers the {@code i}-th message that it handles with one to each of {@code receivers[a][i]}. That much
 * does not depend on the order in which actors are picked, so that actors which keep to it exchange the same number of
 * messages in every order.
 */
final class Conversation {
    private static final long SEED = 1;
    private static final int[] NOBODY = {};

    private final int[][][] receivers;
    private final List<Integer> openings;

    private Conversation(int[][][] receivers, List<Integer> openings) {
        this.receivers = receivers;
        this.openings = openings;
    }

    /** The conversation of {@code machine} in a random order, with its audit. */
    static Conversation of(Explorer explorer, Assembly machine, long steps) {
        Listener listener = new Listener(explorer.actorCount(machine));
        explorer.explore(machine, Explorer.Ending.atRest(steps), listener);
        return listener.conversation();
    }

    /** Writes a conversation down while it is held. */
    private static final class Listener implements Chooser {
        private final RandomChooser random = new RandomChooser(SEED);
        private final List<List<List<Integer>>> receivers = new ArrayList<>();
        private final List<Integer> openings = new ArrayList<>();
        private int underWay;

        Listener(int actors) {
            for (int i = 0; i < actors; i++) {
                receivers.add(new ArrayList<>());
            }
        }

        @Override
        public int choose(Ready ready) {
            int position = random.choose(ready);
            int actor = ready.actor(position);
            receivers.get(actor).add(new ArrayList<>());
            if (underWay == 0) {
                openings.add(actor);
            } else {
                underWay--;
            }
            return position;
        }

        @Override
        public boolean wantsSends() {
            return true;
        }

        @Override
        public void sent(int from, int to) {
            List<List<Integer>> handled = receivers.get(from);
            handled.get(handled.size() - 1).add(to);
            underWay++;
        }

        Conversation conversation() {
            int[][][] all = receivers.stream()
                    .map(handled -> handled.stream()
                            .map(each -> each.isEmpty()
                                    ? NOBODY
                                    : each.stream().mapToInt(Integer::intValue).toArray())
                            .toArray(int[][]::new))
                    .toArray(int[][][]::new);
            return new Conversation(all, List.copyOf(openings));
        }
    }

    /** How many actors take part. */
    int actors() {
        return receivers.length;
    }

    /** Whom messages from outside go to, each when the ones before have led to nothing more. */
    List<Integer> openings() {
        return openings;
    }

    /** Whom {@code actor} tells something when it handles its message {@code count}, counted from 0. */
    int[] receivers(int actor, int count) {
        return receivers[actor][count];
    }

    /** How many messages are handled. */
    long messages() {
        long sum = 0;
        for (int actor = 0; actor < receivers.length; actor++) {
            sum += messages(actor);
        }
        return sum;
    }

    /** How many messages {@code actor} handles. */
    int messages(int actor) {
        return receivers[actor].length;
    }
}
