package org.vcpusim.kvm;

import org.vcpusim.arch.RedirectionEntry;
import org.vcpusim.arch.TriggerMode;

/**
 * What an EOI does to the IOAPIC: every pin with the vector is acknowledged, and interrupts again where its line is high.
 *
 * <p>Source: {@code kvm_ioapic_update_eoi}, {@code kvm_ioapic_update_eoi_one}, {@code kvm_ioapic_eoi_inject_work},
 * arch/x86/kvm/ioapic.c.
 */
final class EoiSteps {
    private EoiSteps() {}

    /** Starts under the lock. */
    record Begin(Vm.EoiBroadcast eoi) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            if (eoi.suppressed() && vm.machine().has(Fault.NO_NOTIFIERS_WHEN_SUPPRESSED)) {
                return vm;
            }
            return new NextPin(eoi, 0).run(tracked(vm, port), task, port);
        }

        /** The RTC's tracking goes by the vector that the vCPU was given, whatever the entry has by now. */
        private Vm tracked(Vm vm, Port port) {
            Ioapic ioapic = vm.ioapic();
            RtcTracking rtc = ioapic.rtc();
            boolean byEntry = vm.machine().has(Fault.RTC_EOI_BY_CURRENT_VECTOR);
            int owed = byEntry && rtc.vectorOf(eoi.vcpu()) >= 0
                    ? ioapic.entry(Ioapic.RTC_PIN).vector()
                    : rtc.vectorOf(eoi.vcpu());
            return owed == eoi.vector() ? vm.with(rtc.ended(eoi.vcpu()), port) : vm;
        }
    }

    /** The next pin from {@code from} on that has the vector. */
    private record NextPin(Vm.EoiBroadcast eoi, int from) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            for (int pin = from; pin < Ioapic.PINS; pin++) {
                if (vm.ioapic().entry(pin).vector() == eoi.vector()) {
                    boolean last = vm.machine().has(Fault.EOI_ENDS_FIRST_PIN_ONLY);
                    return vm.with(task.push(
                            VmCalls.Unlock.UNLOCK,
                            new IrqfdSteps.NotifyAcked(Event.IrqChip.IOAPIC, pin),
                            VmCalls.Lock.LOCK,
                            new EndPin(eoi, pin),
                            new NextPin(eoi, last ? Ioapic.PINS : pin + 1)));
                }
            }
            return vm;
        }
    }

    /** Ends the service of one pin; other CPUs may have rewritten the entry while the lock was dropped. */
    record EndPin(Vm.EoiBroadcast eoi, int pin) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            if (eoi.trigger() != TriggerMode.LEVEL || eoi.suppressed()) {
                return vm;
            }
            Ioapic ioapic = vm.ioapic();
            RedirectionEntry entry = ioapic.entry(pin).withoutRemoteIrr();
            if (ioapic.entry(pin).remoteIrr()) {
                port.emit(new Event.RemoteIrrCleared(pin, entry));
            }
            ioapic = ioapic.withEntry(pin, entry);
            if (entry.masked() || !ioapic.irr(pin)) {
                return vm.with(ioapic.withSuccessiveEois(pin, 0));
            }
            int successive = ioapic.successiveEois(pin) + 1;
            if (successive == Ioapic.SUCCESSIVE_EOI_LIMIT && !vm.machine().has(Fault.NO_STORM_DELAY)) {
                port.emit(new Event.IoapicEoiInjectDelayed(entry));
                port.toTimer(HostTimer.Plain.ARM_EOI_INJECT);
                return vm.with(ioapic.withSuccessiveEois(pin, 0));
            }
            Vm counted = vm.with(ioapic.withSuccessiveEois(pin, successive));
            return counted.with(task.push(new LineSteps.Service(pin, Vm.LineStatus.UNWANTED)));
        }
    }

    /** The delayed work of a storm: level pins from {@code from} on whose line is high interrupt again. */
    record InjectDelayed(int from) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            Ioapic ioapic = vm.ioapic();
            for (int pin = from; pin < Ioapic.PINS; pin++) {
                RedirectionEntry entry = ioapic.entry(pin);
                if (entry.triggerMode() == TriggerMode.LEVEL && ioapic.irr(pin) && !entry.remoteIrr()) {
                    return vm.with(
                            task.push(new LineSteps.Service(pin, Vm.LineStatus.UNWANTED), new InjectDelayed(pin + 1)));
                }
            }
            return vm;
        }
    }
}
