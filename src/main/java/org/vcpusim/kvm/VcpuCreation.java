package org.vcpusim.kvm;

/**
 * KVM_CREATE_VCPU. Whatever the VM's inhibits are, APICv begins active and is looked at before the first entry:
 *
 * <pre>
 *   CPU 0, user space                            CPU 1, a writer of inhibits
 *   the vCPU's APICv follows the inhibits
 *                                                a reason comes: tells all vCPUs, stores the mask
 *   the vCPU can be found by broadcasts
 * </pre>
 *
 * <p>Source: {@code kvm_arch_vcpu_create}, arch/x86/kvm/x86.c; {@code kvm_create_lapic}, arch/x86/kvm/lapic.c; {@code
 * kvm_vm_ioctl_create_vcpu}, virt/kvm/kvm_main.c.
 */
final class VcpuCreation {
    private VcpuCreation() {}

    /** Creates the vCPU; one that is created while the VM runs has yet to be made known to it. */
    static Vcpu create(Vcpu v, Port port) {
        if (!v.machine().hotplug().brings(v.index())) {
            return initialised(v, port);
        }
        port.toVm(new Vm.SampleInhibits(v.index()));
        return v;
    }

    /** The local APIC is created. With the fault it has APICv active or not by what the VM's inhibits are at this moment. */
    static Vcpu sampled(Vcpu v, long inhibits, Port port) {
        boolean samples = v.machine().has(Fault.CREATE_WITHOUT_APICV_UPDATE) && inhibits != 0;
        Vcpu created = samples ? VcpuApicv.refreshed(v.withApicv(Machine.Apicv.INACTIVE)) : v;
        Vcpu asked = initialised(created, port);
        port.toVm(new Vm.AddVcpu(asked.lapic().identity()));
        return asked.with(asked.thread().inUserspaceAwaiting(VcpuThread.Await.CREATED));
    }

    /** What creation leaves to do: APICv's state is looked at, and the new local APIC had the APIC map built anew. */
    private static Vcpu initialised(Vcpu v, Port port) {
        boolean hasLapic = v.machine().hasLapics() && !v.machine().lacksLapic(v.index());
        if (hasLapic && !v.lapic().isQuiet()) {
            v.lapic().reportState(port);
        }
        port.emit(new Event.VmcsInitialised(v.index(), v.machine().apicvActive()));
        v.exitMap().synic().ifPresent(synic -> port.emit(new Event.SynicVectorsChanged(v.index(), synic.vectors())));
        if (!hasLapic) {
            return v;
        }
        v.lapic().reportIdentity(port);
        boolean asks = v.machine().apicvActive() && !v.machine().has(Fault.CREATE_WITHOUT_APICV_UPDATE);
        Vcpu asked = asks ? v.make(VcpuRequest.APICV_UPDATE, port) : v;
        return asked.make(VcpuRequest.APIC_PAGE_RELOAD, port)
                .make(v.machine().protocol().tableRequest(), port);
    }

    /** The VM knows the vCPU. */
    static Vcpu done(Vcpu v, Port port) {
        port.toUserspace(new Userspace.VcpuCalled(v.index(), 0));
        return v.with(v.thread().inUserspaceAwaiting(VcpuThread.Await.NOTHING));
    }
}
