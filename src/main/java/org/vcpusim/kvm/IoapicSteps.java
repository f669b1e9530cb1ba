package org.vcpusim.kvm;

import org.vcpusim.arch.DeliveryMode;
import org.vcpusim.arch.DestinationMode;
import org.vcpusim.arch.RedirectionEntry;
import org.vcpusim.arch.TriggerMode;

/**
 * What guests do to the IOAPIC's registers; all of it under {@code ioapic->lock}.
 *
 * <p>Source: {@code ioapic_mmio_read}, {@code ioapic_mmio_write}, {@code ioapic_write_indirect}, arch/x86/kvm/ioapic.c.
 */
final class IoapicSteps {
    private IoapicSteps() {}

    /** A read of a register. */
    record Read(Vm.IoapicRead read) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            return vm.with(task.push(new VmCalls.Locked(
                    new ReadLocked(read.address(), read.size()), new VmCalls.Answer(new Vm.OfVcpu(read.vcpu())))));
        }
    }

    private record ReadLocked(long address, int size) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            long value = vm.ioapic().read(address) & 0xffffffffL;
            long mask = size >= 4 ? -1L : (1L << 8 * size) - 1;
            return vm.with(task.withAnswer(new VmTask.Value(value & mask)));
        }
    }

    /** Shows the table to a vCPU that scans it. */
    record ShowTable(int vcpu) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            port.emit(new Event.IoapicTableRead(vcpu));
            port.toVcpu(vcpu, new Vcpu.TableRead(vm.scanTable()));
            return vm;
        }
    }

    /** Selects a register and writes it. */
    record SelectAndWrite(int vcpu, int index, int value) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            return written(vm.with(vm.ioapic().withSelect(index)), task, new Window(vcpu, value), port);
        }
    }

    /** Selects a register and reads it. */
    record SelectAndRead(int index) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            Ioapic selected = vm.ioapic().withSelect(index);
            long value = selected.readWindow() & 0xffffffffL;
            return vm.with(selected).with(task.withAnswer(new VmTask.Value(value)));
        }
    }

    /** A write to the window. */
    record Write(int vcpu, long address, int value) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            if (!Ioapic.isWindowRegister(address)) {
                return vm.with(vm.ioapic().writeOutsideWindow(address, value));
            }
            return written(vm, task, new Window(vcpu, value), port);
        }
    }

    /** A write to the window by vCPU {@code vcpu}. */
    private record Window(int vcpu, int value) {}

    private static Vm written(Vm vm, VmTask task, Window write, Port port) {
        Ioapic ioapic = vm.ioapic();
        int pin = ioapic.selectedPin();
        if (pin < 0) {
            return vm.with(ioapic.writePlainRegister(write.value));
        }
        RedirectionEntry before = ioapic.entry(pin);
        RedirectionEntry after = ioapic.selectedEntryAfter(vm.machine(), write.value);
        Ioapic written = ioapic.withEntryWritten(pin, after);
        port.emit(new Event.RedirectionEntryWritten(pin, before, after, written.writes(), task.id()));
        boolean late = vm.machine().has(Fault.REQUEST_BEFORE_PAYLOAD);
        Vm next = (late ? vm.withTableHeld() : vm).with(written);
        boolean opened = before.masked() && !after.masked();
        boolean pits = vm.routing().gsiOf(Event.IrqChip.IOAPIC, pin) == Pit.GSI;
        return (opened && pits ? PitSteps.unmasked(next) : next)
                .with(
                        vm.machine().cures(Hazard.O8)
                                ? task.push(new RequestScan(write.vcpu, pin, before), new ServiceWritten(pin))
                                : task.push(new ServiceWritten(pin), new RequestScan(write.vcpu, pin, before)));
    }

    /** A level pin that a write made deliverable interrupts at once, or its resampler is asked. */
    private record ServiceWritten(int pin) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            Ioapic ioapic = vm.ioapic();
            boolean level = ioapic.entry(pin).triggerMode() == TriggerMode.LEVEL;
            if (!level || !ioapic.irr(pin) || !ioapic.canService(pin)) {
                return vm;
            }
            int gsi = vm.routing().gsiOf(Event.IrqChip.IOAPIC, pin);
            if (gsi >= 0 && vm.irqfds().hasResampler(gsi) && !vm.machine().has(Fault.UNMASK_WITHOUT_RESAMPLE)) {
                IrqfdSteps.signalResample(vm, gsi, port);
                return vm.with(ioapic.withoutIrr(pin));
            }
            return vm.with(task.push(new LineSteps.Service(pin, Vm.LineStatus.UNWANTED)));
        }
    }

    /** The fault: only behind the request does the write of the table leave the store buffer of its CPU. */
    private record StoreTable(int writer) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            port.toWire(writer, Vm.TableVisible.TABLE_VISIBLE);
            return vm;
        }
    }

    /** The vCPUs that the old or the new entry addresses have to look at the table again. */
    private record RequestScan(int writer, int pin, RedirectionEntry before) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            VcpuList targets = targets(vm);
            VcpuRequest request = vm.machine().protocol().tableRequest();
            RequestSteps.Broadcast broadcast = new RequestSteps.Broadcast(
                    new RequestSteps.Request(request, vm.ioapic().writes()), targets);
            return vm.with(
                    vm.machine().has(Fault.REQUEST_BEFORE_PAYLOAD)
                            ? task.push(broadcast, new StoreTable(writer))
                            : task.push(broadcast));
        }

        private VcpuList targets(Vm vm) {
            RedirectionEntry entry = vm.ioapic().entry(pin);
            boolean all =
                    vm.machine().protocol() == Protocol.LOAD_EOI_EXITMAP || entry.deliveryMode() != DeliveryMode.FIXED;
            if (all) {
                return vm.apics().online();
            }
            InterruptMessage message = scanned(vm, entry);
            VcpuList targets = vm.apics().scanTargets(message);
            boolean moved =
                    before.destination() != entry.destination() || before.destinationMode() != entry.destinationMode();
            if (!moved) {
                return asked(vm, targets);
            }
            boolean newMode = vm.machine().has(Fault.OLD_TARGETS_BY_NEW_MODE);
            DestinationMode oldMode = newMode ? entry.destinationMode() : before.destinationMode();
            return asked(vm, targets.or(vm.apics().scanTargets(message.to(before.destination(), oldMode))));
        }

        /** What becomes of the targets in the word in which they are collected, where that is what they are collected in. */
        private static VcpuList asked(Vm vm, VcpuList targets) {
            Machine machine = vm.machine();
            VcpuList asked = targets;
            if (machine.has(Fault.SCAN_MASK_NOT_ZEROED)) {
                long before = Garbage.of(machine, vm.ioapic().writes()).next().word();
                asked = asked.or(VcpuList.ofWord(before, machine.vcpuCount()));
            }
            return machine.has(Fault.SCAN_MASK_OF_ONE_WORD) ? asked.inOneWord() : asked;
        }

        /** The message that stands for the entry: without a redirection hint, unless nobody writes that field. */
        private static InterruptMessage scanned(Vm vm, RedirectionEntry entry) {
            InterruptMessage message = InterruptMessage.of(entry);
            if (!vm.machine().has(Fault.SCAN_MASK_WITH_GARBAGE_HINT)) {
                return message;
            }
            long field = Garbage.of(vm.machine(), vm.ioapic().writes()).word() & 0xff;
            return field == 0 ? message : message.withRedirectionHint();
        }
    }
}
