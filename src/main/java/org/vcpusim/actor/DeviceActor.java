package org.vcpusim.actor;

import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.vcpusim.kvm.Device;

/** A device as an actor; its rules are those of {@link Device}. */
public final class DeviceActor extends AbstractBehavior<Device.Message> {
    private final ActorPort port;
    private Device state;

    private DeviceActor(ActorContext<Device.Message> context, Device initial, ActorPort port) {
        super(context);
        this.port = port;
        state = initial;
    }

    /** A device that starts as {@code initial} and acts through {@code port}. */
    public static Behavior<Device.Message> create(Device initial, ActorPort port) {
        return Behaviors.setup(
                context -> port.behavior(Device.Message.class, context, new DeviceActor(context, initial, port)));
    }

    @Override
    public Receive<Device.Message> createReceive() {
        return newReceiveBuilder().onAnyMessage(this::onMessage).build();
    }

    private Behavior<Device.Message> onMessage(Device.Message message) {
        state = port.step(Device::step, state, message);
        if (port.logs()) {
            port.log(message, state.isQuiet() ? "quiet" : "busy");
        }
        return this;
    }
}
