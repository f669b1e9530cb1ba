package org.vcpusim.actor;

import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.vcpusim.kvm.Vcpu;

/** One vCPU as an actor: its VMCS, requests, mode and local APIC, and the thread that runs it; its rules are those of {@link Vcpu}. */
public final class VcpuActor extends AbstractBehavior<Vcpu.Message> {
    private final ActorPort port;
    private Vcpu state;

    private VcpuActor(ActorContext<Vcpu.Message> context, Vcpu initial, ActorPort port) {
        super(context);
        this.port = port;
        state = initial;
    }

    /** A vCPU that starts as {@code initial} and acts through {@code port}. */
    public static Behavior<Vcpu.Message> create(Vcpu initial, ActorPort port) {
        return Behaviors.setup(
                context -> port.behavior(Vcpu.Message.class, context, new VcpuActor(context, initial, port)));
    }

    @Override
    public Receive<Vcpu.Message> createReceive() {
        return newReceiveBuilder().onAnyMessage(this::onMessage).build();
    }

    private Behavior<Vcpu.Message> onMessage(Vcpu.Message message) {
        state = port.step(Vcpu::step, state, message);
        if (port.logs()) {
            port.log(message, state.phase() + " " + state.mode());
        }
        return this;
    }
}
