package org.vcpusim.actor;

import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.vcpusim.kvm.PhysicalCpu;

/** A processor of the host as an actor; its rules are those of {@link PhysicalCpu}. */
public final class PhysicalCpuActor extends StateMachineActor<PhysicalCpu, PhysicalCpu.Message> {
    private PhysicalCpuActor(ActorContext<PhysicalCpu.Message> context, PhysicalCpu initial, ActorPort port) {
        super(context, PhysicalCpu::step, initial, port);
    }

    /** A processor that starts as {@code initial} and acts through {@code port}. */
    public static Behavior<PhysicalCpu.Message> create(PhysicalCpu initial, ActorPort port) {
        return behavior(PhysicalCpu.Message.class, port, context -> new PhysicalCpuActor(context, initial, port));
    }

    @Override
    Object logged(PhysicalCpu after) {
        return after;
    }
}
