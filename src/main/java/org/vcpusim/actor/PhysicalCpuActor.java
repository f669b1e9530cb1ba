package org.vcpusim.actor;

import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.vcpusim.kvm.PhysicalCpu;

/** A processor of the host as an actor; its rules are those of {@link PhysicalCpu}. */
public final class PhysicalCpuActor extends AbstractBehavior<PhysicalCpu.Message> {
    private final ActorPort port;
    private PhysicalCpu state;

    private PhysicalCpuActor(ActorContext<PhysicalCpu.Message> context, PhysicalCpu initial, ActorPort port) {
        super(context);
        this.port = port;
        state = initial;
    }

    /** A processor that starts as {@code initial} and acts through {@code port}. */
    public static Behavior<PhysicalCpu.Message> create(PhysicalCpu initial, ActorPort port) {
        return Behaviors.setup(context ->
                port.behavior(PhysicalCpu.Message.class, context, new PhysicalCpuActor(context, initial, port)));
    }

    @Override
    public Receive<PhysicalCpu.Message> createReceive() {
        return newReceiveBuilder().onAnyMessage(this::onMessage).build();
    }

    private Behavior<PhysicalCpu.Message> onMessage(PhysicalCpu.Message message) {
        state = port.step(PhysicalCpu::step, state, message);
        if (port.logs()) {
            port.log(message, state);
        }
        return this;
    }
}
