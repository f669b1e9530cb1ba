package org.vcpusim.schedule;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** The ready list, and what choosers pick from it. */
class ChooserTest {
    private static final int ACTORS = 40;
    private static final int PICKS = 2_000;

    private static ReadyList ready(int... actors) {
        ReadyList ready = new ReadyList();
        for (int actor : actors) {
            ready.add(actor);
        }
        return ready;
    }

    private static List<Integer> actors(Ready ready) {
        List<Integer> actors = new ArrayList<>();
        for (int i = 0; i < ready.size(); i++) {
            actors.add(ready.actor(i));
        }
        return actors;
    }

    /** All actors are ready; the one that is picked becomes ready again, behind the others. */
    private static List<Integer> picks(Chooser chooser, int count) {
        ReadyList ready = new ReadyList();
        for (int actor = 0; actor < ACTORS; actor++) {
            ready.add(actor);
        }
        List<Integer> picked = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            int actor = ready.remove(chooser.choose(ready));
            picked.add(actor);
            ready.add(actor);
        }
        return picked;
    }

    @Test
    void theReadyListKeepsTheOrderInWhichActorsBecameReady() {
        Random random = new Random(1);
        ReadyList ready = new ReadyList();
        List<Integer> model = new ArrayList<>();
        for (int i = 0; i < PICKS; i++) {
            if (model.isEmpty() || random.nextInt(100) < 52) {
                ready.add(i);
                model.add(i);
            } else {
                int position = random.nextInt(model.size());
                assertEquals(model.remove(position), ready.remove(position));
            }
            assertEquals(model, actors(ready));
        }
        ready.clear();
        assertEquals(List.of(), actors(ready));
    }

    @Test
    void theReadyListRefusesAPositionBehindItsEnd() {
        IndexOutOfBoundsException thrown =
                assertThrows(IndexOutOfBoundsException.class, () -> ready(3, 4).remove(2));
        assertEquals("position = 2: must be 0 to 1", thrown.getMessage());
    }

    @Test
    void roundRobinLetsAllTakeTurns() {
        List<Integer> picked = picks(RoundRobinChooser.ROUND_ROBIN, 2 * ACTORS);
        assertEquals(picked.subList(0, ACTORS), picked.subList(ACTORS, 2 * ACTORS));
        assertEquals(ACTORS, picked.stream().distinct().count());
    }

    @Test
    void aRandomChooserDrawsNothingWhereThereIsNoChoice() {
        Chooser one = new RandomChooser(3);
        Chooser other = new RandomChooser(3);
        assertEquals(0, other.choose(ready(9)));
        assertEquals(picks(one, 100), picks(other, 100));
    }

    @Test
    void aReplayPicksWhatWasRecorded() {
        RecordingChooser recording = new RecordingChooser(new RandomChooser(5));
        List<Integer> picked = picks(recording, PICKS);
        Schedule schedule = recording.schedule();
        assertEquals(Schedule.of(picked.stream().mapToInt(Integer::intValue).toArray()), schedule);
        assertEquals(picked, picks(new ReplayChooser(schedule), PICKS));
    }

    @Test
    void behindItsEndAReplayPicksTheActorThatHasBeenReadyLongest() {
        ReplayChooser replay = new ReplayChooser(Schedule.of(6));
        assertEquals(1, replay.choose(ready(5, 6)));
        assertEquals(0, replay.choose(ready(7, 6)));
    }
}
