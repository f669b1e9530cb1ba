package org.vcpusim.kvm;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A device: what drives interrupt lines and sends MSIs, by a program of its own and by what the guest does to it.
 *
 * <p>When the guest acknowledges it, it lowers its line before the guest goes on, as a device model in user space does. It
 * does one thing at a time; what comes meanwhile waits.
 */
public final class Device {
    private final int index;
    private final int gsi;
    private final Wiring wiring;
    private final State state;

    /** Whose IOAPIC its line leads to. */
    public enum Wiring {
        /** The kernel's: the line is KVM_IRQ_LINE_STATUS. */
        KERNEL,
        /** User space's. */
        USERSPACE,
        /**
         * The kernel's, by an irqfd with resampling, as an assigned device's INTx: raising the line writes to the eventfd and
         * waits for nothing, lowering it tells nobody; at the EOI the kernel lowers the line and asks. Source: {@code
         * vfio_intx_handler}, {@code vfio_pci_intx_unmask_handler}, drivers/vfio/pci/vfio_pci_intrs.c.
         */
        IRQFD
    }

    /** Where its program stands. */
    private enum Activity {
        /** Has not been started. */
        OFF,
        /** Its next step is due. */
        READY,
        /** Waits for the guest. */
        WAITING,
        /** Its program has ended. */
        ENDED
    }

    /** Whom the VM is doing something for. */
    private enum Calling {
        NOBODY,
        ITS_PROGRAM,
        A_GUEST
    }

    /**
     * What changes.
     *
     * @param at the next action; null at the end
     * @param stepSent its next step is on its way
     * @param guests vCPUs whose guests wait for their acknowledgement
     * @param unclaimed acknowledgements that its program has not waited for yet
     * @param asserted whether its line is high
     * @param masked whether its irqfd was written to since it was asked last
     */
    private record State(
            Program.@Nullable Position<Action> at,
            Activity activity,
            Calling calling,
            boolean stepSent,
            List<Integer> guests,
            int unclaimed,
            boolean asserted,
            boolean masked) {
        State with(Activity other) {
            return new State(at, other, calling, stepSent, guests, unclaimed, asserted, masked);
        }

        State advanced() {
            Program.Position<Action> next = at == null ? null : at.next();
            return new State(next, Activity.READY, calling, stepSent, guests, unclaimed, asserted, masked);
        }

        State with(Calling other) {
            return new State(at, activity, other, stepSent, guests, unclaimed, asserted, masked);
        }

        State withStepSent(boolean sent) {
            return new State(at, activity, calling, sent, guests, unclaimed, asserted, masked);
        }

        State withGuests(List<Integer> waiting) {
            return new State(at, activity, calling, stepSent, List.copyOf(waiting), unclaimed, asserted, masked);
        }

        State withUnclaimed(int count) {
            return new State(at, activity, calling, stepSent, guests, count, asserted, masked);
        }

        State withMasked(boolean off) {
            return new State(at, activity, calling, stepSent, guests, unclaimed, asserted, off);
        }

        State withAsserted(boolean high) {
            return new State(at, activity, calling, stepSent, guests, unclaimed, high, masked);
        }
    }

    private Device(int index, int gsi, Wiring wiring, State state) {
        this.index = index;
        this.gsi = gsi;
        this.wiring = wiring;
        this.state = state;
    }

    /** Device {@code index} on line {@code gsi}, before it is started. */
    public static Device off(int index, int gsi, Program<Action> program) {
        Program.Position<Action> start = Program.Position.start(program);
        State off = new State(start, Activity.OFF, Calling.NOBODY, false, List.of(), 0, false, false);
        return new Device(index, gsi, Wiring.KERNEL, off);
    }

    /** This device on a line of another IOAPIC. */
    public Device wiredTo(Wiring other) {
        return new Device(index, gsi, other, state);
    }

    /** What a device can do. */
    public sealed interface Action {}

    /** Things a device does without operands. */
    public enum Plain implements Action {
        /** Raises its line. */
        ASSERT,
        /** Lowers its line. */
        DEASSERT,
        /** Waits until the guest has acknowledged it once more. */
        AWAIT_ACKNOWLEDGE,
        /** Lets the timer behind the in-kernel PIT expire. */
        PIT_TICK,
        /** Is assigned to the VM. */
        ASSIGN,
        /** Is taken from the VM. */
        UNASSIGN,
        /** Has the VMM take its irqfd from KVM. */
        REMOVE_IRQFD
    }

