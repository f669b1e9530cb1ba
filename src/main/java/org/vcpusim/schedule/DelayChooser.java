package org.vcpusim.schedule;

/**
 * Delay bounding: a fixed order, from which a few delays at random choices depart.
 *
 * <p>The fixed order gives the actors turns by index. A turn lasts while its actor is ready, and at most so many
 * choices as the schedule allows: 1, 2, 4, 8, 16 or 32, one after the other from schedule to schedule, so that a
 * vCPU that loops for ever keeps nobody waiting for ever. A delay ends the turn of the actor about to run before it does.
 * With D delays in 1..k there are at most (k + 1)^D schedules a length of turns, however many actors there are; D goes
 * through 1..4, k comes from trials.
 *
 * <p>Source: M. Emmi, S. Qadeer, Z. Rakamaric, "Delay-Bounded Scheduling", POPL 2011; its order has turns without end.
 */
final class DelayChooser implements Strategy {
    /** Numbers of delays go from 1 to this. */
    static final int MAX_DELAYS = 4;

    /** Lengths of turns are powers of two, from 2^0 to 2^(this - 1). */
    static final int TURN_LENGTHS = 6;

    private static final int GUESSED_CHOICES_PER_ACTOR = 16;
    private static final int NOBODY = -1;

    private final SeededRandom random = new SeededRandom(0);
    private final Profile profile;
    private final int guessedChoices;
    private final int[] delayAt = new int[MAX_DELAYS];
    private int delays;
    private int turnLength;
    private int inTurn;
    private int chosenInTurn;
    private long choice;

    DelayChooser(Profile profile, int actorCount) {
        this.profile = profile;
        guessedChoices = GUESSED_CHOICES_PER_ACTOR * actorCount;
    }

    @Override
    public void begin(long rootSeed, long index) {
        int turnLog2 = (int) Long.remainderUnsigned(index, TURN_LENGTHS);
        int count = 1 + (int) Long.remainderUnsigned(Long.divideUnsigned(index, TURN_LENGTHS), MAX_DELAYS);
        begin(RandomStream.seed(rootSeed, index), count, 1 << turnLog2);
    }

    /** Begins a schedule with {@code count} delays, 0 to {@link #MAX_DELAYS}, and turns of {@code length} choices. */
    void begin(long seed, int count, int length) {
        random.restart(seed);
        delays = count;
        turnLength = length;
        inTurn = NOBODY;
        chosenInTurn = 0;
        choice = 0;
        int k = profile.choices(guessedChoices);
        for (int i = 0; i < delays; i++) {
            delayAt[i] = 1 + random.nextInt(k);
        }
    }

    /** How many delays the schedule has. */
    int delays() {
        return delays;
    }

    @Override
    public int choose(Ready ready) {
        if (ready.size() == 1) {
            take(ready.actor(0));
            return 0;
        }
        choice++;
        int position = chosenInTurn < turnLength ? ready.positionOf(inTurn) : NOBODY;
        if (position == NOBODY) {
            position = following(inTurn, ready);
            chosenInTurn = 0;
        }
        for (int i = 0; i < delays; i++) {
            if (delayAt[i] == choice) {
                position = following(ready.actor(position), ready);
                chosenInTurn = 0;
            }
        }
        take(ready.actor(position));
        return position;
    }

    private void take(int actor) {
        chosenInTurn = actor == inTurn ? chosenInTurn + 1 : 1;
        inTurn = actor;
    }

    /** The position of the ready actor with the next higher index than {@code actor}, or the lowest if there is none. */
    private static int following(int actor, Ready ready) {
        int next = NOBODY;
        int lowest = 0;
        for (int position = 0; position < ready.size(); position++) {
            int other = ready.actor(position);
            if (other < ready.actor(lowest)) {
                lowest = position;
            }
            if (other > actor && (next == NOBODY || other < ready.actor(next))) {
                next = position;
            }
        }
        return next == NOBODY ? lowest : next;
    }

    @Override
    public void end(long steps) {}

    @Override
    public String name() {
        return StrategyKind.DELAY.label();
    }
}
