package org.vcpusim.actor;

import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.vcpusim.kvm.Wire;

/** What is on its way to one vCPU as an actor; its rules are those of {@link Wire}. */
public final class WireActor extends AbstractBehavior<Wire.Message> {
    private final ActorPort port;
    private Wire state;

    private WireActor(ActorContext<Wire.Message> context, Wire initial, ActorPort port) {
        super(context);
        this.port = port;
        state = initial;
    }

    /** A wire that starts as {@code initial} and acts through {@code port}. */
    public static Behavior<Wire.Message> create(Wire initial, ActorPort port) {
        return Behaviors.setup(
                context -> port.behavior(Wire.Message.class, context, new WireActor(context, initial, port)));
    }

    @Override
    public Receive<Wire.Message> createReceive() {
        return newReceiveBuilder().onAnyMessage(this::onMessage).build();
    }

    private Behavior<Wire.Message> onMessage(Wire.Message message) {
        state = port.step(Wire::step, state, message);
        if (port.logs()) {
            port.log(message, state);
        }
        return this;
    }
}
