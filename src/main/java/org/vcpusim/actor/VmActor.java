package org.vcpusim.actor;

import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.vcpusim.kvm.Vm;

/** The VM as an actor: the IOAPIC and all else that the vCPUs share; its rules are those of {@link Vm}. */
public final class VmActor extends StateMachineActor<Vm, Vm.Message> {
    private VmActor(ActorContext<Vm.Message> context, Vm initial, ActorPort port) {
        super(context, Vm::step, initial, port);
    }

    /** A VM that starts as {@code initial} and acts through {@code port}. */
    public static Behavior<Vm.Message> create(Vm initial, ActorPort port) {
        return behavior(Vm.Message.class, port, context -> new VmActor(context, initial, port));
    }

    @Override
    Object logged(Vm after) {
        return after.isIdle() ? "idle" : "busy";
    }
}
