package org.vcpusim.kvm;

import java.util.OptionalInt;
import java.util.OptionalLong;
import org.vcpusim.arch.ApicRegister;
import org.vcpusim.kvm.LapicRegisters.Effect;
import org.vcpusim.kvm.LapicRegisters.Write;

/**
 * Accesses that KVM emulates: device memory, MSRs and ports.
 *
 * <p>Source: {@code vcpu_mmio_read}, {@code vcpu_mmio_write}, {@code kvm_get_msr_common}, {@code kvm_set_msr_common},
 * {@code kernel_pio}, arch/x86/kvm/x86.c; {@code apic_mmio_read}, {@code apic_mmio_write}, arch/x86/kvm/lapic.c.
 */
final class VcpuAccess {
    private static final int FIRST_X2APIC_MSR = 0x800;
    private static final int LAST_X2APIC_MSR = 0x8ff;
    private static final int ALIGNMENT = 0xf;
    private static final int CR8_BITS = 4;
    private static final long IOWIN = Ioapic.DEFAULT_BASE + 0x10;

    private VcpuAccess() {}

    static Vcpu emulate(Vcpu v, GuestAction action, Port port) {
        if (action instanceof GuestAction.MmioRead r) {
            return mmioRead(v, r, port);
        }
        if (action instanceof GuestAction.MmioWrite w) {
            return mmioWrite(v, w, port);
        }
        if (action instanceof GuestAction.IoapicRegisterWrite w) {
            return ioapicWrite(v, w, port);
        }
        if (action instanceof GuestAction.IoapicRegisterWriteBack w) {
            return ioapicWrite(v, w.of(v.guest().value()), port);
        }
        if (action instanceof GuestAction.IoapicRegisterRead r) {
            if (!v.machine().hasIoapic()) {
                return VcpuRun.leaveKernelForIoapic(v, new Userspace.IoapicRegisterRead(v.index(), r.index()), port);
            }
            port.toVm(new Vm.IoapicRegisterRead(v.index(), r.index()));
            return awaitAccess(v);
        }
        if (action instanceof GuestAction.ApicRegisterWrite w) {
            return apicRegisterWrite(v, w.offset(), w.value(), port);
        }
        if (action == GuestAction.Plain.EOI) {
            return apicRegisterWrite(v, ApicRegister.EOI.offset(), 0, port);
        }
        if (action instanceof GuestAction.AcknowledgeDevice a) {
            port.toDevice(a.device(), new Device.Acknowledge(v.index()));
            return awaitAccess(v);
        }
        return msrOrPort(v, action, port);
    }

    private static Vcpu ioapicWrite(Vcpu v, GuestAction.IoapicRegisterWrite w, Port port) {
        port.emit(new Event.MmioAccessed(v.index(), Event.Access.WRITE, 4, IOWIN, w.value() & 0xffffffffL));
        if (!v.machine().hasIoapic()) {
            return VcpuRun.leaveKernelForIoapic(
                    v, new Userspace.IoapicRegisterWritten(v.index(), w.index(), w.value()), port);
        }
        port.toVm(new Vm.IoapicRegisterWrite(v.index(), w.index(), w.value()));
        return awaitAccess(v);
    }

    private static Vcpu awaitAccess(Vcpu v) {
        return v.with(v.thread().awaiting(VcpuThread.Await.ACCESS));
    }