    /** What a device asks for and waits for. */
    private sealed interface Call extends Action {
        void ask(int device, Port port);
    }

    /** Sends an MSI. */
    public record SendMsi(long address, int data) implements Call {
        @Override
        public void ask(int device, Port port) {
            port.toVm(new Vm.SignalMsi(new Vm.OfDevice(device), address, data));
        }
    }

    /** Interrupts by source {@code sint} of the SynIC of vCPU {@code vcpu}. */
    public record SendSint(int vcpu, int sint) implements Call {
        @Override
        public void ask(int device, Port port) {
            port.toVm(new Vm.SignalSint(new Vm.OfDevice(device), vcpu, sint));
        }
    }

    /** Has user space do {@code ioctl} to vCPU {@code vcpu}, between two runs of it. */
    public record CallVcpu(int vcpu, Vcpu.Ioctl ioctl) implements Call {
        @Override
        public void ask(int device, Port port) {
            port.toUserspace(new Userspace.CallVcpu(device, vcpu, ioctl));
        }
    }

    /** The VMM saves or restores the IOAPIC in the kernel. */
    public enum SaveState implements Call {
        /** KVM_GET_IRQCHIP. */
        SAVE,
        /** KVM_SET_IRQCHIP of what was saved last. */
        RESTORE;

        @Override
        public void ask(int device, Port port) {
            port.toUserspace(this == SAVE ? new Userspace.SaveIoapic(device) : new Userspace.RestoreIoapic(device));
        }
    }

    /** What a device tells a vCPU's processor and need not wait for. */
    private sealed interface ToVcpu extends Action {
        void tell(Port port);
    }

    /** Posts {@code vector} to a vCPU through the IOMMU, past the interrupt controllers. */
    public record Post(int vcpu, int vector) implements ToVcpu {
        @Override
        public void tell(Port port) {
            port.toVcpu(vcpu, new Vcpu.PostFromDevice(vector));
        }
    }

    /** Interrupts the processor where a vCPU's thread runs; KVM delivers {@code vector} to that vCPU from there. */
    public record InterruptHost(int vcpu, int vector) implements ToVcpu {
        @Override
        public void tell(Port port) {
            port.toVcpu(vcpu, new Vcpu.InterruptFromDevice(vector));
        }
    }

    /** The host's scheduler: a vCPU's thread makes room, and goes on on {@code cpu} or where it was. */
    public record Preempt(int vcpu, int cpu) implements ToVcpu {
        @Override
        public void tell(Port port) {
            port.toVcpu(vcpu, new Vcpu.Preempt(cpu));
        }
    }

    /** Does nothing for {@code nanos} of virtual time. */
    public record Delay(long nanos) implements Action {}

    /** What a device is told. */
    public sealed interface Message {}

    /** Messages without data. */
    public enum Signal implements Message {
        /** Begins its program. */
        START,
        /** Goes on with its program; sent by itself. */
        STEP,
        /** The resample event of its irqfd: if its line is high, it raises it again. */
        RESAMPLE
    }

    /** The VM has done what was asked; {@code result} as {@code kvm_set_irq} returns it. */
    public record Done(long result) implements Message {}

    /** vCPU {@code vcpu}'s guest acknowledges it, and waits. */
    public record Acknowledge(int vcpu) implements Message {}

    /** The next state. */
    public Device step(Message message, Port port) {
        if (message instanceof Acknowledge a) {
            List<Integer> waiting = new ArrayList<>(state.guests);
            waiting.add(a.vcpu);
            return with(state.withGuests(waiting)).goOn(port);
        }
        if (message instanceof Done) {
            boolean forGuest = state.calling == Calling.A_GUEST;
            return (forGuest ? guestServed(port) : with(state.with(Calling.NOBODY))).goOn(port);
        }
        if (message == Signal.START) {
            return started(port).goOn(port);
        }
        if (message == Signal.RESAMPLE) {
            return with(state.withMasked(false)).fired(port);
        }
        return with(state.withStepSent(false)).run(port);
    }

    /** Its program may begin; an irqfd is assigned first. */
    private Device started(Port port) {
        Device ready = with(state.with(Activity.READY));
        if (wiring != Wiring.IRQFD) {
            return ready;
        }
        port.toVm(new Vm.AssignIrqfd(new Vm.OfDevice(index), new Irqfds.Irqfd(index, gsi, true)));
        return ready.with(ready.state.with(Calling.ITS_PROGRAM));
    }

