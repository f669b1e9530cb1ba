package org.vcpusim.kvm;

import org.vcpusim.arch.DeliveryMode;
import org.vcpusim.arch.RedirectionEntry;

/** What is looked at when nothing moves any more: every vCPU's bitmap, and every level pin that waits for an EOI. */
final class AuditSteps {
    private AuditSteps() {}

    /** Starts with vCPU 0. */
    record Begin() implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            return new Next(0, 0).run(vm, task, port);
        }
    }

    /** Asks {@code vcpu}; {@code heldPins} are the pins whose vector some vCPU before it has pending. */
    private record Next(int vcpu, long heldPins) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            if (vcpu == vm.machine().vcpuCount()) {
                reportStuckPins(vm, port);
                port.toUserspace(Userspace.Audited.AUDITED);
                return vm;
            }
            port.toVcpu(vcpu, new Vcpu.Audit(task.id(), vm.ioapic(), vm.notifiedPins()));
            return vm.with(task.push(new Answered(this)).withWait(VmTask.Wait.ANSWER));
        }

        private void reportStuckPins(Vm vm, Port port) {
            for (int pin = 0; pin < Ioapic.PINS; pin++) {
                RedirectionEntry entry = vm.ioapic().entry(pin);
                boolean vectored = entry.deliveryMode() == DeliveryMode.FIXED
                        || entry.deliveryMode() == DeliveryMode.LOWEST_PRIORITY;
                boolean somebodys =
                        vm.apics().scanTargets(InterruptMessage.of(entry)).size() > 0;
                if (entry.remoteIrr() && vectored && somebodys && (heldPins & 1L << pin) == 0) {
                    port.emit(new Event.LevelPinStuck(pin, entry));
                }
            }
        }
    }

    private record Answered(Next at) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            return new Next(at.vcpu + 1, at.heldPins | task.value()).run(vm, task, port);
        }
    }
}
