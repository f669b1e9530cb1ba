package org.vcpusim.kvm;

import java.util.List;
import java.util.OptionalInt;
import org.vcpusim.arch.DeliveryMode;
import org.vcpusim.arch.DestinationMode;
import org.vcpusim.arch.DestinationShorthand;
import org.vcpusim.arch.TriggerMode;

/**
 * Synthetic interrupts, and the ack notifiers of the GSIs that lead to their sources.
 *
 * <p>Source: {@code kvm_hv_synic_set_irq}, {@code synic_set_irq}, {@code kvm_hv_notify_acked_sint}, arch/x86/kvm/hyperv.c.
 */
final class SintSteps {
    private SintSteps() {}

    /** Interrupts by source {@code sint} of {@code vcpu}; the answer is that of the delivery, or an error. */
    record Set(int vcpu, int sint) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            port.toVcpu(vcpu, new Vcpu.ReadSint(task.id(), sint));
            return vm.with(task.push(new Deliver(vcpu, sint)).withWait(VmTask.Wait.ANSWER));
        }
    }

    private record Deliver(int vcpu, int sint) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            int vector = (int) task.value();
            if (vector < 0) {
                return vm;
            }
            InterruptMessage message = new InterruptMessage(
                    vector,
                    DeliveryMode.FIXED,
                    DestinationMode.PHYSICAL,
                    TriggerMode.EDGE,
                    true,
                    DestinationShorthand.SELF,
                    0,
                    false);
            return vm.with(task.push(
                    new DeliverySteps.Deliver(message, OptionalInt.of(vcpu), DeliverySteps.Tracking.NONE),
                    new Delivered(this, vector)));
        }
    }

    private record Delivered(Deliver of, int vector) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            port.emit(new Event.HvSynicIrqSet(of.vcpu, of.sint, vector, (int) task.value()));
            return vm;
        }
    }

    /** Calls the ack notifiers of the GSIs that lead to these sources; only resamplers have any. */
    record Ack(int vcpu, List<Integer> sints, int position) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            for (int at = position; at < sints.size(); at++) {
                int gsi = vm.routing().gsiOfSint(vcpu, sints.get(at));
                if (gsi >= 0 && vm.irqfds().hasResampler(gsi)) {
                    return vm.with(task.push(IrqfdSteps.acked(gsi), new Ack(vcpu, sints, at + 1)));
                }
            }
            return vm;
        }
    }
}
