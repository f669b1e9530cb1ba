package org.vcpusim.kvm;

/**
 * How an interrupt is posted to a vCPU whose APICv is active: its request in PIR, then ON, then the mode decides between a
 * notification and a wake-up. Who finds a bit set leaves the rest to the one who set it.
 *
 * <p>The vCPU is not kicked: a vCPU outside of guest mode looks at ON after it has become IN_GUEST_MODE. Source:
 * {@code vmx_deliver_interrupt}, {@code vmx_deliver_posted_interrupt}, {@code kvm_vcpu_trigger_posted_interrupt},
 * arch/x86/kvm/vmx/vmx.c.
 */
final class PostingSteps {
    private PostingSteps() {}

    /** Sets the request. */
    record SetPir(int vcpu, InterruptMessage message) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            port.toVcpu(vcpu, new Vcpu.SetPir(task.id(), message.vector()));
            return vm.with(task.push(new PirSet(this)).withWait(VmTask.Wait.ANSWER));
        }
    }

    private record PirSet(SetPir of) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            if (task.value() != 0) {
                return accepted(vm, of, port);
            }
            port.toVcpu(of.vcpu, new Vcpu.SetOn(task.id()));
            return vm.with(task.push(new OnSet(of)).withWait(VmTask.Wait.ANSWER));
        }
    }

    private record OnSet(SetPir of) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            if (task.value() != 0) {
                return accepted(vm, of, port);
            }
            port.toVcpu(of.vcpu, new Vcpu.ReadMode(task.id()));
            return vm.with(task.push(new Trigger(of)).withWait(VmTask.Wait.ANSWER));
        }
    }

    /** Sends the notification to a vCPU in guest mode, and wakes any other: also the one that runs here. */
    private record Trigger(SetPir of) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            if (!(task.answer() instanceof VmTask.Found found)) {
                throw new IllegalStateException("not the mode of a vCPU: " + task.answer());
            }
            if (found.mode() == VcpuMode.IN_GUEST_MODE) {
                port.emit(new Event.IpiSent(of.vcpu, Event.HostVector.POSTED_INTR));
                port.toWire(of.vcpu, new Vcpu.HostIpi(Event.HostVector.POSTED_INTR, Vcpu.HostIpi.NOBODY_WAITS));
            } else {
                port.toVcpu(of.vcpu, Vcpu.WakeUp.WAKE_UP);
            }
            port.emit(new Event.PostedInterruptTriggered(of.vcpu, found.mode()));
            return accepted(vm, of, port);
        }
    }

    private static Vm accepted(Vm vm, SetPir of, Port port) {
        InterruptMessage m = of.message;
        port.emit(new Event.ApicvInterruptAccepted(of.vcpu, m.deliveryMode(), m.triggerMode(), m.vector()));
        return vm;
    }
}
