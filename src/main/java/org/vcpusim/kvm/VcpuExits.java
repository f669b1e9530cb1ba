package org.vcpusim.kvm;

import java.util.Optional;
import org.vcpusim.arch.ApicAccessType;
import org.vcpusim.arch.ApicRegister;
import org.vcpusim.arch.ExitQualification;
import org.vcpusim.arch.PrimaryProcessorControl;
import org.vcpusim.arch.VmcsField;

/**
 * How KVM handles a VM exit.
 *
 * <p>Source: {@code kvm_vmx_exit_handlers}, arch/x86/kvm/vmx/vmx.c; {@code __kvm_emulate_halt}, arch/x86/kvm/x86.c.
 */
final class VcpuExits {
    private VcpuExits() {}

    static Vcpu handle(Vcpu v, Port port) {
        GuestExit exit = v.thread().exit();
        if (exit == null) {
            throw new IllegalStateException("vCPU " + v.index() + " has no exit to handle");
        }
        if (v.nested().guestMode()) {
            Optional<Vcpu> reflected = NestedExits.reflected(v, exit, port);
            if (reflected.isPresent()) {
                return reflected.get();
            }
        }
        return switch (exit.reason()) {
            case EXTERNAL_INTERRUPT, PREEMPTION_TIMER -> v.goTo(EntryPhase.RUN_LOOP, port);
            case VMRESUME, VMWRITE, VMCALL -> VmxInstructions.emulate(v, exit.action(), port);
            case INTERRUPT_WINDOW -> windowOpened(v, port);
            case NMI_WINDOW -> v.make(VcpuRequest.EVENT, port).goTo(EntryPhase.RUN_LOOP, port);
            case TPR_BELOW_THRESHOLD -> priorityDropped(v, port).goTo(EntryPhase.RUN_LOOP, port);
            case HLT -> halted(v, port);
            case EOI_INDUCED -> VcpuEoi.accelerated(v, ExitQualification.eoiInducedVector(exit.qualification()), port);
            case APIC_ACCESS -> apicAccess(v, exit, port);
            case APIC_WRITE -> VcpuAccess.apicWritten(v, exit.action(), port);
            default -> VcpuAccess.emulate(v, exit.action(), port);
        };
    }

    /** {@code apic_update_ppr}: a request that has become deliverable asks for KVM_REQ_EVENT. */
    static Vcpu priorityDropped(Vcpu v, Port port) {
        Vcpu updated = v.with(v.lapic().withPprUpdated());
        return updated.lapic().deliverable() >= 0 ? updated.make(VcpuRequest.EVENT, port) : updated;
    }

    /** {@code handle_apic_access}: on VMX a write to the EOI register needs no decoding, whatever its size. */
    private static Vcpu apicAccess(Vcpu v, GuestExit exit, Port port) {
        boolean eoi = ExitQualification.apicAccessType(exit.qualification())
                        .filter(type -> type == ApicAccessType.LINEAR_WRITE)
                        .isPresent()
                && ExitQualification.apicAccessOffset(exit.qualification()) == ApicRegister.EOI.offset();
        boolean fast = eoi && v.machine().tpr() == Machine.TaskPriority.TPR_SHADOW;
        return fast ? VcpuAccess.fastEoi(v, size(exit.action()), port) : VcpuAccess.emulate(v, exit.action(), port);
    }

    /** In bytes, of a write of the EOI register. */
    private static int size(GuestAction action) {
        return action instanceof GuestAction.MmioWrite write ? write.size() : Integer.BYTES;
    }

    private static Vcpu windowOpened(Vcpu v, Port port) {
        Vcpu closed = v.with(VmcsSetup.withBits(
                v.vmcs(),
                VmcsField.CPU_BASED_VM_EXEC_CONTROL,
                PrimaryProcessorControl.INTERRUPT_WINDOW_EXITING.mask(),
                false));
        return closed.make(VcpuRequest.EVENT, port).goTo(EntryPhase.RUN_LOOP, port);
    }

    private static Vcpu halted(Vcpu v, Port port) {
        if (!v.machine().hasLapics()) {
            Vcpu done = v.with(v.guest().retiring());
            return VcpuRun.leaveKernel(done, Event.UserspaceExit.KVM_EXIT_HLT, Userspace.Unhandled.NONE, port);
        }
        Vcpu after = VcpuInjection.synced(v.with(v.guest().retiring()), port);
        boolean stays = VcpuInjection.hasEvents(after);
        VcpuEvents events = after.events();
        Vcpu next = after.with(stays ? events.withPvUnhalted(false) : events.with(MpState.HALTED));
        return next.goTo(EntryPhase.RUN_LOOP, port);
    }

    /** The instruction is done; it has read nothing. */
    static Vcpu completed(Vcpu v, Port port) {
        return v.with(v.guest().completed(v.guest().value())).goTo(EntryPhase.RUN_LOOP, port);
    }

    /** The instruction is done; {@code value} is what it read. */
    static Vcpu completed(Vcpu v, long value, Port port) {
        return v.with(v.guest().completed(value)).goTo(EntryPhase.RUN_LOOP, port);
    }

    /** The instruction raises #GP; the simulated guest goes on behind it. */
    static Vcpu faulted(Vcpu v, Port port) {
        Vcpu raised = v.with(v.events().withException(Guest.GENERAL_PROTECTION)).make(VcpuRequest.EVENT, port);
        return completed(raised, port);
    }

    /** Carries out what a write to a local APIC register asks for besides the register. */
    static Vcpu applyWrite(Vcpu v, LapicRegisters.Write write, Port port) {
        GuestApic.reportPriority(v, write.lapic().page(), port);
        Vcpu written = v.with(write.lapic());
        if (VcpuApicv.movesBase(v, written)) {
            return VcpuApicv.baseMoved(v, written, port).with(written.thread().awaiting(VcpuThread.Await.ACCESS));
        }
        return switch (write.effect()) {
            case NONE -> completed(shownToVm(v, written, port), 0, port);
            case FAULT -> throw new IllegalArgumentException("a refused write has no effect to apply");
            case EOI -> VcpuEoi.software(written, port);
            case PRIORITY -> completed(priorityDropped(written, port), 0, port);
            case IPI -> sendIpi(written, write, port);
            case IDENTITY -> {
                written.lapic().reportIdentity(port);
                port.toVm(new Vm.ChangeIdentity(written.lapic().identity()));
                yield VcpuApicv.modeSwitched(v, written, port)
                        .with(written.thread().awaiting(VcpuThread.Await.ACCESS));
            }
        };
    }

    /** LVT0 decides where the PIC's output goes, which the VM reads when the PIC asks for an interrupt. */
    private static Vcpu shownToVm(Vcpu before, Vcpu after, Port port) {
        if (before.lapic().acceptsPic() != after.lapic().acceptsPic()) {
            port.toVm(new Vm.ShowIdentity(after.lapic().identity()));
        }
        return after;
    }

    private static Vcpu sendIpi(Vcpu v, LapicRegisters.Write write, Port port) {
        port.emit(new Event.ApicIpiSent(v.index(), write.icrLow(), write.icrHigh()));
        port.toVm(new Vm.SendIpi(v.index(), InterruptMessage.ofIcr(write.icrLow(), write.icrHigh())));
        return v.with(v.thread().awaiting(VcpuThread.Await.ACCESS));
    }
}
