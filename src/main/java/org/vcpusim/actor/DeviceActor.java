package org.vcpusim.actor;

import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.vcpusim.kvm.Device;

/** A device as an actor; its rules are those of {@link Device}. */
public final class DeviceActor extends StateMachineActor<Device, Device.Message> {
    private DeviceActor(ActorContext<Device.Message> context, Device initial, ActorPort port) {
        super(context, Device::step, initial, port);
    }

    /** A device that starts as {@code initial} and acts through {@code port}. */
    public static Behavior<Device.Message> create(Device initial, ActorPort port) {
        return behavior(Device.Message.class, port, context -> new DeviceActor(context, initial, port));
    }

    @Override
    Object logged(Device after) {
        return after.isQuiet() ? "quiet" : "busy";
    }
}
