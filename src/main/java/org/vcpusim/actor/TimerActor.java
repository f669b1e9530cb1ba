package org.vcpusim.actor;

import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.vcpusim.kvm.HostTimer;

/** The host's timer as an actor; its rules are those of {@link HostTimer}. */
public final class TimerActor extends StateMachineActor<HostTimer, HostTimer.Message> {
    private TimerActor(ActorContext<HostTimer.Message> context, HostTimer initial, ActorPort port) {
        super(context, HostTimer::step, initial, port);
    }

    /** A timer that starts as {@code initial} and acts through {@code port}. */
    public static Behavior<HostTimer.Message> create(HostTimer initial, ActorPort port) {
        return behavior(HostTimer.Message.class, port, context -> new TimerActor(context, initial, port));
    }

    @Override
    Object logged(HostTimer after) {
        return after;
    }
}
