package org.vcpusim.schedule;

/**
 * Picks what still applies of a schedule: a pick whose actor has no message is skipped. So any list of picks is a schedule of
 * any scenario, which is what a shrinker needs that leaves out picks and actors.
 *
 * <p>{@link RecordingChooser} around it writes down what was really picked: those picks replay strictly.
 */
public final class LenientReplay implements Chooser {
    private final Schedule schedule;
    private final Chooser after;
    private int position;
    private int skipped;

    private LenientReplay(Schedule schedule, Chooser after) {
        this.schedule = schedule;
        this.after = after;
    }

    /** Replays {@code schedule}, and ends the run behind its last pick that applies. */
    public static LenientReplay thenStop(Schedule schedule) {
        return new LenientReplay(schedule, ready -> STOP);
    }

    /** Replays {@code schedule}, and goes on with what {@code after} picks. */
    public static LenientReplay then(Schedule schedule, Chooser after) {
        return new LenientReplay(schedule, after);
    }

    @Override
    public int choose(Ready ready) {
        while (position < schedule.size()) {
            int found = ready.positionOf(schedule.actor(position));
            position++;
            if (found >= 0) {
                return found;
            }
            skipped++;
        }
        return after.choose(ready);
    }

    /** How many picks were skipped so far. */
    public int skipped() {
        return skipped;
    }

    @Override
    public boolean wantsSends() {
        return after.wantsSends();
    }

    @Override
    public void sent(int from, int to) {
        after.sent(from, to);
    }
}
