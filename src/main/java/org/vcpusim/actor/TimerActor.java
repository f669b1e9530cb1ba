package org.vcpusim.actor;

import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.vcpusim.kvm.HostTimer;

/** The host's timer as an actor; its rules are those of {@link HostTimer}. */
public final class TimerActor extends AbstractBehavior<HostTimer.Message> {
    private final ActorPort port;
    private HostTimer state;

    private TimerActor(ActorContext<HostTimer.Message> context, HostTimer initial, ActorPort port) {
        super(context);
        this.port = port;
        state = initial;
    }

    /** A timer that starts as {@code initial} and acts through {@code port}. */
    public static Behavior<HostTimer.Message> create(HostTimer initial, ActorPort port) {
        return Behaviors.setup(
                context -> port.behavior(HostTimer.Message.class, context, new TimerActor(context, initial, port)));
    }

    @Override
    public Receive<HostTimer.Message> createReceive() {
        return newReceiveBuilder().onAnyMessage(this::onMessage).build();
    }

    private Behavior<HostTimer.Message> onMessage(HostTimer.Message message) {
        state = port.step(HostTimer::step, state, message);
        if (port.logs()) {
            port.log(message, state);
        }
        return this;
    }
}
