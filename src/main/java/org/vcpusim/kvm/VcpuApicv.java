package org.vcpusim.kvm;

import org.vcpusim.arch.ApicRegister;
import org.vcpusim.arch.PinBasedControl;
import org.vcpusim.arch.SecondaryProcessorControl;
import org.vcpusim.arch.VmcsField;

/**
 * A vCPU's half of APICv: KVM_REQ_APICV_UPDATE, and what follows the local APIC from one mode to another.
 *
 * <p>Source: {@code kvm_vcpu_update_apicv}, {@code __kvm_vcpu_update_apicv}, arch/x86/kvm/x86.c;
 * {@code __kvm_apic_set_base}, arch/x86/kvm/lapic.c; {@code vmx_refresh_apicv_exec_ctrl},
 * {@code vmx_set_virtual_apic_mode}, {@code vmx_set_apic_access_page_addr}, arch/x86/kvm/vmx/vmx.c.
 */
final class VcpuApicv {
    private VcpuApicv() {}

    /** Begins to serve KVM_REQ_APICV_UPDATE: takes the lock for reading. */
    static Vcpu serve(Vcpu v, Port port) {
        port.toVm(new Vm.ReadInhibits(v.index()));
        return v.with(v.thread().awaiting(VcpuThread.Await.INHIBITS));
    }

    /** The lock is held for reading: the vCPU follows the VM's state, then releases the lock. */
    static Vcpu inhibitsRead(Vcpu v, Vcpu.InhibitsRead read, Port port) {
        boolean activate = read.inhibits() == 0 && v.lapic().hwEnabled();
        boolean changes = activate != v.apicvActive();
        Vcpu next = changes ? updated(v, activate ? Machine.Apicv.ACTIVE : Machine.Apicv.INACTIVE, port) : v;
        port.emit(new Event.ApicvUpdated(v.index(), activate, read.inhibits(), changes));
        port.toVm(new Vm.InhibitsServed(v.index()));
        return VcpuRequests.handled(next, port);
    }

    /**
     * On deactivation software takes injection over; on activation the processor is told what is in service. The EOI-exit
     * bitmap is left as it is in both cases, unless the vCPU is cured of {@link Hazard#O1}.
     */
    private static Vcpu updated(Vcpu v, Machine.Apicv apicv, Port port) {
        Vcpu refreshed = refreshed(v.withApicv(apicv));
        if (apicv == Machine.Apicv.INACTIVE) {
            return refreshed.make(VcpuRequest.EVENT, port);
        }
        Vcpu told = v.machine().has(Fault.NO_SVI_ON_ACTIVATION)
                ? refreshed
                : withSvi(refreshed, refreshed.lapic().highestIsr());
        return v.machine().cures(Hazard.O1) ? loading(told, port) : told;
    }

    /** The bitmap is loaded before the guest runs with APICv again, by L1's VMCS where that has to wait. */
    private static Vcpu loading(Vcpu v, Port port) {
        boolean scans = v.machine().protocol() == Protocol.LOAD_EOI_EXITMAP;
        return v.nested().guestMode() && !scans
                ? v.with(v.nested().deferring(NestedDeferrals.Kind.LOAD_EOI_EXITMAP))
                : v.make(VcpuRequest.LOAD_EOI_EXITMAP, port);
    }

    /** The controls and the MSR bitmap that go with the vCPU's state; those of vmcs01 wait where L2 runs. */
    static Vcpu refreshed(Vcpu v) {
        if (v.nested().guestMode()) {
            return v.with(v.nested().deferring(NestedDeferrals.Kind.APICV_CONTROLS));
        }
        return withMsrBitmap(v.with(VmcsSetup.refreshed(v.vmcs(), v.apicvActive())));
    }

    /** SVI of vmcs01, which waits where L2 runs: an EOI of L2's ends a vector of L1's only if L2 has no virtual APIC. */
    static Vcpu withSvi(Vcpu v, int highestInService) {
        if (v.nested().guestMode() && !v.machine().has(Fault.NESTED_SVI_TO_VMCS02)) {
            return v.with(v.nested().deferring(NestedDeferrals.Kind.SVI));
        }
        return v.with(GuestInterruptStatus.withSvi(v.vmcs(), highestInService));
    }

    private static Vcpu withMsrBitmap(Vcpu v) {
        return v.with(X2apicMsrBitmap.of(v.vmcs(), v.lapic().hints().apicv()));
    }

    /** IA32_APIC_BASE has switched the local APIC from the mode it had in {@code before}, if to another. */
    static Vcpu modeSwitched(Vcpu before, Vcpu after, Port port) {
        ApicIdentity.ApicMode mode = Lapic.mode(after.lapic().apicBase());
        if (mode == Lapic.mode(before.lapic().apicBase())) {
            return after;
        }
        Vcpu asked = after.machine().apicvActive() ? after.make(VcpuRequest.APICV_UPDATE, port) : after;
        Vcpu switched = withVirtualApicMode(asked);
        return mode == ApicIdentity.ApicMode.XAPIC
                ? switched.make(VcpuRequest.APIC_PAGE_RELOAD, port).make(VcpuRequest.TLB_FLUSH_CURRENT, port)
                : switched;
    }

