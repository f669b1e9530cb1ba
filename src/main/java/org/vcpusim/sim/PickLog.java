package org.vcpusim.sim;

import java.util.Arrays;
import org.vcpusim.schedule.Chooser;
import org.vcpusim.schedule.Ready;
import org.vcpusim.schedule.RoundRobinChooser;
import org.vcpusim.schedule.Schedule;

/** Writes down what a chooser picks and which trace class that makes, schedule after schedule. */
final class PickLog implements Chooser {
    private static final int INITIAL_CAPACITY = 256;

    private final TraceClass traceClass = new TraceClass();
    private Chooser chooser = RoundRobinChooser.ROUND_ROBIN;
    private boolean choosersWantSends;
    private int[] picked = new int[INITIAL_CAPACITY];
    private int count;

    /** The next pick is the first of a schedule that {@code other} chooses. */
    void begin(Chooser other) {
        chooser = other;
        choosersWantSends = other.wantsSends();
        count = 0;
        traceClass.begin();
    }

    @Override
    public int choose(Ready ready) {
        int position = chooser.choose(ready);
        if (position == STOP) {
            return STOP;
        }
        int actor = ready.actor(position);
        if (count == picked.length) {
            picked = Arrays.copyOf(picked, 2 * count);
        }
        picked[count] = actor;
        count++;
        traceClass.handles(actor);
        return position;
    }

    @Override
    public boolean wantsSends() {
        return true;
    }

    @Override
    public void sent(int from, int to) {
        traceClass.sent(from, to);
        if (choosersWantSends) {
            chooser.sent(from, to);
        }
    }

    /** What was picked in this schedule. */
    Schedule schedule() {
        return Schedule.ofFirst(count, picked);
    }

    /** See {@link Exploration#traceHash}. */
    long traceHash() {
        return traceClass.hash();
    }
}
