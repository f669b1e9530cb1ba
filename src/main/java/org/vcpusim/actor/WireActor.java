package org.vcpusim.actor;

import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.vcpusim.kvm.Wire;

/** What is on its way to one vCPU as an actor; its rules are those of {@link Wire}. */
public final class WireActor extends StateMachineActor<Wire, Wire.Message> {
    private WireActor(ActorContext<Wire.Message> context, Wire initial, ActorPort port) {
        super(context, Wire::step, initial, port);
    }

    /** A wire that starts as {@code initial} and acts through {@code port}. */
    public static Behavior<Wire.Message> create(Wire initial, ActorPort port) {
        return behavior(Wire.Message.class, port, context -> new WireActor(context, initial, port));
    }

    @Override
    Object logged(Wire after) {
        return after;
    }
}
