package org.vcpusim.schedule;

/** Picks what a schedule says, and nothing else; behind its end, what another chooser does. */
public final class ReplayChooser implements Chooser {
    private static final int SHOWN = 5;

    private final Schedule schedule;
    private final Chooser after;
    private int position;

    /** Replays {@code schedule} from its start, and goes on with the actor that has been ready longest. */
    public ReplayChooser(Schedule schedule) {
        this(schedule, RoundRobinChooser.ROUND_ROBIN);
    }

    /** Replays {@code schedule} from its start, and goes on with what {@code after} picks. */
    public ReplayChooser(Schedule schedule, Chooser after) {
        this.schedule = schedule;
        this.after = after;
    }

    /** Throws MisfitException where the actor to pick is not ready: the schedule is of another run. */
    @Override
    public int choose(Ready ready) {
        if (position >= schedule.size()) {
            return after.choose(ready);
        }
        int found = ready.positionOf(schedule.actor(position));
        if (found < 0) {
            throw new MisfitException(mismatch(ready));
        }
        position++;
        return found;
    }

    private String mismatch(Ready ready) {
        StringBuilder text = new StringBuilder("pick ")
                .append(position)
                .append(" of the schedule is actor ")
                .append(schedule.actor(position))
                .append(", which has no message: must be one of");
        for (int i = 0; i < ready.size(); i++) {
            text.append(' ').append(ready.actor(i));
        }
        text.append("; the picks before it were");
        for (int i = Math.max(0, position - SHOWN); i < position; i++) {
            text.append(' ').append(schedule.actor(i));
        }
        return text.append(position == 0 ? " none" : "")
                .append(". Is it a schedule of this scenario and these options?")
                .toString();
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
