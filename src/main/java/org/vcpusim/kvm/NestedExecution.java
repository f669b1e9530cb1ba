package org.vcpusim.kvm;

import java.util.Optional;
import org.vcpusim.arch.ActivityState;
import org.vcpusim.arch.ApicAccessType;
import org.vcpusim.arch.ApicMsrVirtualization;
import org.vcpusim.arch.ApicPageAccess;
import org.vcpusim.arch.ApicPageVirtualization;
import org.vcpusim.arch.ApicRegister;
import org.vcpusim.arch.Cr8Virtualization;
import org.vcpusim.arch.ExitReason;
import org.vcpusim.arch.InstructionBoundary;
import org.vcpusim.arch.MsrIntercept;
import org.vcpusim.arch.MsrWrite;
import org.vcpusim.arch.VirtualApic;
import org.vcpusim.arch.VirtualApicControls;
import org.vcpusim.arch.VirtualApicControls.Control;
import org.vcpusim.arch.VirtualApicOutcome;
import org.vcpusim.arch.VirtualApicStep;
import org.vcpusim.arch.VmcsField;

/**
 * What the processor does with L2: the local APIC that L1 has given it is virtualized as vmcs02 says.
 *
 * <p>Source: SDM volume 3, "APIC Virtualization and Virtual Interrupts"; the MSRs that do not exit are those of
 * {@code nested_vmx_prepare_msr_bitmap}, arch/x86/kvm/vmx/nested.c.
 */
final class NestedExecution {
    private NestedExecution() {}

    /** Whether L2's {@code action} is an access to a local APIC or a VMX instruction; the rest is as in L1. */
    static boolean isOwn(Vcpu v, GuestAction action) {
        if (!v.nested().guestMode()) {
            return false;
        }
        if (action instanceof GuestAction.MmioRead r) {
            return isApicPage(v, r.address());
        }
        if (action instanceof GuestAction.MmioWrite w) {
            return isApicPage(v, w.address());
        }
        return action instanceof GuestAction.Vmx
                || action instanceof GuestAction.ApicRegisterWrite
                || action == GuestAction.Plain.EOI
                || isCr8(action)
                || action instanceof GuestAction.Rdmsr r && VcpuAccess.isX2apic(r.msr())
                || action instanceof GuestAction.Wrmsr w && VcpuAccess.isX2apic(w.msr());
    }

    private static boolean isCr8(GuestAction action) {
        return action instanceof GuestAction.Cr8Read || action instanceof GuestAction.Cr8Write;
    }

    private static boolean isApicPage(Vcpu v, long address) {
        long page = v.nested().passesApicThrough() ? v.lapic().pageAddress() : Lapic.DEFAULT_PAGE;
        return address >= page && address < page + Lapic.PAGE_BYTES;
    }

    static Vcpu execute(Vcpu v, GuestAction action, Port port) {
        if (action instanceof GuestAction.Vmx vmx) {
            return VcpuRun.exit(v, exitOf(vmx), port);
        }
        if (v.nested().passesApicThrough() && !isCr8(action)) {
            GuestExit exit = GuestExecution.exitFor(v, action);
            boolean memory = exit.reason() == ExitReason.APIC_ACCESS;
            return VcpuRun.exit(v, memory ? GuestExit.of(ExitReason.EPT_MISCONFIG, action) : exit, port);
        }
        VirtualApicControls controls = v.vmcs().virtualApicControls();
        return carriedOut(v, virtualized(v.nested().apic(), action, controls), action, port);
    }

    /** The exit of a VMX instruction, in L1 or in L2. */
    static GuestExit exitOf(GuestAction.Vmx action) {
        if (action == GuestAction.PlainVmx.VMCALL) {
            return GuestExit.of(ExitReason.VMCALL, action);
        }
        return GuestExit.of(action == GuestAction.PlainVmx.VMRESUME ? ExitReason.VMRESUME : ExitReason.VMWRITE, action);
    }

    private static VirtualApicStep virtualized(VirtualApic apic, GuestAction action, VirtualApicControls controls) {
        boolean x2apic = controls.has(Control.VIRTUALIZE_X2APIC_MODE);
        if (action instanceof GuestAction.ApicRegisterWrite w) {
            return x2apic
                    ? wrmsr(apic, ApicRegister.X2APIC_MSR_BASE + (w.offset() >> 4), w.value(), controls)
                    : store(apic, w.offset(), Integer.BYTES, (int) w.value(), controls);
        }
        if (action instanceof GuestAction.MmioRead r) {
            ApicPageAccess access = new ApicPageAccess(ApicAccessType.LINEAR_READ, offset(r.address()), r.size());
            return ApicPageVirtualization.read(apic, access, controls);
        }
        if (action instanceof GuestAction.MmioWrite w) {
            return store(apic, offset(w.address()), w.size(), (int) w.value(), controls);
        }
        if (action instanceof GuestAction.Cr8Write w) {
            return Cr8Virtualization.write(apic, w.value(), controls);
        }
        if (action instanceof GuestAction.Cr8Read) {
            return Cr8Virtualization.read(apic, controls);
        }
        if (action instanceof GuestAction.Rdmsr r) {
            boolean passed =
                    controls.has(Control.APIC_REGISTER_VIRTUALIZATION) || r.msr() == ApicRegister.TASKPRI.msr();
            return ApicMsrVirtualization.rdmsr(apic, r.msr(), intercept(x2apic && passed), controls);
        }
        if (action instanceof GuestAction.Wrmsr w) {
            return wrmsr(apic, w.msr(), w.value(), controls);
        }
        return x2apic
                ? wrmsr(apic, ApicRegister.EOI.msr(), 0, controls)
                : store(apic, ApicRegister.EOI.offset(), Integer.BYTES, 0, controls);
    }

