package org.vcpusim.kvm;

import org.vcpusim.arch.ApicAccessType;
import org.vcpusim.arch.ApicRegister;
import org.vcpusim.arch.ExitQualification;
import org.vcpusim.arch.ExitReason;
import org.vcpusim.arch.SecondaryProcessorControl;

/**
 * What the processor does with an instruction of the guest: carries it out, or leaves the guest.
 *
 * <p>Source: SDM volume 3, "VMX Non-Root Operation". What it does with the local APIC is {@link GuestApic}'s.
 */
final class GuestExecution {

    private GuestExecution() {}

    static Vcpu execute(Vcpu v, GuestAction action, Port port) {
        if (action instanceof GuestAction.Plain plain && !NestedExecution.isOwn(v, action)) {
            return plain(v, plain, port);
        }
        if (action instanceof GuestAction.Compute compute) {
            port.elapse(compute.nanos());
            return retired(v, port);
        }
        if (action instanceof GuestAction.SetNestedPir set) {
            port.toVcpu(set.vcpu(), new Vcpu.SetNestedPir(set.vector()));
            return retired(v, port);
        }
        if (action instanceof GuestAction.SetNestedOn set) {
            port.toVcpu(set.vcpu(), Vcpu.SetNestedOn.SET_NESTED_ON);
            return retired(v, port);
        }
        return NestedExecution.isOwn(v, action) ? NestedExecution.execute(v, action, port) : operation(v, action, port);
    }

    /** An operation that the processor virtualizes, or one that leaves the guest. */
    private static Vcpu operation(Vcpu v, GuestAction action, Port port) {
        Vcpu virtualized = GuestApic.executed(v, action, port);
        return virtualized == null ? VcpuRun.exit(v, exitFor(v, action), port) : virtualized;
    }

    private static Vcpu plain(Vcpu v, GuestAction.Plain action, Port port) {
        return switch (action) {
            case NOP -> retired(v, port);
            case STI -> {
                GuestLink after = v.guest().retiring().withInterrupts();
                boolean wasOn = v.guest().interruptsEnabled();
                yield VcpuRun.resume(v.with(wasOn ? after.withInterruptsAtOnce() : after), port);
            }
            case CLI -> VcpuRun.resume(v.with(v.guest().retiring().withoutInterrupts()), port);
            case IRET -> iret(v, port);
            case HLT -> VcpuRun.exit(v, GuestExit.of(ExitReason.HLT, action), port);
            case EXIT_TO_USERSPACE -> VcpuRun.exit(v, GuestExit.of(ExitReason.IO_INSTRUCTION, action), port);
            case EOI -> operation(v, action, port);
        };
    }

    private static Vcpu retired(Vcpu v, Port port) {
        return VcpuRun.resume(v.with(v.guest().retiring()), port);
    }

    /** Interrupts are as they were; an NMI's handler also ends the blocking of NMIs. */
    private static Vcpu iret(Vcpu v, Port port) {
        Vcpu back = v.with(v.guest().retiring().returned());
        if (!v.events().nmis().masked()) {
            return VcpuRun.resume(back, port);
        }
        port.emit(new Event.NmiUnblocked(v.index()));
        return VcpuRun.resume(back.with(v.events().nmis().unmasked()), port);
    }

    static GuestExit exitFor(Vcpu v, GuestAction action) {
        if (action instanceof GuestAction.Vmx vmx) {
            return NestedExecution.exitOf(vmx);
        }
        if (action instanceof GuestAction.MmioRead r) {
            return memory(v, r.address(), ApicAccessType.LINEAR_READ, action);
        }
        if (action instanceof GuestAction.MmioWrite w) {
            return memory(v, w.address(), ApicAccessType.LINEAR_WRITE, action);
        }
        if (action instanceof GuestAction.Rdmsr) {
            return GuestExit.of(ExitReason.MSR_READ, action);
        }
        if (action instanceof GuestAction.Wrmsr) {
            return GuestExit.of(ExitReason.MSR_WRITE, action);
        }
        if (action instanceof GuestAction.PortRead || action instanceof GuestAction.PortWrite) {
            return GuestExit.of(ExitReason.IO_INSTRUCTION, action);
        }
        if (action instanceof GuestAction.ApicRegisterWrite w) {
            return apicWrite(v, w.offset(), action);
        }
        if (action == GuestAction.Plain.EOI) {
            return apicWrite(v, ApicRegister.EOI.offset(), action);
        }
        return GuestExit.of(ExitReason.EPT_MISCONFIG, action);
    }

    private static GuestExit apicWrite(Vcpu v, int offset, GuestAction action) {
        return v.lapic().x2apic()
                ? GuestExit.of(ExitReason.MSR_WRITE, action)
                : memory(v, v.lapic().pageAddress() + offset, ApicAccessType.LINEAR_WRITE, action);
    }

    private static GuestExit memory(Vcpu v, long address, ApicAccessType type, GuestAction action) {
        boolean apicAccess =
                v.lapic().claims(address) && SecondaryProcessorControl.VIRTUALIZE_APIC_ACCESSES.isSetIn(v.vmcs());
        if (!apicAccess) {
            return GuestExit.of(ExitReason.EPT_MISCONFIG, action);
        }
        long qualification = ExitQualification.ofApicAccess(type, (int) address & 0xfff);
        return new GuestExit(ExitReason.APIC_ACCESS, qualification, 0, action);
    }

    static boolean isApicBase(int msr) {
        return msr == Lapic.BASE_MSR;
    }
}