    /** The controls that go with the local APIC's mode; those of vmcs01 wait where L2 runs. */
    static Vcpu withVirtualApicMode(Vcpu v) {
        if (v.nested().guestMode()) {
            return v.with(v.nested().deferring(NestedDeferrals.Kind.VIRTUAL_APIC_MODE));
        }
        return withMsrBitmap(v.with(
                VmcsSetup.withVirtualApicMode(v.vmcs(), Lapic.mode(v.lapic().apicBase()))));
    }

    /** Whether IA32_APIC_BASE was written with an address that APICv does not know. */
    static boolean movesBase(Vcpu before, Vcpu after) {
        return after.lapic().apicBase() != before.lapic().apicBase()
                && after.lapic().hwEnabled()
                && after.lapic().pageAddress() != Lapic.DEFAULT_PAGE;
    }

    /** The VM is told, before the APIC map is built anew where the mode has changed as well. */
    static Vcpu baseMoved(Vcpu before, Vcpu after, Port port) {
        boolean sameMode = Lapic.mode(before.lapic().apicBase())
                == Lapic.mode(after.lapic().apicBase());
        Vm.MapChange map = sameMode ? Vm.MapChange.KEEP : Vm.MapChange.REBUILD;
        if (!sameMode) {
            after.lapic().reportIdentity(port);
        }
        port.toVm(new Vm.MoveApicPage(after.lapic().identity(), map));
        return modeSwitched(before, after, port);
    }

    /** KVM_REQ_APIC_PAGE_RELOAD: the host's page behind the APIC page goes into the VMCS, where that reads it. */
    static Vcpu pageReloaded(Vcpu v) {
        if (v.nested().guestMode()) {
            return v.with(v.nested().deferring(NestedDeferrals.Kind.APIC_ACCESS_PAGE));
        }
        boolean used = SecondaryProcessorControl.VIRTUALIZE_APIC_ACCESSES.isSetIn(v.vmcs());
        return used ? v.with(VmcsSetup.withApicAccessPage(v.vmcs())) : v;
    }

    /** After INIT: nothing is requested or in service, and the APIC page is looked up anew. */
    static Vcpu reset(Vcpu v, Port port) {
        return PostedInterrupts.statusRestored(v).make(VcpuRequest.APIC_PAGE_RELOAD, port);
    }

    /** Whether accesses to the page are virtualized for an xAPIC only, whose page is there, and MSRs for an x2APIC. */
    private static boolean goesWithMode(Vcpu v) {
        ApicIdentity.ApicMode mode = Lapic.mode(v.lapic().apicBase());
        boolean page = SecondaryProcessorControl.VIRTUALIZE_APIC_ACCESSES.isSetIn(v.vmcs());
        boolean msrs = SecondaryProcessorControl.VIRTUALIZE_X2APIC_MODE.isSetIn(v.vmcs());
        boolean passesEoi = !v.msrBitmap().interceptsWrite(ApicRegister.EOI);
        boolean there = !page || v.vmcs().read(VmcsField.APIC_ACCESS_ADDR) != 0;
        return there
                && page == (mode == ApicIdentity.ApicMode.XAPIC)
                && msrs == (mode == ApicIdentity.ApicMode.X2APIC)
                && passesEoi == (msrs && v.apicvActive());
    }

    /** What an entry that commits now enters with; the controls of L2 are L1's affair. */
    static Event.ApicvAtEntry atEntry(Vcpu v) {
        boolean active = v.apicvActive();
        boolean same = PinBasedControl.PROCESS_POSTED_INTERRUPTS.isSetIn(v.vmcs()) == active
                && SecondaryProcessorControl.APIC_REGISTER_VIRTUALIZATION.isSetIn(v.vmcs()) == active
                && SecondaryProcessorControl.VIRTUAL_INTERRUPT_DELIVERY.isSetIn(v.vmcs()) == active;
        if (!same && !v.nested().guestMode()) {
            return Event.ApicvAtEntry.CONTROLS_DIFFER;
        }
        if (!v.nested().guestMode() && !goesWithMode(v)) {
            return Event.ApicvAtEntry.MODE_DIFFERS;
        }
        if (v.lapic().hwEnabled()) {
            return active ? Event.ApicvAtEntry.ACTIVE : Event.ApicvAtEntry.INACTIVE;
        }
        return active ? Event.ApicvAtEntry.ACTIVE_APIC_DISABLED : Event.ApicvAtEntry.APIC_DISABLED;
    }
}