    private static int offset(long address) {
        return (int) (address & 0xfff);
    }

    @SuppressWarnings("TooManyParameters") // a store: where, how much, what
    private static VirtualApicStep store(
            VirtualApic apic, int offset, int size, int value, VirtualApicControls controls) {
        ApicPageAccess access = new ApicPageAccess(ApicAccessType.LINEAR_WRITE, offset, size);
        return ApicPageVirtualization.write(apic, access, value, controls);
    }

    private static VirtualApicStep wrmsr(VirtualApic apic, int msr, long value, VirtualApicControls controls) {
        boolean ended = msr == ApicRegister.EOI.msr() || msr == ApicRegister.SELF_IPI.msr();
        boolean passed = msr == ApicRegister.TASKPRI.msr() || ended && controls.has(Control.VIRTUAL_INTERRUPT_DELIVERY);
        boolean x2apic = controls.has(Control.VIRTUALIZE_X2APIC_MODE);
        return ApicMsrVirtualization.wrmsr(apic, new MsrWrite(msr, value), intercept(x2apic && passed), controls);
    }

    private static MsrIntercept intercept(boolean passed) {
        return passed ? MsrIntercept.PASSED_THROUGH : MsrIntercept.INTERCEPTED;
    }

    private static Vcpu carriedOut(Vcpu v, VirtualApicStep step, GuestAction action, Port port) {
        Vcpu stored = with(v, step.next());
        VirtualApicOutcome outcome = step.outcome();
        if (outcome instanceof VirtualApicOutcome.Completed c) {
            return VcpuRun.resume(stored.with(stored.guest().retiredWith(c.value())), port);
        }
        if (outcome instanceof VirtualApicOutcome.VmExit e) {
            Vcpu done = e.isTrapLike() ? stored.with(stored.guest().retiring()) : stored;
            return VcpuRun.exit(done, new GuestExit(e.reason(), e.qualification(), 0, action), port);
        }
        if (outcome instanceof VirtualApicOutcome.GeneralProtection) {
            Vcpu behind = stored.with(stored.guest().retiring());
            return VcpuRun.resume(GuestApic.taking(behind, Guest.GENERAL_PROTECTION, port), port);
        }
        // Memory where nothing is: an APIC in x2APIC mode has no page, and L1 lets nobody post IPIs.
        return VcpuRun.resume(stored.with(stored.guest().retiredWith(0)), port);
    }

    /** With L2's virtual APIC, whose RVI and SVI are in the current VMCS. */
    static Vcpu with(Vcpu v, VirtualApic apic) {
        return v.with(v.nested().with(apic)).with(v.vmcs().write(VmcsField.GUEST_INTR_STATUS, apic.guestIntrStatus()));
    }

    /** The entry of L2 commits: its local APIC is virtualized from here on, which may make it leave at once. */
    static Vcpu entered(Vcpu v, Port port) {
        VirtualApicStep step = VirtualApic.of(v.nested().apic().page(), v.vmcs())
                .entered(v.vmcs().virtualApicControls(), ActivityState.ACTIVE);
        Vcpu in = with(v, step.next());
        return step.outcome() instanceof VirtualApicOutcome.VmExit e
                ? VcpuRun.exit(in, new GuestExit(e.reason(), e.qualification(), 0, GuestAction.Plain.NOP), port)
                : VcpuRun.resume(in, port);
    }

    /** Whether the processor delivers L2's interrupts. */
    static boolean isDelivered(Vcpu v) {
        return VirtualApicControls.of(v.vmcs()).has(Control.VIRTUAL_INTERRUPT_DELIVERY);
    }

    /** Virtual-interrupt delivery to L2 at an instruction boundary. */
    static Vcpu delivered(Vcpu v, Port port) {
        if (!v.nested().apic().recognized()) {
            return v;
        }
        GuestLink g = v.guest();
        InstructionBoundary.Blocking blocking =
                g.shadow() ? InstructionBoundary.Blocking.STI : InstructionBoundary.Blocking.NONE;
        InstructionBoundary boundary = new InstructionBoundary(g.interruptsEnabled(), blocking, ActivityState.ACTIVE);
        Optional<VirtualApic.Delivery> delivery =
                v.nested().apic().delivered(boundary, v.vmcs().virtualApicControls());
        if (delivery.isEmpty()) {
            return v;
        }
        int vector = delivery.get().vector();
        port.emit(new Event.VirtualInterruptDelivered(v.index(), vector));
        return GuestApic.taking(with(v, delivery.get().next()), vector, port);
    }
}
