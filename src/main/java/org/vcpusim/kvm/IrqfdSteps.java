package org.vcpusim.kvm;

import java.util.List;

/**
 * irqfds, their resamplers, ack notifiers, and the routing table that connects them.
 *
 * <p>Source: virt/kvm/eventfd.c ({@code irqfd_inject}, {@code irqfd_resampler_ack}, {@code irqfd_resampler_shutdown}),
 * {@code kvm_notify_acked_irq}.
 */
final class IrqfdSteps {
    private static final VmStep ANSWER = new VmCalls.Answer(Vm.OfUserspace.USERSPACE);

    private IrqfdSteps() {}

    static VmStep first(Vm.Message message) {
        if (message instanceof Vm.AssignIrqfd a) {
            return new Assign(a.irqfd(), new VmCalls.Answer(a.requester()));
        }
        if (message instanceof Vm.DeassignIrqfd d) {
            return new Deassign(d.id());
        }
        if (message instanceof Vm.FireIrqfd f) {
            return new Fire(f.id());
        }
        if (message instanceof Vm.SetRouting s) {
            return new Route(s.routing());
        }
        if (message instanceof Vm.ShowIdentity s) {
            return new StateSteps.Remember(s.identity());
        }
        throw new IllegalArgumentException("starts no work: " + message);
    }

    private record Assign(Irqfds.Irqfd irqfd, VmStep after) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            if (irqfd.resample() && vm.machine().isSplit()) {
                return vm.with(
                        task.withAnswer(new VmTask.Value(Userspace.EINVAL)).push(after));
            }
            boolean newNotifier = irqfd.resample() && !vm.irqfds().hasResampler(irqfd.gsi());
            Vm next = vm.with(vm.irqfds().with(irqfd)).reportNotifiers(vm.notifiedPins(), port);
            return newNotifier ? next.with(task.push(StateSteps.scanAll(vm), after)) : next.with(task.push(after));
        }
    }

    private record Deassign(int id) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            Irqfds.Irqfd irqfd = vm.irqfds().find(id).orElse(null);
            if (irqfd == null) {
                return refused(vm, task);
            }
            Irqfds left = vm.irqfds().without(id);
            Vm next = vm.with(left).reportNotifiers(vm.notifiedPins(), port);
            if (!irqfd.resample() || left.hasResampler(irqfd.gsi())) {
                return next.with(task.push(ANSWER));
            }
            return next.with(task.push(StateSteps.scanAll(vm), resample(irqfd.gsi(), 0, ANSWER)));
        }
    }

    private static Vm refused(Vm vm, VmTask task) {
        return vm.with(task.withAnswer(new VmTask.Value(Userspace.EINVAL)).push(ANSWER));
    }

    private static VmStep resample(int gsi, int level, VmStep after) {
        return new LineSteps.SetGsi(gsi, Irqfds.RESAMPLE_SOURCE, level, Vm.LineStatus.UNWANTED, after);
    }

    private record Fire(int id) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            Irqfds.Irqfd irqfd = vm.irqfds().find(id).orElse(null);
            if (irqfd == null) {
                return refused(vm, task);
            }
            if (irqfd.resample()) {
                return vm.with(task.push(resample(irqfd.gsi(), 1, ANSWER)));
            }
            return vm.with(task.push(pulse(irqfd.gsi(), 1, pulse(irqfd.gsi(), 0, ANSWER))));
        }

        private static VmStep pulse(int gsi, int level, VmStep after) {
            return new LineSteps.SetGsi(gsi, Irqfds.USERSPACE_SOURCE, level, Vm.LineStatus.UNWANTED, after);
        }
    }

    /** The new table is published, and only then every vCPU is asked to scan it: with an IOAPIC in the kernel no scan reads it. */
    private record Route(Routing routing) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            if (!routing.isValid(vm.machine())) {
                return refused(vm, task);
            }
            Vm published = vm.with(routing);
            published.reportRouting(port);
            published.reportNotifiers(vm.notifiedPins(), port);
            return vm.machine().isSplit()
                    ? published.with(task.push(StateSteps.scanAll(published), ANSWER))
                    : published.with(task.push(ANSWER));
        }
    }

    /** Calls the ack notifiers of a pin, 8 to 15 for the slave PIC: those of the PIT and of resamplers. */
    record NotifyAcked(Event.IrqChip chip, int pin) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            port.emit(new Event.IrqAcknowledged(chip, pin));
            int gsi = vm.routing().gsiOf(chip, chip == Event.IrqChip.PIC_SLAVE ? pin - Pic.INPUTS / 2 : pin);
            boolean pit = gsi == Pit.GSI && vm.pit().hasNotifier();
            Vm next = pit ? PitSteps.acknowledged(vm, port) : vm;
            if (gsi < 0 || !vm.irqfds().hasResampler(gsi)) {
                return next;
            }
            return next.with(task.push(acked(gsi)));
        }
    }

    /** The ack notifier of a GSI with resamplers: the line goes down, then they are told. */
    static VmStep acked(int gsi) {
        return resample(gsi, 0, new SignalResample(gsi));
    }

    private record SignalResample(int gsi) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            signalResample(vm, gsi, port);
            return vm;
        }
    }

    /** Signals the resample event of every irqfd on the GSI. */
    static void signalResample(Vm vm, int gsi, Port port) {
        List<Integer> ids = vm.irqfds().resampled(gsi);
        for (int id : ids) {
            port.emit(new Event.ResampleSignalled(id));
            port.toUserspace(new Userspace.ResampleSignalled(id));
        }
    }
}
