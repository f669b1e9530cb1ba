package org.vcpusim.schedule;

/** Picks what a schedule says; behind its end, the actor that has been ready longest. */
public final class ReplayChooser implements Chooser {
    private final Schedule schedule;
    private int position;

    /** Replays {@code schedule} from its start. */
    public ReplayChooser(Schedule schedule) {
        this.schedule = schedule;
    }

    /** Throws IllegalStateException where the actor to pick is not ready: the schedule is of another run. */
    @Override
    public int choose(Ready ready) {
        if (position >= schedule.size()) {
            return 0;
        }
        int wanted = schedule.actor(position);
        for (int i = 0; i < ready.size(); i++) {
            if (ready.actor(i) == wanted) {
                position++;
                return i;
            }
        }
        throw new IllegalStateException("pick " + position + " of the schedule is actor " + wanted
                + ", which has no message: must be a schedule of this scenario");
    }
}
