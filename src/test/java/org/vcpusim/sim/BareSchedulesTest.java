package org.vcpusim.sim;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.vcpusim.kvm.Event;
import org.vcpusim.schedule.RandomChooser;
import org.vcpusim.schedule.RecordingChooser;
import org.vcpusim.trace.TraceRecord;

/** What the machine is compared with exchanges as many messages as the machine, in any order. */
class BareSchedulesTest {
    private static final int SEEDS = 50;
    private static final long STEPS = 100_000;

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 4, 16})
    void theBareActorsExchangeAsManyMessagesAsTheMachineInEveryOrder(int vcpus) {
        Assembly machine = ScheduleBench.race(vcpus);
        try (Explorer explorer = new Explorer()) {
            Conversation conversation = Conversation.of(explorer, machine, STEPS);
            RandomChooser same = new RandomChooser(1);
            Exploration listenedTo = explorer.explore(machine, Explorer.Ending.atRest(STEPS), same);
            assertEquals(listenedTo.outcome().steps(), conversation.messages());
            assertEquals(explorer.actorCount(machine), conversation.actors());
            try (BareSchedules bare = new BareSchedules(conversation)) {
                for (long seed = 0; seed < SEEDS; seed++) {
                    assertEquals(conversation.messages(), bare.run(new RandomChooser(seed)), "seed " + seed);
                }
            }
        }
    }

    @Test
    void theBareActorsTakeAnotherOrderWithEverySeed() {
        Assembly machine = ScheduleBench.race(4);
        Set<Object> orders = new HashSet<>();
        try (Explorer explorer = new Explorer();
                BareSchedules bare = new BareSchedules(Conversation.of(explorer, machine, STEPS))) {
            for (long seed = 0; seed < SEEDS; seed++) {
                RecordingChooser recording = new RecordingChooser(new RandomChooser(seed));
                bare.run(recording);
                orders.add(recording.schedule());
            }
        }
        assertEquals(SEEDS, orders.size());
    }

    @Test
    void theRaceIsOneBroadcastToAllVcpusAndNothingIsWrong() {
        try (Explorer explorer = new Explorer()) {
            Trace trace = new Trace();
            Exploration exploration =
                    explorer.explore(ScheduleBench.race(4), Explorer.Ending.atRest(STEPS), new RandomChooser(1), trace);
            List<Event> broadcasts = trace.records.stream()
                    .map(TraceRecord::event)
                    .filter(event -> event instanceof Event.BroadcastStarted)
                    .toList();
            assertEquals(1, broadcasts.size());
            assertEquals(4, ((Event.BroadcastStarted) broadcasts.get(0)).targets());
            assertEquals(List.of(), exploration.violations());
        }
    }
}
