package org.vcpusim.actor;

import java.util.function.Consumer;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.vcpusim.kvm.Port;
import org.vcpusim.kvm.Userspace;

/**
 * The VMM process as an actor; its rules are those of {@link Userspace}.
 *
 * <p>What the kernel reports to user space, states of the machine among it, is also shown to a listener: the way for a test
 * or a driver to look inside without stopping anything.
 */
public final class UserspaceActor extends AbstractBehavior<Userspace.Message> {
    private final ActorPort port;
    private final Consumer<Userspace.Message> listener;
    private Userspace state;

    private UserspaceActor(
            ActorContext<Userspace.Message> context,
            Userspace initial,
            ActorPort port,
            Consumer<Userspace.Message> listener) {
        super(context);
        this.port = port;
        this.listener = listener;
        state = initial;
    }

    /**
     * A VMM that starts as {@code initial} and acts through {@code port}.
     *
     * @param listener is given every message before it is handled, on the actor's thread
     */
    public static Behavior<Userspace.Message> create(
            Userspace initial, ActorPort port, Consumer<Userspace.Message> listener) {
        return Behaviors.setup(context ->
                port.behavior(Userspace.Message.class, context, new UserspaceActor(context, initial, port, listener)));
    }

    @Override
    public Receive<Userspace.Message> createReceive() {
        return newReceiveBuilder().onAnyMessage(this::onMessage).build();
    }

    private Behavior<Userspace.Message> onMessage(Userspace.Message message) {
        state = port.step(this::shownAndStepped, state, message);
        if (port.logs()) {
            port.log(message, state.started() + " started");
        }
        return this;
    }

    private Userspace shownAndStepped(Userspace before, Userspace.Message message, Port to) {
        listener.accept(message);
        return before.step(message, to);
    }
}
