package org.vcpusim.kvm;

import java.util.List;
import java.util.OptionalInt;
import org.vcpusim.arch.RedirectionEntry;
import org.vcpusim.arch.TriggerMode;

/**
 * What happens when a line changes: a GSI's routes, an IOAPIC pin's state, and the interrupt that comes of it.
 *
 * <p>Answers are those of {@code kvm_set_irq}: below 0 not deliverable, 0 coalesced or taken by nobody, above 0 the number
 * of vCPUs. Source: {@code kvm_set_irq}, virt/kvm/irqchip.c; {@code ioapic_set_irq}, {@code ioapic_service},
 * arch/x86/kvm/ioapic.c.
 */
final class LineSteps {
    private LineSteps() {}

    /** A level on its way through the routes. */
    private record Level(int gsi, int source, int level, Vm.LineStatus status) {}

    /** A GSI goes to a level. */
    record SetGsi(int gsi, int source, int level, Vm.LineStatus status, VmStep after) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            port.emit(new Event.IrqLineSet(gsi, level, source));
            Level line = new Level(gsi, source, level, status);
            return vm.with(task.push(new NextRoute(line, vm.routing().of(gsi), 0, -1), after));
        }
    }

    /** Route {@code position} is next; {@code sum} is what the routes before it answered. */
    private record NextRoute(Level line, List<Routing.Route> routes, int position, long sum) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            if (position == routes.size()) {
                return vm.with(task.withAnswer(new VmTask.Value(sum)));
            }
            VmTask rest = task.push(new AddResult(this));
            Routing.Route route = routes.get(position);
            if (route instanceof Routing.MsiRoute msi) {
                return msi(vm, rest, msi, port);
            }
            if (route instanceof Routing.SintRoute sint) {
                return vm.with(
                        line.level == 0
                                ? rest.withAnswer(new VmTask.Value(-1))
                                : rest.push(new SintSteps.Set(sint.vcpu(), sint.sint())));
            }
            Routing.ChipRoute chip = (Routing.ChipRoute) route;
            if (chip.chip() == Event.IrqChip.IOAPIC) {
                if (vm.machine().has(Fault.LINE_STATE_OUTSIDE_LOCK)) {
                    return vm.with(rest.push(new SetSource(chip.pin(), line.source, line.level, line.status)));
                }
                SetPin set = new SetPin(chip.pin(), line.source, line.level, line.status);
                return vm.with(rest.push(VmCalls.Lock.LOCK, set, VmCalls.Unlock.UNLOCK));
            }
            int input = chip.pin() + (chip.chip() == Event.IrqChip.PIC_SLAVE ? 8 : 0);
            return vm.with(rest.push(new PicSteps.SetInput(input, line.source, line.level)));
        }

        private Vm msi(Vm vm, VmTask rest, Routing.MsiRoute msi, Port port) {
            if (line.level == 0 || DeliverySteps.invalid(vm.machine(), msi.address())) {
                return vm.with(rest.withAnswer(new VmTask.Value(-1)));
            }
            return vm.with(rest.push(DeliverySteps.send(vm.machine(), msi.address(), msi.data(), port)));
        }
    }

    private record AddResult(NextRoute at) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            long result = task.value();
            long sum = result < 0 ? at.sum : result + Math.max(at.sum, 0);
            return new NextRoute(at.line, at.routes, at.position + 1, sum).run(vm, task, port);
        }
    }

    /** A pin goes to a level; under the lock. */
    record SetPin(int pin, int source, int level, Vm.LineStatus status) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            Ioapic ioapic = vm.ioapic().withSource(pin, source, level);
            return set(vm.with(ioapic), task, pin, ioapic.asserted(pin) ? 1 : 0, status, port);
        }
    }

    /** The fault: a source's bit changes, and what all sources make of the line is read, before the lock is taken. */
    private record SetSource(int pin, int source, int level, Vm.LineStatus status) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            Ioapic ioapic = vm.ioapic().withSource(pin, source, level);
            SetPinLine set = new SetPinLine(pin, ioapic.asserted(pin) ? 1 : 0, status);
            return vm.with(ioapic).with(task.push(GoOn.GO_ON, VmCalls.Lock.LOCK, set, VmCalls.Unlock.UNLOCK));
        }
    }

    /** Nothing says when a vCPU's thread, which ends an interrupt, gets to its next step: it is asked to. */
    private enum GoOn implements VmStep {
        GO_ON;

        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            if (!(task.requester() instanceof Vm.OfVcpu v)) {
                return vm;
            }
            port.toVcpu(v.vcpu(), new Vcpu.GoOn(task.id()));
            return vm.with(task.withWait(VmTask.Wait.ANSWER));
        }
    }

    /** The line of a pin, all sources taken together, goes to a level; {@code ioapic_set_irq}. */
    record SetPinLine(int pin, int level, Vm.LineStatus status) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            return set(vm, task, pin, level, status, port);
        }
    }

    @SuppressWarnings("TooManyParameters") // the six are what ioapic_set_irq takes and where it answers
    private static Vm set(Vm vm, VmTask task, int pin, int level, Vm.LineStatus status, Port port) {
        Ioapic ioapic = vm.ioapic();
        RedirectionEntry entry = ioapic.entry(pin);
        SetPinDone done = new SetPinDone(pin, entry);
        if (level == 0) {
            return done.with(vm.with(ioapic.withoutIrr(pin)), task, 1, port);
        }
        if (pin == Ioapic.RTC_PIN
                && status == Vm.LineStatus.WANTED
                && ioapic.rtc().coalesces()) {
            return done.with(vm, task, 0, port);
        }
        Raise raise = new Raise(pin, status, done);
        return LazyEoiSteps.precedes(vm, entry)
                ? vm.with(task.push(new LazyEoiSteps.Begin(pin), raise))
                : raise.run(vm, task, port);
    }

    /** The line is high: a level pin interrupts if it may, an edge pin if its line was low before. */
    private record Raise(int pin, Vm.LineStatus status, SetPinDone done) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            Ioapic ioapic = vm.ioapic();
            Ioapic raised = ioapic.withIrr(pin);
            if (ioapic.entry(pin).triggerMode() == TriggerMode.EDGE) {
                raised = raised.withoutDelivered(pin);
                if (ioapic.irr(pin)) {
                    return done.with(vm.with(raised), task, 0, port);
                }
            }
            return vm.with(raised).with(task.push(new Service(pin, status), done));
        }
    }

    /** Reports what became of a line change. */
    private record SetPinDone(int pin, RedirectionEntry entry) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            Ioapic ioapic = vm.ioapic();
            port.emit(new Event.IoapicIrqSet(entry, pin, task.value() == 0, ioapic.sources(pin), ioapic.irr(pin)));
            return vm;
        }

        Vm with(Vm vm, VmTask task, long result, Port port) {
            VmTask answered = task.withAnswer(new VmTask.Value(result));
            return run(vm.with(answered), answered, port);
        }
    }

    /** A pin interrupts, unless it is masked or an EOI is owed; {@code ioapic_service}. */
    record Service(int pin, Vm.LineStatus status) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            Ioapic ioapic = vm.ioapic();
            if (!ioapic.canService(pin)) {
                return vm.with(task.withAnswer(new VmTask.Value(-1)));
            }
            RedirectionEntry entry = ioapic.entry(pin);
            port.emit(new Event.IoapicServiced(pin, entry));
            boolean tracked = pin == Ioapic.RTC_PIN && status == Vm.LineStatus.WANTED;
            Ioapic next = entry.triggerMode() == TriggerMode.EDGE ? ioapic.withDelivered(pin) : ioapic;
            DeliverySteps.Deliver deliver = new DeliverySteps.Deliver(
                    InterruptMessage.of(entry),
                    OptionalInt.empty(),
                    tracked ? DeliverySteps.Tracking.RTC : DeliverySteps.Tracking.NONE);
            return vm.with(next).with(task.push(deliver, new Serviced(pin, tracked)));
        }
    }

    /** Remote IRR is set where anything came of it, -1 included. */
    private record Serviced(int pin, boolean tracked) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            long result = task.value();
            Vm next = tracked ? vm.with(counted(vm, result), port) : vm;
            RedirectionEntry entry = next.ioapic().entry(pin);
            if (result != 0 && entry.triggerMode() == TriggerMode.LEVEL) {
                port.emit(new Event.RemoteIrrSet(pin, entry.withRemoteIrr(), (int) result));
                next = next.with(next.ioapic().withEntry(pin, entry.withRemoteIrr()));
            }
            return next;
        }

        /** Where nobody matched nobody owes an EOI. */
        private static RtcTracking counted(Vm vm, long result) {
            boolean clamped = !vm.machine().has(Fault.RTC_COUNTS_NO_DESTINATION);
            return vm.ioapic().rtc().withPendingEois((int) (clamped ? Math.max(result, 0) : result));
        }
    }
}
