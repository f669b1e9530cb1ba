package org.vcpusim.sim;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.vcpusim.kvm.Vcpu;
import org.vcpusim.kvm.Vm;
import org.vcpusim.search.PlainMachine;
import org.vcpusim.trace.Source;

/**
 * Whose thread takes each step of a run.
 *
 * <p>In the kernel a VM has no thread, and what is done to a vCPU from outside is done by the CPU that does it. So a step of the
 * VM is one of the vCPU, device or VMM on whose behalf it is, and so is a store to a vCPU's requests, mode or
 * posted-interrupt descriptor. A vCPU's thread, its guest and the IPIs it takes are one.
 */
final class Threads implements Attempt.Watcher {
    /** The sender is outside of the machine. */
    static final int NO_STEP = -1;

    private final List<ArrayDeque<Sent>> inboxes = new ArrayList<>();
    private Source current = Source.USERSPACE;
    private int step = NO_STEP;
    private int sender = NO_STEP;

    /** A message under way: whose it is, and the step that sent it. */
    private record Sent(Source thread, int step) {}

    @Override
    public void starts(PlainMachine machine) {
        for (int i = 0; i < machine.components(); i++) {
            inboxes.add(new ArrayDeque<>());
        }
        Sent fromOutside = new Sent(Source.USERSPACE, NO_STEP);
        machine.onSend((from, to) -> inboxes.get(to).add(from < 0 ? fromOutside : new Sent(current, step)));
    }

    @Override
    public void steps(PlainMachine machine, int component) {
        Sent sent = inboxes.get(component).remove();
        current = thread(machine, machine.source(component), machine.next(component), sent.thread);
        sender = sent.step;
        step++;
    }

    /** The step that sent the message which the step under way handles, or {@link #NO_STEP}. */
    int sender() {
        return sender;
    }

    /** The thread that takes the step which is under way: a vCPU, device, processor of the host, timer or the VMM. */
    Source current() {
        return current;
    }

    private static Source thread(PlainMachine machine, Source component, Object message, Source sender) {
        return switch (component.kind()) {
            case GUEST -> Source.vcpu(component.index());
            case VCPU -> isByItself((Vcpu.Message) message) ? component : sender;
            case VM -> of(machine.vm().requester((Vm.Message) message).orElse(null), sender);
            case WIRE, PCPU, USERSPACE -> sender;
            case DEVICE, TIMER -> component;
        };
    }

    /** Whether the vCPU's own thread or processor acts on it. */
    private static boolean isByItself(Vcpu.Message message) {
        return message instanceof Vcpu.Step
                || message instanceof Vcpu.Execute
                || message instanceof Vcpu.OperationDone
                || message instanceof Vcpu.TableRead
                || message instanceof Vcpu.InhibitsRead
                || message instanceof Vcpu.InhibitsSampled
                || message instanceof Vcpu.Ioctl
                || message instanceof Vcpu.Run
                || message instanceof Vcpu.HostIpi
                || message instanceof Vcpu.ScheduledIn
                || message instanceof Vcpu.InterruptFromDevice
                || message instanceof Vcpu.GoOn
                || message instanceof Vcpu.Audit;
    }

    private static Source of(Vm.@Nullable Requester requester, Source sender) {
        if (requester instanceof Vm.OfVcpu v) {
            return Source.vcpu(v.vcpu());
        }
        return requester instanceof Vm.OfDevice d ? Source.device(d.device()) : sender;
    }
}