    private static Vcpu msrOrPort(Vcpu v, GuestAction action, Port port) {
        if (action instanceof GuestAction.Cr8Write w) {
            boolean fault = w.value() >>> CR8_BITS != 0;
            return fault
                    ? VcpuExits.faulted(v, port)
                    : VcpuExits.applyWrite(
                            v, Write.of(v.lapic().withTpr((int) w.value() << CR8_BITS), Effect.PRIORITY), port);
        }
        if (action instanceof GuestAction.Cr8Read) {
            return VcpuExits.completed(v, v.lapic().page().tpr() >> CR8_BITS, port);
        }
        if (action instanceof GuestAction.Rdmsr r) {
            return rdmsr(v, r.msr(), port);
        }
        if (action instanceof GuestAction.Wrmsr w) {
            return wrmsr(v, w.msr(), w.value(), port);
        }
        if (action instanceof GuestAction.PortRead r) {
            port.emit(new Event.PioAccessed(v.index(), Event.Access.READ, r.port(), 0));
            if (!v.machine().hasIoapic() || !Pic.claims(r.port())) {
                return leave(v, Event.UserspaceExit.KVM_EXIT_IO, unread(r.port(), 1), port);
            }
            port.toVm(new Vm.PortRead(v.index(), r.port()));
            return awaitAccess(v);
        }
        if (action instanceof GuestAction.PortWrite w) {
            port.emit(new Event.PioAccessed(v.index(), Event.Access.WRITE, w.port(), w.value()));
            if (!v.machine().hasIoapic() || !Pic.claims(w.port())) {
                return leave(v, Event.UserspaceExit.KVM_EXIT_IO, unwritten(w.port(), 1, w.value()), port);
            }
            port.toVm(new Vm.PortWrite(v.index(), w.port(), w.value() & 0xff));
            return awaitAccess(v);
        }
        Vcpu done = v.with(v.guest().retiring());
        return VcpuRun.leaveKernel(done, Event.UserspaceExit.KVM_EXIT_IO, Userspace.Unhandled.NONE, port);
    }

    private static Userspace.Unhandled unread(long address, int size) {
        return new Userspace.Unhandled(Event.Access.READ, address, size, 0);
    }

    private static Userspace.Unhandled unwritten(long address, int size, long value) {
        return new Userspace.Unhandled(Event.Access.WRITE, address, size, value);
    }

    private static Vcpu leave(Vcpu v, Event.UserspaceExit reason, Userspace.Unhandled access, Port port) {
        return VcpuRun.leaveKernel(v, reason, access, port);
    }

    private static Vcpu mmioRead(Vcpu v, GuestAction.MmioRead r, Port port) {
        Lapic lapic = v.lapic();
        if (lapic.claims(r.address())) {
            long value = lapic.hwEnabled() && !lapic.x2apic() ? apicPageRead(lapic, r) : ones(r.size());
            port.emit(new Event.ApicAccessed(v.index(), Event.Access.READ, (int) r.address() & 0xff0, r.size(), value));
            return VcpuExits.completed(v, value, port);
        }
        if (inIoapicWindow(r.address()) && v.machine().hasIoapic()) {
            port.toVm(new Vm.IoapicRead(v.index(), r.address(), r.size()));
            return awaitAccess(v);
        }
        return leave(v, Event.UserspaceExit.KVM_EXIT_MMIO, unread(r.address(), r.size()), port);
    }

    private static long ones(int size) {
        return size >= Long.BYTES ? -1L : (1L << Byte.SIZE * size) - 1;
    }

    /** A read that crosses a register or hits none gives 0. */
    private static long apicPageRead(Lapic lapic, GuestAction.MmioRead r) {
        int offset = (int) (r.address() - lapic.pageAddress());
        int within = offset & ALIGNMENT;
        if (within + r.size() > Integer.BYTES) {
            return 0;
        }
        OptionalInt value = LapicRegisters.read(lapic, offset & ~ALIGNMENT);
        long register = value.orElse(0) & 0xffffffffL;
        return register >>> Byte.SIZE * within & ones(r.size());
    }

    private static Vcpu mmioWrite(Vcpu v, GuestAction.MmioWrite w, Port port) {
        Lapic lapic = v.lapic();
        if (lapic.claims(w.address())) {
            boolean hole = !lapic.hwEnabled() || lapic.x2apic();
            boolean whole = w.size() == Integer.BYTES && (w.address() & ALIGNMENT) == 0;
            if (hole || !whole) {
                return VcpuExits.completed(v, 0, port);
            }
            int offset = (int) (w.address() - lapic.pageAddress()) & 0xff0;
            accessed(v, offset, w.size(), w.value(), port);
            return apicPageWrite(v, offset, (int) w.value(), port);
        }
        if (inIoapicWindow(w.address())) {
            port.emit(new Event.MmioAccessed(v.index(), Event.Access.WRITE, w.size(), w.address(), w.value()));
            if (v.machine().hasIoapic()) {
                port.toVm(new Vm.IoapicWrite(v.index(), w.address(), w.size(), w.value()));
                return awaitAccess(v);
            }
        }
        return leave(v, Event.UserspaceExit.KVM_EXIT_MMIO, unwritten(w.address(), w.size(), w.value()), port);
    }

