package org.vcpusim.kvm;

import java.util.Optional;
import org.vcpusim.arch.ExitReason;
import org.vcpusim.arch.PrimaryProcessorControl;

/**
 * Whose an exit from L2 is: KVM's own, or L1's, to whom it is reflected.
 *
 * <p>Source: {@code nested_vmx_reflect_vmexit}, {@code nested_vmx_l0_wants_exit}, {@code nested_vmx_l1_wants_exit},
 * arch/x86/kvm/vmx/nested.c.
 */
final class NestedExits {
    private NestedExits() {}

    /** Gives an exit from L2 to L1; empty where it is KVM's own. */
    static Optional<Vcpu> reflected(Vcpu v, GuestExit exit, Port port) {
        port.emit(new Event.NestedExited(
                v.index(),
                exit.reason(),
                v.guest().rip(),
                exit.qualification(),
                exit.interruptionInformation(),
                v.requests().word()));
        if (!isForL1(v.nested(), exit)) {
            return Optional.empty();
        }
        Vcpu skipped = isEmulated(exit.reason()) ? v.with(v.guest().retiring()) : v;
        return Optional.of(NestedEntry.leave(skipped, exit, port).goTo(EntryPhase.RUN_LOOP, port));
    }

    /**
     * Whether L1 has asked for the exit. KVM's own are host interrupts, which also wait for it, and accesses to memory that it
     * has not mapped; those of APIC virtualization are always L1's, since vmcs02 has their controls from vmcs12 alone.
     */
    static boolean isForL1(NestedState n, GuestExit exit) {
        return switch (exit.reason()) {
            case HLT -> PrimaryProcessorControl.HLT_EXITING.isSetIn(n.vmcs12());
            case INTERRUPT_WINDOW -> PrimaryProcessorControl.INTERRUPT_WINDOW_EXITING.isSetIn(n.vmcs12());
            case TPR_BELOW_THRESHOLD -> PrimaryProcessorControl.USE_TPR_SHADOW.isSetIn(n.vmcs12());
            case APIC_ACCESS, EOI_INDUCED, APIC_WRITE, VMCALL, VMRESUME, VMWRITE -> true;
            case CR_ACCESS ->
                PrimaryProcessorControl.CR8_LOAD_EXITING.isSetIn(n.vmcs12())
                        || PrimaryProcessorControl.CR8_STORE_EXITING.isSetIn(n.vmcs12());
            case MSR_READ, MSR_WRITE -> !n.passesApicThrough() && isOfApic(exit.action());
            default -> false;
        };
    }

    /** What L1's MSR bitmap intercepts where L2 has an APIC of its own: its registers and its base. */
    private static boolean isOfApic(GuestAction action) {
        if (action instanceof GuestAction.Rdmsr r) {
            return GuestExecution.isApicBase(r.msr()) || VcpuAccess.isX2apic(r.msr());
        }
        if (action instanceof GuestAction.Wrmsr w) {
            return GuestExecution.isApicBase(w.msr()) || VcpuAccess.isX2apic(w.msr());
        }
        return true;
    }

    /** L1's handler carries the instruction out and goes on behind it. */
    private static boolean isEmulated(ExitReason reason) {
        return switch (reason) {
            case HLT, VMCALL, VMRESUME, VMWRITE, APIC_ACCESS, CR_ACCESS, MSR_READ, MSR_WRITE -> true;
            default -> false;
        };
    }
}
