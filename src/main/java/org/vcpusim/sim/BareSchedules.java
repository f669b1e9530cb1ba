package org.vcpusim.sim;

import java.util.List;
import java.util.stream.IntStream;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.vcpusim.schedule.Chooser;
import org.vcpusim.schedule.ControlledExecutor;

/**
 * Actors on the controlled executor that hold the conversation of a machine with empty messages: what Pekko and the choice of
 * an order cost, and nothing else.
 *
 * <p>It belongs to the thread that made it, as an {@link Explorer} does, and has one actor system for all schedules too.
 */
final class BareSchedules implements AutoCloseable {
    private final ControlledExecutor executor = ControlledExecutor.drivenByThisThread();
    private final Talk talk;
    private final ActorSystem<Empty> system;

    BareSchedules(Conversation conversation) {
        talk = new Talk(conversation);
        system = ControlledSimulation.system(executor, guardian(talk));
        executor.runSystemUntil(() -> !talk.actors.isEmpty());
        executor.runSystem();
        executor.enroll(talk.actors.stream().map(Adapter::toClassic).toList());
    }

    private enum Empty {
        EMPTY
    }

    /** What all actors know; the thread that runs them does too. */
    private static final class Talk {
        private final Conversation conversation;
        private List<ActorRef<Empty>> actors = List.of();

        Talk(Conversation conversation) {
            this.conversation = conversation;
        }
    }

    private static Behavior<Empty> guardian(Talk talk) {
        return Behaviors.setup(context -> {
            talk.actors = IntStream.range(0, talk.conversation.actors())
                    .mapToObj(i -> context.spawnAnonymous(Behaviors.<Empty>setup(own -> new Bare(own, talk, i))))
                    .toList();
            return Behaviors.empty();
        });
    }

    /** In every schedule it handles the same number of messages, behind which it is at its start again. */
    private static final class Bare extends AbstractBehavior<Empty> {
        private final Talk talk;
        private final int index;
        private int handled;

        private Bare(ActorContext<Empty> context, Talk talk, int index) {
            super(context);
            this.talk = talk;
            this.index = index;
        }

        @Override
        public Receive<Empty> createReceive() {
            return newReceiveBuilder().onAnyMessage(this::onMessage).build();
        }

        private Behavior<Empty> onMessage(Empty message) {
            for (int receiver : talk.conversation.receivers(index, handled)) {
                talk.actors.get(receiver).tell(message);
            }
            handled = (handled + 1) % talk.conversation.messages(index);
            return this;
        }
    }

    /** One schedule of the conversation, to its end; returns how many messages were handled. */
    long run(Chooser chooser) {
        long steps = 0;
        for (int opening : talk.conversation.openings()) {
            talk.actors.get(opening).tell(Empty.EMPTY);
            steps += executor.run(chooser, Long.MAX_VALUE, () -> false).steps();
        }
        return steps;
    }

    /** Ends the actor system. */
    @Override
    public void close() {
        executor.dismiss();
        system.terminate();
        executor.runSystemUntil(() -> system.whenTerminated().isCompleted());
    }
}
