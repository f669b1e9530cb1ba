package org.vcpusim.actor;

import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.vcpusim.kvm.Vm;

/** The VM as an actor: the IOAPIC and all else that the vCPUs share; its rules are those of {@link Vm}. */
public final class VmActor extends AbstractBehavior<Vm.Message> {
    private final ActorPort port;
    private Vm state;

    private VmActor(ActorContext<Vm.Message> context, Vm initial, ActorPort port) {
        super(context);
        this.port = port;
        state = initial;
    }

    /** A VM that starts as {@code initial} and acts through {@code port}. */
    public static Behavior<Vm.Message> create(Vm initial, ActorPort port) {
        return Behaviors.setup(
                context -> port.behavior(Vm.Message.class, context, new VmActor(context, initial, port)));
    }

    @Override
    public Receive<Vm.Message> createReceive() {
        return newReceiveBuilder().onAnyMessage(this::onMessage).build();
    }

    private Behavior<Vm.Message> onMessage(Vm.Message message) {
        state = port.step(Vm::step, state, message);
        if (port.logs()) {
            port.log(message, state.isIdle() ? "idle" : "busy");
        }
        return this;
    }
}
