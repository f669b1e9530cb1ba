package org.vcpusim.kvm;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.vcpusim.arch.RedirectionEntry;
import org.vcpusim.arch.TriggerMode;

/**
 * The VMM at work on its IOAPIC: what guests, devices and EOIs ask of it, one after the other, as under one lock.
 *
 * <p>Each call of the kernel is a message that is waited for: a changed entry is published by KVM_SET_GSI_ROUTING before a
 * pin interrupts, and a pin interrupts by KVM_IRQ_LINE of its GSI, whose route is the entry's MSI. Source: QEMU,
 * hw/intc/ioapic.c; KVM_EXIT_IOAPIC_EOI, Documentation/virt/kvm/api.rst.
 *
 * @param ioapic the IOAPIC
 * @param work what is being done, null where nothing is
 * @param waiting what is to be done after it, first come first served
 */
public record UserspaceIrqchip(
        UserspaceIoapic ioapic, @Nullable Work work, List<Userspace.Message> waiting) {
    public UserspaceIrqchip {
        waiting = List.copyOf(waiting);
    }

    /** What is being done: {@code cause} is answered when it is. */
    record Work(Userspace.Message cause, Call call) {}

    /** The call of the kernel that is waited for. */
    private sealed interface Call {}

    /** KVM_SET_GSI_ROUTING. */
    private enum Publish implements Call {
        PUBLISH
    }

    /** KVM_IRQ_LINE of a pin's GSI; where it is an edge, the line falls afterwards. */
    private record Raise(int pin, TriggerMode trigger) implements Call {}

    /** The fall of that line. */
    private enum Lower implements Call {
        LOWER
    }

    /** A VMM that is doing nothing. */
    static UserspaceIrqchip idle(UserspaceIoapic ioapic) {
        return new UserspaceIrqchip(ioapic, null, List.of());
    }

    /** Whether a message of user space is the IOAPIC's business. */
    static boolean concerns(Userspace.Message message) {
        if (message instanceof Userspace.VcpuExited exited) {
            return exited.reason() == Event.UserspaceExit.KVM_EXIT_MMIO
                    && UserspaceIoapic.claims(exited.access().address());
        }
        return message instanceof Userspace.IoapicEoi
                || message instanceof Userspace.IoapicRegisterWritten
                || message instanceof Userspace.IoapicRegisterRead
                || message instanceof Userspace.SetLine
                || message instanceof Userspace.Done;
    }

    /** The next state after a message that concerns it. */
    UserspaceIrqchip step(Userspace.Message message, Port port) {
        if (message instanceof Userspace.Done done) {
            return work == null ? this : called(work, done.result(), port);
        }
        if (work != null) {
            List<Userspace.Message> more = new ArrayList<>(waiting);
            more.add(message);
            return new UserspaceIrqchip(ioapic, work, more);
        }
        return begun(message, port);
    }

    /** The IOAPIC after the end of {@code vector}. */
    private UserspaceIoapic ended(int vector, Port port) {
        UserspaceIoapic ended = ioapic.ended(vector);
        reportEnded(ended, port);
        return ended;
    }

    private void reportEnded(UserspaceIoapic ended, Port port) {
        for (int pin = 0; pin < Ioapic.PINS; pin++) {
            RedirectionEntry entry = ended.entries().get(pin);
            if (ioapic.entries().get(pin).remoteIrr() && !entry.remoteIrr()) {
                port.emit(new Event.RemoteIrrCleared(pin, entry));
            }
        }
    }

    private UserspaceIrqchip begun(Userspace.Message cause, Port port) {
        if (cause instanceof Userspace.IoapicEoi eoi) {
            return with(ended(eoi.vector(), port)).interrupting(cause, port);
        }
        if (cause instanceof Userspace.SetLine line) {
            return with(ioapic.withLine(line.gsi(), line.level())).interrupting(cause, port);
        }
        if (cause instanceof Userspace.IoapicRegisterWritten w) {
            return written(cause, ioapic.writeRegister(w.index(), w.value()), port);
        }
        if (cause instanceof Userspace.IoapicRegisterRead r) {
            return with(ioapic.selecting(r.index())).answered(cause, port);
        }
        Userspace.Unhandled access = ((Userspace.VcpuExited) cause).access();
        return access.access() == Event.Access.READ
                ? answered(cause, port)
                : written(cause, ioapic.write(access.address(), (int) access.value()), port);
    }

    private UserspaceIrqchip written(Userspace.Message cause, UserspaceIoapic.Written written, Port port) {
        UserspaceIrqchip next = with(written.ioapic());
        int pin = written.pin();
        if (pin < 0) {
            reportEnded(written.ioapic(), port);
            return next.interrupting(cause, port);
        }
        port.emit(new Event.RedirectionEntryWritten(
                pin,
                ioapic.entries().get(pin),
                written.ioapic().entries().get(pin),
                written.ioapic().writes(),
                0));
        port.toVm(new Vm.SetRouting(written.ioapic().routing()));
        return next.doing(new Work(cause, Publish.PUBLISH));
    }

    /** The kernel has done what was asked. */
    private UserspaceIrqchip called(Work done, long result, Port port) {
        if (done.call instanceof Raise raised && raised.trigger == TriggerMode.EDGE) {
            setLine(raised.pin, 0, port);
            return doing(new Work(done.cause, Lower.LOWER));
        }
        if (done.call instanceof Raise raised) {
            port.emit(new Event.RemoteIrrSet(raised.pin, ioapic.entries().get(raised.pin), (int) result));
        }
        return interrupting(done.cause, port);
    }

    /** The next pin that can interrupts; when there is none, the work is done. */
    private UserspaceIrqchip interrupting(Userspace.Message cause, Port port) {
        int pin = ioapic.deliverablePin();
        if (pin < 0) {
            return answered(cause, port);
        }
        TriggerMode trigger = ioapic.entries().get(pin).triggerMode();
        setLine(pin, 1, port);
        return with(ioapic.delivered(pin)).doing(new Work(cause, new Raise(pin, trigger)));
    }

    private static void setLine(int pin, int level, Port port) {
        port.toVm(
                new Vm.SetIrqLine(Vm.OfUserspace.USERSPACE, pin, Irqfds.USERSPACE_SOURCE, level, Vm.LineStatus.WANTED));
    }

    /** Whoever asked goes on, and then whoever is next is served. */
    private UserspaceIrqchip answered(Userspace.Message cause, Port port) {
        if (cause instanceof Userspace.IoapicEoi eoi) {
            port.toVcpu(eoi.vcpu(), new Vcpu.Run(0));
        } else if (cause instanceof Userspace.IoapicRegisterWritten w) {
            port.toVcpu(w.vcpu(), new Vcpu.Run(0));
        } else if (cause instanceof Userspace.IoapicRegisterRead r) {
            port.toVcpu(r.vcpu(), new Vcpu.Run(ioapic.readWindow() & 0xffffffffL));
        } else if (cause instanceof Userspace.SetLine line) {
            port.toDevice(line.device(), new Device.Done(0));
        } else {
            Userspace.VcpuExited exited = (Userspace.VcpuExited) cause;
            port.toVcpu(exited.vcpu(), new Vcpu.Run(read(exited.access())));
        }
        UserspaceIrqchip free = doing(null);
        if (waiting.isEmpty()) {
            return free;
        }
        UserspaceIrqchip next = new UserspaceIrqchip(ioapic, null, waiting.subList(1, waiting.size()));
        return next.begun(waiting.get(0), port);
    }

    private long read(Userspace.Unhandled access) {
        long mask = access.size() >= Integer.BYTES ? 0xffffffffL : (1L << Byte.SIZE * access.size()) - 1;
        return access.access() == Event.Access.READ ? ioapic.read(access.address()) & mask : 0;
    }

    private UserspaceIrqchip with(UserspaceIoapic other) {
        return new UserspaceIrqchip(other, work, waiting);
    }

    private UserspaceIrqchip doing(@Nullable Work other) {
        return new UserspaceIrqchip(ioapic, other, waiting);
    }
}
