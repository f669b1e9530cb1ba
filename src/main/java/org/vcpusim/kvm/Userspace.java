package org.vcpusim.kvm;

/**
 * The VMM process: it starts the vCPUs and the devices, and completes what the kernel leaves to it. With a split irqchip the
 * IOAPIC is its own.
 *
 * @param machine what there is to start
 * @param started how many vCPUs and devices have been started, vCPUs first
 * @param conduct whether it goes on by itself when KVM_RUN returns
 * @param irqchip its IOAPIC; unused where the kernel has one
 * @param calls what it has to do to vCPUs
 * @param snapshot what it has saved
 */
public record Userspace(
        Machine machine, int started, Conduct conduct, UserspaceIrqchip irqchip, VcpuCalls calls, Snapshot snapshot) {
    /** What a VMM does when KVM_RUN returns. */
    public enum Conduct {
        /**
         * Completes the access, reads giving all ones, and runs the vCPU again; not one that has halted where the kernel has no
         * local APICs: what would wake it is not modelled.
         */
        RUNS_AGAIN,
        /** Nothing: somebody drives it from outside. */
        WAITS
    }

    /** Error number of an ioctl with an invalid argument, as the answer to an operation. */
    public static final long EINVAL = -22;
    /** Error number of an ioctl for something that is not there, as the answer to an operation. */
    public static final long ENXIO = -6;

    /** Error number of an ioctl for something that does not exist, as the answer to an operation. */
    public static final long ENOENT = -2;

    /** What user space is told. */
    public sealed interface Message {}

    /** Starts the next vCPU or device; sent by itself after the first. */
    public enum Start implements Message {
        START
    }

    /** Every bitmap and pin has been looked at. */
    public enum Audited implements Message {
        AUDITED
    }

    /** An operation is done; {@code result} is what it returned. */
    public record Done(long result) implements Message {}

    /** An irqfd's resample event was signalled; where the VMM goes on by itself the irqfd is its device's index. */
    public record ResampleSignalled(int irqfd) implements Message {}

    /** KVM_RUN returned with KVM_EXIT_IOAPIC_EOI: vCPU {@code vcpu} has ended {@code vector}. */
    public record IoapicEoi(int vcpu, int vector) implements Message {}

    /** KVM_RUN returned for a guest's selection of register {@code index} of the IOAPIC and its write, as one access. */
    public record IoapicRegisterWritten(int vcpu, int index, int value) implements Message {}

    /** The same for a guest's read. */
    public record IoapicRegisterRead(int vcpu, int index) implements Message {}

    /** Device {@code device} drives line {@code gsi} of user space's IOAPIC, and waits. */
    public record SetLine(int device, int gsi, int level) implements Message {}

    /** Device {@code device}, some part of the VMM, wants {@code ioctl} done to a vCPU, and waits. */
    public record CallVcpu(int device, int vcpu, Vcpu.Ioctl ioctl) implements Message {}

    /** An ioctl of vCPU {@code vcpu} is done; {@code result} is what it returned. */
    public record VcpuCalled(int vcpu, long result) implements Message {}

    /** Device {@code device} has the IOAPIC in the kernel saved, and waits. */
    public record SaveIoapic(int device) implements Message {}

    /** Device {@code device} has the IOAPIC in the kernel put back to what was saved last, and waits. */
    public record RestoreIoapic(int device) implements Message {}

    /** KVM_GET_IRQCHIP of the IOAPIC is done. */
    public record IoapicSaved(int device, IoapicState state) implements Message {}

    /** The audit wants to see user space's IOAPIC. */
    public record ShowIoapic(int task) implements Message {}

    /** The state of the VM. */
    public record VmState(Vm vm) implements Message {}

    /** The state of a vCPU. */
    public record VcpuState(Vcpu vcpu) implements Message {}

    /**
     * KVM_RUN returned.
     *
     * @param access what the guest wanted where {@code reason} is MMIO or IO; nothing to complete where it only came out
     */
    public record VcpuExited(int vcpu, Event.UserspaceExit reason, Unhandled access) implements Message {}

    /**
     * An access that nobody in the kernel took.
     *
     * @param address guest-physical address or port
     * @param value what is written; 0 for a read
     */
    public record Unhandled(Event.Access access, long address, int size, long value) {
        /** No access. */
        public static final Unhandled NONE = new Unhandled(Event.Access.READ, 0, 0, 0);
    }

    /** A VMM that has started nothing. */
    public static Userspace of(Machine machine) {
        return of(machine, UserspaceIoapic.reset());
    }

    /** A VMM that has started nothing, with its IOAPIC as firmware has left it. */
    public static Userspace of(Machine machine, UserspaceIoapic ioapic) {
        return new Userspace(
                machine, 0, Conduct.RUNS_AGAIN, UserspaceIrqchip.idle(ioapic), VcpuCalls.IDLE, Snapshot.NONE);
    }

    /** A VMM that is driven from outside. */
    public static Userspace driven(Machine machine) {
        return new Userspace(
                machine,
                0,
                Conduct.WAITS,
                UserspaceIrqchip.idle(UserspaceIoapic.reset()),
                VcpuCalls.IDLE,
                Snapshot.NONE);
    }

    /** Reports what its IOAPIC is like before its first step, for those who see events only. */
    public void announce(Port port) {
        if (machine.isSplit()) {
            port.emit(new Event.IoapicTableSet(irqchip.ioapic().entries()));
        }
    }

    /** The next state. */
    public Userspace step(Message message, Port port) {
        if (message == Start.START) {
            return startNext(port);
        }
        if (message instanceof ShowIoapic show) {
            port.toVm(new Vm.IoapicShown(show.task, irqchip.ioapic().entries()));
            return this;
        }
        if (message instanceof ResampleSignalled r && conduct == Conduct.RUNS_AGAIN) {
            port.toDevice(r.irqfd, Device.Signal.RESAMPLE);
            return this;
        }
        if (machine.isSplit() && conduct == Conduct.RUNS_AGAIN && UserspaceIrqchip.concerns(message)) {
            return new Userspace(machine, started, conduct, irqchip.step(message, port), calls, snapshot);
        }
        if (Snapshot.concerns(message)) {
            return new Userspace(machine, started, conduct, irqchip, calls, snapshot.step(message, port));
        }
        if (VcpuCalls.concerns(message) && conduct == Conduct.RUNS_AGAIN) {
            return calls.step(message, port).map(this::with).orElseGet(() -> runsAgain(message, port));
        }
        return runsAgain(message, port);
    }

    private Userspace with(VcpuCalls other) {
        return new Userspace(machine, started, conduct, irqchip, other, snapshot);
    }

    private Userspace runsAgain(Message message, Port port) {
        if (conduct == Conduct.WAITS) {
            return this;
        }
        if (message instanceof VcpuExited exited) {
            boolean sleeps = !machine.hasLapics() && exited.reason == Event.UserspaceExit.KVM_EXIT_HLT;
            if (!sleeps) {
                port.toVcpu(exited.vcpu, new Vcpu.Run(-1));
            }
        } else if (message instanceof IoapicRegisterWritten write) {
            port.toVcpu(write.vcpu, new Vcpu.Run(-1));
        } else if (message instanceof IoapicRegisterRead read) {
            port.toVcpu(read.vcpu, new Vcpu.Run(-1));
        }
        return this;
    }

    private Userspace startNext(Port port) {
        int vcpus = machine.vcpuCount();
        if (machine.hotplug().brings(started)) {
            return started(port);
        }
        if (started < vcpus) {
            port.toVcpu(started, Vcpu.Plain.CREATE);
            port.toVcpu(started, new Vcpu.Run(0));
        } else {
            port.toDevice(started - vcpus, Device.Signal.START);
        }
        return started(port);
    }

    private Userspace started(Port port) {
        Userspace next = new Userspace(machine, started + 1, conduct, irqchip, calls, snapshot);
        if (next.started < machine.vcpuCount() + machine.devices()) {
            port.toUserspace(Start.START);
        }
        return next;
    }
}
