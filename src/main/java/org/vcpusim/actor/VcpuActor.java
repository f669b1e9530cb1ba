package org.vcpusim.actor;

import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.vcpusim.kvm.Vcpu;

/** One vCPU as an actor: its VMCS, requests, mode and local APIC, and the thread that runs it; its rules are those of {@link Vcpu}. */
public final class VcpuActor extends StateMachineActor<Vcpu, Vcpu.Message> {
    private VcpuActor(ActorContext<Vcpu.Message> context, Vcpu initial, ActorPort port) {
        super(context, Vcpu::step, initial, port);
    }

    /** A vCPU that starts as {@code initial} and acts through {@code port}. */
    public static Behavior<Vcpu.Message> create(Vcpu initial, ActorPort port) {
        return behavior(Vcpu.Message.class, port, context -> new VcpuActor(context, initial, port));
    }

    @Override
    Object logged(Vcpu after) {
        return after.phase() + " " + after.mode();
    }
}
