package org.vcpusim.schedule;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Actors that each have so many steps to make, and are ready until they have. A step sends to an actor that never runs, or
 * to nobody.
 */
final class Chains implements Steps {
    static final int NOBODY = -1;

    private final int[][] receivers;
    private final boolean firstStepsApart;
    private final int actorCount;
    private final int[] made;
    private final List<Integer> order = new ArrayList<>();

    /**
     * A chain for each row of {@code receivers}: to whom its steps send.
     *
     * @param firstStepsApart whether the first step of every chain is forced, one chain after the other
     */
    Chains(boolean firstStepsApart, int[]... receivers) {
        this.receivers = receivers;
        this.firstStepsApart = firstStepsApart;
        int highest = receivers.length - 1;
        for (int[] row : receivers) {
            highest = Math.max(highest, Arrays.stream(row).max().orElse(0));
        }
        actorCount = highest + 1;
        made = new int[receivers.length];
    }

    /** Chains of {@code lengths} steps that send to nobody. */
    static Chains ofLengths(int... lengths) {
        int[][] receivers = new int[lengths.length][];
        for (int i = 0; i < lengths.length; i++) {
            receivers[i] = new int[lengths[i]];
            Arrays.fill(receivers[i], NOBODY);
        }
        return new Chains(false, receivers);
    }

    @Override
    public int actorCount() {
        return actorCount;
    }

    @Override
    public void reset() {
        Arrays.fill(made, 0);
        order.clear();
    }

    @Override
    public boolean ready(int actor) {
        if (actor >= receivers.length || made[actor] == receivers[actor].length) {
            return false;
        }
        for (int other = 0; firstStepsApart && other < made.length; other++) {
            if (made[other] == 0) {
                return other == actor;
            }
        }
        return true;
    }

    @Override
    public void step(int actor, Sends sends) {
        int receiver = receivers[actor][made[actor]];
        made[actor]++;
        order.add(actor);
        if (receiver != NOBODY) {
            sends.to(receiver);
        }
    }

    /** Who made the steps so far. */
    List<Integer> order() {
        return List.copyOf(order);
    }

    /** Who made the steps so far that sent to {@code receiver}. */
    List<Integer> orderAt(int receiver) {
        List<Integer> senders = new ArrayList<>();
        int[] seen = new int[made.length];
        for (int actor : order) {
            if (receivers[actor][seen[actor]] == receiver) {
                senders.add(actor);
            }
            seen[actor]++;
        }
        return senders;
    }

    /** The position in the order of step {@code step} of {@code actor}, both from 0. */
    int position(int actor, int step) {
        int seen = 0;
        for (int position = 0; position < order.size(); position++) {
            if (order.get(position) == actor) {
                if (seen == step) {
                    return position;
                }
                seen++;
            }
        }
        throw new IllegalArgumentException("actor " + actor + " made no step " + step);
    }
}
