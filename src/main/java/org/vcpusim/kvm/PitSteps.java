package org.vcpusim.kvm;

/**
 * What the in-kernel PIT does: a tick, its injection by a work item, and the acknowledgement that lets the next one come.
 *
 * <p>Source: {@code pit_timer_fn}, {@code pit_do_work}, {@code kvm_pit_ack_irq}, {@code pit_mask_notifer},
 * {@code kvm_pit_set_reinject}, arch/x86/kvm/i8254.c.
 */
final class PitSteps {
    private PitSteps() {}

    static VmStep first(Vm.Message message) {
        if (message instanceof Vm.PitTick t) {
            return new Tick(new VmCalls.Answer(t.requester()));
        }
        if (message instanceof Vm.SetReinject s) {
            return new SetMode(s.mode());
        }
        return new Work();
    }

    /** The timer has expired. */
    private record Tick(VmStep after) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            port.emit(new Event.PitTicked(vm.pit().hasNotifier()));
            return changed(vm, vm.pit().ticked(), port).with(task.push(after));
        }
    }

    /** The work item. */
    private record Work() implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            Pit pit = vm.pit();
            Vm worked = vm.with(pit.worked());
            VmStep rest = new Rest();
            return worked.with(task.push(pit.injects() ? line(1, line(0, rest)) : rest));
        }

        private static VmStep line(int level, VmStep after) {
            return new LineSteps.SetGsi(Pit.GSI, Pit.SOURCE, level, Vm.LineStatus.UNWANTED, after);
        }
    }

    /** The work item has run; one that was queued meanwhile is next. */
    private record Rest() implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            return changed(vm, vm.pit().rested(), port).with(task.push(VmCalls.Done.DONE));
        }
    }

    /** KVM_REINJECT_CONTROL: the notifiers come or go, and an ack notifier is a reason to scan. */
    private record SetMode(Pit.Mode mode) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            VmStep answer = new VmCalls.Answer(Vm.OfUserspace.USERSPACE);
            if (vm.pit().mode() == mode) {
                return vm.with(task.push(answer));
            }
            Vm next = vm.with(vm.pit().with(mode)).reportNotifiers(vm.notifiedPins(), port);
            return next.with(task.push(StateSteps.scanAll(next), answer));
        }
    }

    /** GSI 0 was acknowledged. */
    static Vm acknowledged(Vm vm, Port port) {
        return changed(vm, vm.pit().acked(), port);
    }

    /** A pin of GSI 0 was unmasked: ticks that came meanwhile are forgotten. */
    static Vm unmasked(Vm vm) {
        return vm.with(vm.pit().reset());
    }

    private static Vm changed(Vm vm, Pit pit, Port port) {
        if (pit.due() && !vm.pit().due()) {
            port.toVm(Vm.PitWork.PIT_WORK);
        }
        return vm.with(pit);
    }
}
