package org.vcpusim.actor;

import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.vcpusim.kvm.Guest;

/** The software of one vCPU as an actor; its rules are those of {@link Guest}. */
public final class GuestActor extends AbstractBehavior<Guest.Message> {
    private final ActorPort port;
    private Guest state;

    private GuestActor(ActorContext<Guest.Message> context, Guest initial, ActorPort port) {
        super(context);
        this.port = port;
        state = initial;
    }

    /** A guest that starts as {@code initial} and acts through {@code port}. */
    public static Behavior<Guest.Message> create(Guest initial, ActorPort port) {
        return Behaviors.setup(
                context -> port.behavior(Guest.Message.class, context, new GuestActor(context, initial, port)));
    }

    @Override
    public Receive<Guest.Message> createReceive() {
        return newReceiveBuilder().onAnyMessage(this::onMessage).build();
    }

    private Behavior<Guest.Message> onMessage(Guest.Message message) {
        state = port.step(Guest::step, state, message);
        if (port.logs()) {
            port.log(message, "done");
        }
        return this;
    }
}
