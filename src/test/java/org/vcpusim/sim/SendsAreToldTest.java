package org.vcpusim.sim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.vcpusim.kvm.Protocol;
import org.vcpusim.schedule.Chooser;
import org.vcpusim.schedule.RandomChooser;
import org.vcpusim.schedule.Ready;
import org.vcpusim.schedule.RecordingChooser;

/** What the controlled executor tells a chooser of messages, and how a chooser ends a run. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class SendsAreToldTest {
    private static final Bounds BOUNDS = Bounds.steps(200_000);

    private ControlledSimulation simulation;

    @BeforeAll
    void start() {
        simulation = new ControlledSimulation();
    }

    @AfterAll
    void stop() {
        simulation.close();
    }

    /** Counts the messages it is told of, by receiver, and checks that the sender is the actor that it picked. */
    private static final class Counting implements Chooser {
        private final Chooser chooser = new RandomChooser(4);
        private final int[] waiting = new int[64];
        private final boolean wants;
        private long sends;
        private long pickBound = Long.MAX_VALUE;
        private int picked = -1;
        private int unannounced;

        Counting(boolean wants) {
            this.wants = wants;
        }

        @Override
        public int choose(Ready ready) {
            if (pickBound == 0) {
                return STOP;
            }
            pickBound--;
            int position = chooser.choose(ready);
            picked = ready.actor(position);
            if (waiting[picked] == 0) {
                unannounced++;
            } else {
                waiting[picked]--;
            }
            return position;
        }

        @Override
        public boolean wantsSends() {
            return wants;
        }

        @Override
        public void sent(int from, int to) {
            assertEquals(picked, from);
            waiting[to]++;
            sends++;
        }
    }

    private RunOutcome run(Chooser chooser) {
        Assembly assembly = Assemblies.affinityMoved(3, Protocol.LOAD_EOI_EXITMAP, 2);
        return simulation.run(assembly, chooser, List.of(new Trace()), BOUNDS);
    }

    /** Two messages come from outside: the start and the audit. */
    @Test
    void everyMessageOfAStepIsTold() {
        Counting counting = new Counting(true);
        RunOutcome outcome = run(new RecordingChooser(counting));
        assertEquals(RunOutcome.End.QUIESCENT, outcome.end());
        assertEquals(outcome.steps(), counting.sends + 2);
        assertEquals(2, counting.unannounced);
    }

    @Test
    void aChooserThatDoesNotWantToKnowIsNotTold() {
        Counting counting = new Counting(false);
        assertTrue(run(counting).steps() > 100);
        assertEquals(0, counting.sends);
    }

    @Test
    void aChooserCanEndTheRun() {
        Counting counting = new Counting(true);
        counting.pickBound = 70;
        RecordingChooser recording = new RecordingChooser(counting);
        RunOutcome outcome = run(recording);
        assertEquals(RunOutcome.End.STOPPED, outcome.end());
        assertEquals(70, outcome.steps());
        assertEquals(70, recording.schedule().size());
    }
}
