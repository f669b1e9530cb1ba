package org.vcpusim.actor;

import java.util.function.Function;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;

/**
 * A state machine of the core as an actor: a message is a step.
 *
 * @param <S> its states
 * @param <M> its messages
 */
abstract class StateMachineActor<S, M> extends AbstractBehavior<M> {
    private final StateMachine<S, M> machine;
    private final ActorPort port;
    private S state;

    /** Starts as {@code initial} and acts through {@code port}. */
    StateMachineActor(ActorContext<M> context, StateMachine<S, M> machine, S initial, ActorPort port) {
        super(context);
        this.machine = machine;
        this.port = port;
        state = initial;
    }

    /** What runs {@code actor}, which takes messages of the class {@code messages}, with the diagnostic context of {@code port}. */
    static <M> Behavior<M> behavior(Class<M> messages, ActorPort port, Function<ActorContext<M>, Behavior<M>> actor) {
        return Behaviors.setup(context -> port.behavior(messages, context, actor.apply(context)));
    }

    @Override
    public final Receive<M> createReceive() {
        return newReceiveBuilder().onAnyMessage(this::onMessage).build();
    }

    private Behavior<M> onMessage(M message) {
        state = port.step(machine, state, message);
        if (port.logs()) {
            port.log(message, logged(state));
        }
        return this;
    }

    /** What the log of a step says of {@code after}, the state behind it. */
    abstract Object logged(S after);
}