    private static boolean inIoapicWindow(long address) {
        return address >= Ioapic.DEFAULT_BASE && address < Ioapic.DEFAULT_BASE + Ioapic.WINDOW_BYTES;
    }

    @SuppressWarnings("TooManyParameters") // whose, where, how much, what, and where that is told
    private static void accessed(Vcpu v, int offset, int size, long value, Port port) {
        port.emit(new Event.ApicAccessed(v.index(), Event.Access.WRITE, offset, size, value & 0xffffffffL));
    }

    /** {@code handle_apic_access} where it decodes no instruction: an EOI, of {@code size} bytes. */
    static Vcpu fastEoi(Vcpu v, int size, Port port) {
        accessed(v, ApicRegister.EOI.offset(), size, 0, port);
        return apicPageWrite(v, ApicRegister.EOI.offset(), 0, port);
    }

    private static Vcpu apicPageWrite(Vcpu v, int offset, int value, Port port) {
        Write write = LapicRegisters.write(v.lapic(), offset, value);
        return write.effect() == Effect.FAULT ? VcpuExits.completed(v, 0, port) : VcpuExits.applyWrite(v, write, port);
    }

    /** {@code kvm_apic_write_nodecode}: the processor has done the instruction; what the write asks for is left. */
    static Vcpu apicWritten(Vcpu v, GuestAction action, Port port) {
        if (!(action instanceof GuestAction.ApicRegisterWrite w)) {
            throw new IllegalStateException("not a write of a local APIC register: " + action);
        }
        accessed(v, w.offset(), Integer.BYTES, w.value(), port);
        return apicPageWrite(v, w.offset(), (int) w.value(), port);
    }

    private static Vcpu apicRegisterWrite(Vcpu v, int offset, long value, Port port) {
        if (v.lapic().x2apic()) {
            return wrmsr(v, ApicRegister.X2APIC_MSR_BASE + (offset >> 4), value, port);
        }
        return mmioWrite(v, new GuestAction.MmioWrite(v.lapic().pageAddress() + offset, 4, value), port);
    }

    private static Vcpu rdmsr(Vcpu v, int msr, Port port) {
        OptionalLong value = msrValue(v, msr);
        boolean fault = value.isEmpty();
        port.emit(new Event.MsrAccessed(v.index(), Event.Access.READ, msr, value.orElse(0), fault));
        return fault ? VcpuExits.faulted(v, port) : VcpuExits.completed(v, value.getAsLong(), port);
    }

    private static OptionalLong msrValue(Vcpu v, int msr) {
        if (GuestExecution.isApicBase(msr)) {
            return OptionalLong.of(v.lapic().apicBase());
        }
        if (VcpuSynic.claims(v, msr)) {
            return VcpuSynic.rdmsr(v, msr);
        }
        return isX2apic(msr) ? LapicRegisters.readMsr(v.lapic(), msr) : OptionalLong.empty();
    }

    private static Vcpu wrmsr(Vcpu v, int msr, long value, Port port) {
        if (VcpuSynic.claims(v, msr)) {
            return VcpuSynic.wrmsr(v, msr, value, port);
        }
        Write write = GuestExecution.isApicBase(msr)
                ? apicBaseWrite(v, value)
                : isX2apic(msr)
                        ? LapicRegisters.writeMsr(v.lapic(), msr, value)
                        : new Write(v.lapic(), Effect.FAULT, 0, 0);
        boolean fault = write.effect() == Effect.FAULT;
        port.emit(new Event.MsrAccessed(v.index(), Event.Access.WRITE, msr, value, fault));
        return fault ? VcpuExits.faulted(v, port) : VcpuExits.applyWrite(v, write, port);
    }

    /** Without a local APIC in the kernel the MSR enables none. */
    private static Write apicBaseWrite(Vcpu v, long value) {
        return v.machine().hasLapics()
                ? LapicRegisters.writeApicBase(v.lapic(), value)
                : Write.of(v.lapic(), Effect.NONE);
    }

    static boolean isX2apic(int msr) {
        return msr >= FIRST_X2APIC_MSR && msr <= LAST_X2APIC_MSR;
    }
}