    /** Serves a guest that waits, or asks for the program's next step, unless it is busy. */
    private Device goOn(Port port) {
        if (state.calling != Calling.NOBODY) {
            return this;
        }
        if (!state.guests.isEmpty()) {
            Device lowered = setLine(0, port);
            boolean waits = lowered.state.calling != Calling.NOBODY;
            return waits
                    ? lowered.with(lowered.state.with(Calling.A_GUEST))
                    : lowered.guestServed(port).goOn(port);
        }
        if (state.activity != Activity.READY || state.stepSent) {
            return this;
        }
        if (state.at == null) {
            return with(state.with(Activity.ENDED));
        }
        port.toDevice(index, Signal.STEP);
        return with(state.withStepSent(true));
    }

    private Device guestServed(Port port) {
        port.toVcpu(state.guests.get(0), new Vcpu.OperationDone(0));
        State free = state.with(Calling.NOBODY).withGuests(state.guests.subList(1, state.guests.size()));
        return with(free.activity == Activity.WAITING ? free.advanced() : free.withUnclaimed(free.unclaimed + 1));
    }

    /** The program's next step; it waits while the VM does something for a guest. */
    private Device run(Port port) {
        Program.Position<Action> at = state.at;
        if (at == null || state.calling != Calling.NOBODY) {
            return goOn(port);
        }
        Action action = at.action();
        if (action instanceof Call call) {
            call.ask(index, port);
            return with(state.advanced().with(Calling.ITS_PROGRAM));
        }
        if (action instanceof Delay delay) {
            port.elapse(delay.nanos);
            return with(state.advanced()).goOn(port);
        }
        if (action instanceof ToVcpu told) {
            told.tell(port);
            return with(state.advanced()).goOn(port);
        }
        if (action == Plain.AWAIT_ACKNOWLEDGE) {
            return state.unclaimed > 0
                    ? with(state.advanced().withUnclaimed(state.unclaimed - 1)).goOn(port)
                    : with(state.with(Activity.WAITING));
        }
        if (action == Plain.PIT_TICK) {
            port.toVm(new Vm.PitTick(new Vm.OfDevice(index)));
            return with(state.advanced().with(Calling.ITS_PROGRAM));
        }
        if (action == Plain.REMOVE_IRQFD) {
            port.toVm(new Vm.DeassignIrqfd(index));
            return with(state.advanced()).goOn(port);
        }
        if (action == Plain.ASSIGN || action == Plain.UNASSIGN) {
            boolean comes = action == Plain.ASSIGN;
            Vcpu.Assignment change = comes ? Vcpu.Assignment.ASSIGNED : Vcpu.Assignment.UNASSIGNED;
            port.toVm(new Vm.AssignDevice(new Vm.OfDevice(index), change));
            return with(state.advanced().with(Calling.ITS_PROGRAM));
        }
        Device next = setLine(action == Plain.ASSERT ? 1 : 0, port);
        return next.with(next.state.advanced()).goOn(port);
    }

    /** Its line goes to {@code level}; afterwards it waits for the answer, if there will be one. */
    private Device setLine(int level, Port port) {
        State changed = state.withAsserted(level != 0);
        switch (wiring) {
            case KERNEL ->
                port.toVm(new Vm.SetIrqLine(
                        new Vm.OfDevice(index), gsi, Irqfds.USERSPACE_SOURCE, level, Vm.LineStatus.WANTED));
            case USERSPACE -> port.toUserspace(new Userspace.SetLine(index, gsi, level));
            case IRQFD -> {
                return with(changed).fired(port);
            }
        }
        return with(changed.with(Calling.ITS_PROGRAM));
    }

    /** Writes to its irqfd where its line is high, once until it is asked. */
    private Device fired(Port port) {
        if (!state.asserted || state.masked) {
            return this;
        }
        port.toVm(new Vm.FireIrqfd(index));
        return with(state.withMasked(true));
    }

    private Device with(State other) {
        return new Device(index, gsi, wiring, other);
    }

    /** Whether it has nothing more to do by itself: its program ended, or it waits for the guest. */
    public boolean isQuiet() {
        return state.calling == Calling.NOBODY && state.guests.isEmpty() && state.activity != Activity.READY;
    }
}
