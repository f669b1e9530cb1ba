package org.vcpusim.actor;

import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.vcpusim.kvm.Guest;

/** The software of one vCPU as an actor; its rules are those of {@link Guest}. */
public final class GuestActor extends StateMachineActor<Guest, Guest.Message> {
    private GuestActor(ActorContext<Guest.Message> context, Guest initial, ActorPort port) {
        super(context, Guest::step, initial, port);
    }

    /** A guest that starts as {@code initial} and acts through {@code port}. */
    public static Behavior<Guest.Message> create(Guest initial, ActorPort port) {
        return behavior(Guest.Message.class, port, context -> new GuestActor(context, initial, port));
    }

    @Override
    Object logged(Guest after) {
        return "done";
    }
}
