package org.vcpusim.schedule;

import java.util.Arrays;

/**
 * Partial order sampling: every pending event has a random priority, the highest runs, and those that race with it draw
 * again.
 *
 * <p>A pending event is the next step of a ready actor. Mailboxes are first in first out, so what is left to order is who
 * sends first: two steps race if they send to the same actor, itself included, or if one is the next step of an actor to
 * which the other sends. Where the step that ran sent is known. Where a pending step will send is not; it is taken to be
 * where the last step of its actor in this schedule sent, which is right for an actor that goes on by sending to itself and
 * for a second message to the same target, and a guess otherwise. An actor that has not run yet is taken to send to nobody:
 * it keeps its priority, so that a late start stays as likely as an early one. A wrong guess makes one draw depend on
 * another; every order stays possible.
 *
 * <p>Source: X. Yuan, J. Yang, R. Gu, "Partial Order Aware Concurrency Sampling", CAV 2018.
 */
final class PosChooser implements Strategy {
    /** Receivers of one step that are kept apart; a step with more races with every other. */
    private static final int FAN = 4;

    private static final int NOBODY = -1;

    private final SeededRandom random = new SeededRandom(0);
    private final Priorities priorities;

    /** Receivers of the last step of each actor, {@link #FAN} slots an actor. */
    private int[] receivers;

    /** How many there were; more than {@link #FAN} races with all. */
    private int[] receiverCount;

    /** In which step an actor was last sent to. */
    private long[] reachedAt;

    private long step;
    private int last = NOBODY;

    PosChooser(int actorCount) {
        priorities = new Priorities(actorCount, random);
        receivers = new int[FAN * actorCount];
        receiverCount = new int[actorCount];
        reachedAt = new long[actorCount];
    }

    @Override
    public void begin(long rootSeed, long index) {
        random.restart(RandomStream.seed(rootSeed, index));
        priorities.draw();
        Arrays.fill(receiverCount, 0);
        last = NOBODY;
        step++;
    }

    @Override
    public int choose(Ready ready) {
        if (last != NOBODY && receiverCount[last] > 0) {
            drawAgain(ready);
        }
        int best = priorities.highest(ready);
        last = ready.actor(best);
        reserve(last);
        receiverCount[last] = 0;
        priorities.draw(last);
        step++;
        return best;
    }

    private void drawAgain(Ready ready) {
        for (int position = 0; position < ready.size(); position++) {
            int actor = ready.actor(position);
            if (actor != last && races(actor)) {
                priorities.draw(actor);
            }
        }
    }

    private boolean races(int actor) {
        if (actor >= receiverCount.length) {
            return false; // it has never run, and nobody has sent to it
        }
        if (reachedAt[actor] == step || receiverCount[actor] > FAN || receiverCount[last] > FAN) {
            return true;
        }
        for (int i = 0; i < receiverCount[actor]; i++) {
            if (reachedAt[receivers[FAN * actor + i]] == step) {
                return true;
            }
        }
        return false;
    }

    @Override
    public boolean wantsSends() {
        return true;
    }

    @Override
    public void sent(int from, int to) {
        reserve(Math.max(from, to));
        if (receiverCount[from] < FAN) {
            receivers[FAN * from + receiverCount[from]] = to;
        }
        receiverCount[from]++;
        reachedAt[to] = step;
    }

    private void reserve(int actor) {
        if (actor >= receiverCount.length) {
            int size = Math.max(actor + 1, 2 * receiverCount.length);
            receivers = Arrays.copyOf(receivers, FAN * size);
            receiverCount = Arrays.copyOf(receiverCount, size);
            reachedAt = Arrays.copyOf(reachedAt, size);
        }
    }

    @Override
    public void end(long steps) {}

    @Override
    public String name() {
        return StrategyKind.POS.label();
    }
}
