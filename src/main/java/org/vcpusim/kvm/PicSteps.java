package org.vcpusim.kvm;

import java.util.ArrayList;
import java.util.List;

/**
 * What reaches the PIC, and its output's way to the vCPUs.
 *
 * <p>The output is a word that vCPUs read in the kernel; here each vCPU is told when it changes. Source:
 * {@code kvm_pic_set_irq}, {@code kvm_pic_read_irq}, {@code pic_unlock}, arch/x86/kvm/i8259.c.
 */
final class PicSteps {
    private PicSteps() {}

    static VmStep first(Vm.Message message) {
        if (message instanceof Vm.PortRead r) {
            return new Read(r.port(), new VmCalls.Answer(new Vm.OfVcpu(r.vcpu())));
        }
        if (message instanceof Vm.PortWrite w) {
            return new Write(w.port(), w.value(), new VmCalls.Answer(new Vm.OfVcpu(w.vcpu())));
        }
        return new Acknowledge(new VmCalls.Answer(new Vm.OfVcpu(((Vm.AcknowledgePic) message).vcpu())));
    }

    /** Input 0 to 15 goes to a level. */
    record SetInput(int input, int source, int level) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            PicChip chip = vm.pic().chip(input >> 3);
            Pic.Step step = vm.pic().setInput(input, source, level);
            port.emit(new Event.PicIrqSet(input >> 3, input & 7, chip.elcr(), chip.imr(), step.value() == 0));
            return changed(vm, task, step);
        }
    }

    private record Read(int ioPort, VmStep after) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            Pic.Step step = vm.pic().read(ioPort);
            return changed(vm, task.push(after), step);
        }
    }

    private record Write(int ioPort, int value, VmStep after) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            Pic.Acceptor acceptor = vm.apics().firstAcceptingPic().isPresent() ? Pic.Acceptor.SOME : Pic.Acceptor.NONE;
            Pic.Step step = vm.pic().write(ioPort, value, acceptor);
            return changed(vm, task.push(after), step);
        }
    }

    private record Acknowledge(VmStep after) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            Pic.Step step = vm.pic().acknowledge();
            return changed(vm, task.push(after), step);
        }
    }

    /** Ack notifiers of ended inputs, then what is left of the operation, or the output's way to the vCPUs. */
    private static Vm changed(Vm vm, VmTask task, Pic.Step step) {
        List<VmStep> steps = new ArrayList<>();
        for (int input : step.ended()) {
            steps.add(new IrqfdSteps.NotifyAcked(Routing.chipOfInput(input), input));
        }
        steps.add(
                switch (step.rest()) {
                    case NONE -> new Tell(step.value());
                    case UPDATE -> new Update(step.value());
                    case ACKNOWLEDGE_SLAVE -> AcknowledgeSlave.ACKNOWLEDGE_SLAVE;
                });
        Vm next = vm.with(step.pic());
        return step.ended().isEmpty() && step.rest() == Pic.Rest.NONE
                ? tell(next, task, step.value())
                : next.with(task.push(steps.toArray(new VmStep[0])));
    }

    /** The output is worked out anew, the lock taken again. */
    private record Update(int value) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            return tell(vm.with(vm.pic().updated()), task, value);
        }
    }

    private enum AcknowledgeSlave implements VmStep {
        ACKNOWLEDGE_SLAVE;

        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            return changed(vm, task, vm.pic().acknowledgeSlave());
        }
    }

    private record Tell(int value) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            return tell(vm, task, value);
        }
    }

    /** {@code pic_unlock}: the new output to every vCPU, then the interrupt's request; {@code value} is the answer. */
    private static Vm tell(Vm vm, VmTask task, int value) {
        List<VmStep> steps = new ArrayList<>();
        Pic pic = vm.pic();
        if (pic.output() != pic.shown()) {
            steps.add(new ShowOutput(pic.output(), 0));
        }
        if (pic.wakeupNeeded()) {
            vm.apics().firstAcceptingPic().ifPresent(vcpu -> {
                steps.add(new RequestSteps.Make(vcpu, VcpuRequest.EVENT));
                steps.add(new RequestSteps.Kick(vcpu));
            });
        }
        steps.add(new Settle(value));
        return vm.with(pic.told()).with(task.push(steps.toArray(new VmStep[0])));
    }

    /** Tells vCPU {@code vcpu} and those after it what the PIC's output is. */
    private record ShowOutput(boolean output, int vcpu) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            port.toVcpu(vcpu, new Vcpu.PicOutput(output ? 1 : 0));
            boolean last = vcpu + 1 == vm.machine().vcpuCount();
            return last ? vm : vm.with(task.push(new ShowOutput(output, vcpu + 1)));
        }
    }

    /** Puts the answer in place after the steps in between have left theirs. */
    private record Settle(long value) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            return vm.with(task.withAnswer(new VmTask.Value(value)));
        }
    }
}
