package org.vcpusim.kvm;

import org.vcpusim.arch.EventInjection;
import org.vcpusim.arch.ExitReason;
import org.vcpusim.arch.VirtualApic;
import org.vcpusim.arch.VmEntryCheck;
import org.vcpusim.arch.VmInstructionError;
import org.vcpusim.arch.Vmcs;
import org.vcpusim.arch.VmcsField;
import org.vcpusim.kvm.NestedDeferrals.Kind;

/**
 * The way from L1 to L2 and back, as KVM carries it out for L1.
 *
 * <p>Source: {@code nested_vmx_run}, {@code nested_vmx_enter_non_root_mode}, {@code __nested_vmx_vmexit},
 * arch/x86/kvm/vmx/nested.c; {@code leave_guest_mode}, arch/x86/kvm/kvm_cache_regs.h.
 */
final class NestedEntry {
    private NestedEntry() {}

    /** L1's VMRESUME: vmcs02 is made and becomes the current VMCS, or the instruction fails. */
    static Vcpu enter(Vcpu v, Port port) {
        NestedState n = v.nested();
        if (!VmEntryCheck.failures(n.vmcs12(), n.apic().page()).isEmpty()) {
            return failed(v, port);
        }
        Vmcs vmcs02 = NestedVmcs.prepared(v.vmcs(), n.vmcs12());
        int event = (int) vmcs02.read(VmcsField.VM_ENTRY_INTR_INFO_FIELD);
        GuestLink l2 = n.suspended().resumedAfter(v.guest());
        NestedVmcs.reportPrepared(v, vmcs02, l2, port);
        port.toGuest(v.index(), Guest.NestedEntry.ENTER);
        boolean evaluate = VcpuInjection.hasEvents(v) || VcpuInjection.hasInterrupt(v);
        Vcpu in = v.with(n.with(n.posting().withNoted(false))
                        .withVmcs01(v.vmcs())
                        .withSuspended(v.guest())
                        .with(VirtualApic.of(n.apic().page(), vmcs02))
                        .with(NestedState.Run.ENTRY_PENDING))
                .with(vmcs02)
                .with(l2);
        EventInjection injection = EventInjection.decode(event & 0xffffffffL);
        in = injection.isValid() ? in.with(in.events().withInterrupt(injection.vector())) : in;
        in = NestedPostedInterrupts.redirected(in, port);
        evaluate |= in.nested().posting().noted();
        return (evaluate ? in.make(VcpuRequest.EVENT, port) : in).goTo(EntryPhase.RUN_LOOP, port);
    }

    private static Vcpu failed(Vcpu v, Port port) {
        VmInstructionError error = VmInstructionError.ENTRY_INVALID_CONTROL_FIELD;
        port.emit(new Event.NestedEntryFailed(v.index(), error));
        Vcpu told = v.with(v.nested().withVmcs12(v.nested().vmcs12().failValid(error)));
        return VcpuExits.completed(told, error.number(), port);
    }

    /**
     * L2 is left for L1. What L2's time has put off is made up for: the load is asked for while vmcs02 is still current, and
     * the next check of requests finds it with vmcs01; the rest is written to vmcs01 now. What waits for L1 has to be injected, or a
     * window asked for, and nobody has looked at that with vmcs01 current.
     */
    static Vcpu leave(Vcpu v, GuestExit exit, Port port) {
        NestedState n = v.nested();
        Vcpu asked = n.deferrals().has(Kind.LOAD_EOI_EXITMAP) ? v.make(VcpuRequest.LOAD_EOI_EXITMAP, port) : v;
        port.emit(new Event.NestedExitInjected(
                v.index(), exit.reason(), exit.qualification(), exit.interruptionInformation()));
        port.toGuest(v.index(), new Guest.NestedExit(exit.reason()));
        GuestLink stopped = n.suspended().resumedAfter(v.guest()).withoutInterrupts();
        GuestLink l1 = exit.reason() == ExitReason.VMCALL ? stopped.skipped() : stopped;
        Vmcs vmcs02 = v.vmcs().write(VmcsField.GUEST_INTR_STATUS, n.apic().guestIntrStatus());
        NestedState left = n.withVmcs12(NestedVmcs.synced(n.vmcs12(), vmcs02, exit))
                .with(n.apic().exited())
                .withSuspended(v.guest())
                .with(NestedState.Run.L1_RUNS)
                .with(NestedDeferrals.NONE);
        int status = (int) left.vmcs12().read(VmcsField.GUEST_INTR_STATUS);
        port.emit(new Event.NestedStateSynced(v.index(), n.apic().guestIntrStatus(), status));
        Vcpu back = asked.with(left).with(n.vmcs01()).with(l1).with(v.events().with(MpState.RUNNABLE));
        Vcpu caughtUp = NestedCatchUp.performed(back, n.deferrals(), port);
        boolean waits = VcpuInjection.hasInjectable(caughtUp)
                || caughtUp.events().nmis().pending() > 0;
        return waits ? caughtUp.make(VcpuRequest.EVENT, port) : caughtUp;
    }
}
