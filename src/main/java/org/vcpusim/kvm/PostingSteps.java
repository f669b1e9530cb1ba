package org.vcpusim.kvm;

/**
 * How an interrupt is posted to a vCPU whose APICv is active: its request in PIR, then ON, then the mode decides between a
 * notification and a wake-up. Who finds a bit set leaves the rest to the one who set it.
 *
 * <p>The vCPU is not kicked: a vCPU outside of guest mode looks at ON after it has become IN_GUEST_MODE. Source:
 * {@code vmx_deliver_interrupt}, {@code vmx_deliver_posted_interrupt}, {@code vmx_deliver_nested_posted_interrupt},
 * {@code kvm_vcpu_trigger_posted_interrupt}, arch/x86/kvm/vmx/vmx.c.
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
                return accepted(vm, of.vcpu, of.message, port);
            }
            port.toVcpu(of.vcpu, new Vcpu.SetOn(task.id()));
            return vm.with(task.push(new OnSet(of)).withWait(VmTask.Wait.ANSWER));
        }
    }

    private record OnSet(SetPir of) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            if (task.value() != 0) {
                return accepted(vm, of.vcpu, of.message, port);
            }
            port.toVcpu(of.vcpu, new Vcpu.ReadMode(task.id()));
            return vm.with(task.push(new Trigger(of)).withWait(VmTask.Wait.ANSWER));
        }
    }

    private record Trigger(SetPir of) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            VcpuMode mode = notifyOrWake(of.vcpu, Event.HostVector.POSTED_INTR, task, port);
            port.emit(new Event.PostedInterruptTriggered(of.vcpu, mode));
            return accepted(vm, of.vcpu, of.message, port);
        }
    }

    /**
     * The vector is L1's notification of L2, and is noted: KVM_REQ_EVENT makes the vCPU look into L1's descriptor where it is
     * outside of the guest.
     */
    record NotifyNested(int vcpu, InterruptMessage message) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            Vcpu.MakeRequest event = new Vcpu.MakeRequest(VcpuRequest.EVENT, 0);
            if (vm.machine().has(Fault.NESTED_POST_WITHOUT_BARRIER)) {
                port.toWire(vcpu, event);
            } else {
                port.toVcpu(vcpu, event);
            }
            return vm.with(task.push(new ReadNestedMode(this)));
        }
    }

    private record ReadNestedMode(NotifyNested of) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            port.toVcpu(of.vcpu, new Vcpu.ReadMode(task.id()));
            return vm.with(task.push(new TriggerNested(of)).withWait(VmTask.Wait.ANSWER));
        }
    }

    private record TriggerNested(NotifyNested of) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            VcpuMode mode = notifyOrWake(of.vcpu, Event.HostVector.POSTED_INTR_NESTED, task, port);
            port.emit(new Event.NestedNotificationTriggered(of.vcpu, mode));
            return accepted(vm, of.vcpu, of.message, port);
        }
    }

    /** Sends the notification to a vCPU in guest mode, and wakes any other: also the one that runs here. */
    @SuppressWarnings("TooManyParameters") // who notifies whom by what
    private static VcpuMode notifyOrWake(int vcpu, Event.HostVector vector, VmTask task, Port port) {
        if (!(task.answer() instanceof VmTask.Found found)) {
            throw new IllegalStateException("not the mode of a vCPU: " + task.answer());
        }
        if (found.mode() == VcpuMode.IN_GUEST_MODE) {
            port.emit(new Event.IpiSent(vcpu, vector));
            port.toWire(vcpu, new Vcpu.HostIpi(vector, Vcpu.HostIpi.NOBODY_WAITS));
        } else {
            port.toVcpu(vcpu, Vcpu.WakeUp.WAKE_UP);
        }
        return found.mode();
    }

    private static Vm accepted(Vm vm, int vcpu, InterruptMessage m, Port port) {
        port.emit(new Event.ApicvInterruptAccepted(vcpu, m.deliveryMode(), m.triggerMode(), m.vector()));
        return vm;
    }
}
