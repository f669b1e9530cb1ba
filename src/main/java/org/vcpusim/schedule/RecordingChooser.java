package org.vcpusim.schedule;

import java.util.Arrays;

/** Writes down what another chooser picks. */
public final class RecordingChooser implements Chooser {
    private static final int INITIAL_CAPACITY = 256;

    private final Chooser chooser;
    private int[] picked = new int[INITIAL_CAPACITY];
    private int count;

    /** Records {@code chooser}. */
    public RecordingChooser(Chooser chooser) {
        this.chooser = chooser;
    }

    @Override
    public int choose(Ready ready) {
        int position = chooser.choose(ready);
        if (position == STOP) {
            return STOP;
        }
        if (count == picked.length) {
            picked = Arrays.copyOf(picked, 2 * count);
        }
        picked[count] = ready.actor(position);
        count++;
        return position;
    }

    @Override
    public boolean wantsSends() {
        return chooser.wantsSends();
    }

    @Override
    public void sent(int from, int to) {
        chooser.sent(from, to);
    }

    /** What was picked so far. */
    public Schedule schedule() {
        return Schedule.of(Arrays.copyOf(picked, count));
    }
}
