package org.vcpusim.kvm;

import java.util.List;
import org.vcpusim.arch.RedirectionEntry;
import org.vcpusim.arch.VectorBitmap;

/**
 * What is looked at when nothing moves any more: every vCPU's bitmap, and every level pin that waits for an EOI, of the
 * IOAPIC in the kernel or of user space's.
 */
final class AuditSteps {
    private AuditSteps() {}

    /** Starts with vCPU 0. */
    record Begin() implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            return new Next(0, VectorBitmap.EMPTY).run(vm, task, port);
        }
    }

    /** Asks {@code vcpu}; {@code held} are the vectors that some vCPU before it has requested or in service. */
    private record Next(int vcpu, VectorBitmap held) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            if (vcpu == vm.machine().vcpuCount()) {
                return pins(vm, task, port);
            }
            if (!vm.apics().isOnline(vcpu)) {
                return new Next(vcpu + 1, held).run(vm, task, port);
            }
            port.toVcpu(vcpu, new Vcpu.Audit(task.id(), vm.scanTable()));
            return vm.with(task.push(new Answered(this)).withWait(VmTask.Wait.ANSWER));
        }

        private Vm pins(Vm vm, VmTask task, Port port) {
            Pins pins = new Pins(held);
            if (vm.machine().isSplit()) {
                port.toUserspace(new Userspace.ShowIoapic(task.id()));
                return vm.with(task.push(pins).withWait(VmTask.Wait.ANSWER));
            }
            return pins.run(vm, task.withAnswer(new VmTask.Shown(vm.ioapic().entries())), port);
        }
    }

    private record Answered(Next at) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            VectorBitmap more = task.answer() instanceof VmTask.Held h ? h.vectors() : VectorBitmap.EMPTY;
            return new Next(at.vcpu + 1, at.held.or(more)).run(vm, task, port);
        }
    }

    /** The pins of the table that was shown; {@code held} are the vectors that some vCPU has requested or in service. */
    private record Pins(VectorBitmap held) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            List<RedirectionEntry> entries = task.answer() instanceof VmTask.Shown s ? s.entries() : List.of();
            for (int pin = 0; pin < entries.size(); pin++) {
                if (isStuck(vm, entries.get(pin))) {
                    port.emit(new Event.LevelPinStuck(pin, entries.get(pin)));
                }
            }
            for (RtcTracking.Owed owed : vm.ioapic().rtc().owed()) {
                if (!held.get(owed.vector())) {
                    port.emit(new Event.RtcEoiMissing(owed.vcpu(), owed.vector()));
                }
            }
            port.toUserspace(Userspace.Audited.AUDITED);
            return vm;
        }

        private boolean isStuck(Vm vm, RedirectionEntry entry) {
            boolean vectored = entry.deliveryMode().isVectored();
            return entry.remoteIrr()
                    && vectored
                    && !held.get(entry.vector())
                    && vm.apics().scanTargets(InterruptMessage.of(entry)).size() > 0;
        }
    }
}
