package org.vcpusim.actor;

import java.util.function.Consumer;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.vcpusim.kvm.Userspace;

/**
 * The VMM process as an actor; its rules are those of {@link Userspace}.
 *
 * <p>What the kernel reports to user space, states of the machine among it, is also shown to a listener: the way for a test
 * or a driver to look inside without stopping anything.
 */
public final class UserspaceActor extends StateMachineActor<Userspace, Userspace.Message> {
    private UserspaceActor(
            ActorContext<Userspace.Message> context,
            Userspace initial,
            ActorPort port,
            Consumer<Userspace.Message> listener) {
        super(
                context,
                (before, message, to) -> {
                    listener.accept(message);
                    return before.step(message, to);
                },
                initial,
                port);
    }

    /**
     * A VMM that starts as {@code initial} and acts through {@code port}.
     *
     * @param listener is given every message before it is handled, on the actor's thread
     */
    public static Behavior<Userspace.Message> create(
            Userspace initial, ActorPort port, Consumer<Userspace.Message> listener) {
        return behavior(Userspace.Message.class, port, context -> new UserspaceActor(context, initial, port, listener));
    }

    @Override
    Object logged(Userspace after) {
        return after.started() + " started";
    }
}
