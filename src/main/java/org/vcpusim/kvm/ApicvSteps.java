package org.vcpusim.kvm;

/**
 * How the reasons for which APICv is off change.
 *
 * <p>Source: {@code kvm_set_or_clear_apicv_inhibit}, {@code __kvm_set_or_clear_apicv_inhibit},
 * {@code kvm_arch_vcpu_guestdbg_update_apicv_inhibit}, arch/x86/kvm/x86.c; {@code synic_update_vector},
 * arch/x86/kvm/hyperv.c; {@code kvm_recalculate_apic_map}, arch/x86/kvm/lapic.c.
 *
 * <p>Where the first reason comes or the last one goes, every vCPU is told before the mask changes:
 *
 * <pre>
 *   CPU 0, a writer                              CPU 1, a vCPU
 *   apicv_update_lock for writing
 *   KVM_REQ_APICV_UPDATE to all, waits           leaves the guest
 *   the new mask is stored                       finds the request, waits for the lock
 *   the APIC page is zapped
 *   releases the lock                            reads the new mask
 * </pre>
 *
 * <p>With the store first, CPU 1 could enter the guest between the two with a state that is not the VM's.
 */
final class ApicvSteps {
    private static final long APIC_PAGE_FRAME = Lapic.DEFAULT_PAGE >>> 12;

    private ApicvSteps() {}

    /** Takes the lock for writing; the task waits where others hold it. */
    enum Lock implements VmStep {
        LOCK;

        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            return vm.lockApicv(task);
        }
    }

    /** Releases the lock. */
    enum Unlock implements VmStep {
        UNLOCK;

        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            return vm.unlockApicv(ApicvUpdateLock.Side.WRITER, port);
        }
    }

    /** A reason begins or ends to hold. One that does not matter here is not looked at. */
    record Set(ApicvInhibit reason, ApicvInhibit.Change change) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            if (!vm.machine().apicvActive() || !reason.isRequiredByVmx()) {
                return vm;
            }
            return changing(vm, task, new Compute(reason, change));
        }
    }

    /** A reason that holds while it does for some vCPU has one vCPU more or less. */
    record Count(ApicvInhibit reason, ApicvInhibit.Change change) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            if (!vm.machine().apicvActive()) {
                return vm;
            }
            return changing(vm, task, new Recount(reason, change));
        }
    }

    private static Vm changing(Vm vm, VmTask task, VmStep change) {
        boolean locks = !vm.machine().has(Fault.INHIBIT_STORED_BEFORE_BROADCAST);
        return vm.with(locks ? task.push(Lock.LOCK, change, Unlock.UNLOCK) : task.push(change));
    }

    private record Recount(ApicvInhibit reason, ApicvInhibit.Change change) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            ApicvInhibits counted = vm.apicv().inhibits().counting(reason, change);
            return new Compute(reason, counted.counted(reason))
                    .run(vm.with(vm.apicv().with(counted)), task, port);
        }
    }

    /** The APIC map's share: a reason holds or does not by the IDs that the local APICs have now. */
    record Judge(ApicvInhibit reason) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            return new Set(reason, vm.apics().judge(reason)).run(vm, task, port);
        }
    }

    /** The new mask; under the lock. */
    private record Compute(ApicvInhibit reason, ApicvInhibit.Change change) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            ApicvInhibits before = vm.apicv().inhibits();
            ApicvInhibits after = before.after(reason, change);
            port.emit(new Event.ApicvInhibitChanged(reason, change, after.mask()));
            Store store = new Store(after.mask());
            if (before.isActivated() == after.isActivated()) {
                return store.run(vm, task, port);
            }
            RequestSteps.Broadcast broadcast = new RequestSteps.Broadcast(
                    new RequestSteps.Request(VcpuRequest.APICV_UPDATE, 0),
                    vm.apics().online());
            VmStep zap = after.isActivated() ? VmCalls.Done.DONE : Zap.ZAP;
            if (vm.machine().has(Fault.INHIBIT_STORED_BEFORE_BROADCAST)) {
                return store.run(vm, task, port).with(task.push(broadcast, zap));
            }
            return vm.with(after.isActivated() ? task.push(broadcast, store) : task.push(broadcast, store, zap));
        }
    }

    private record Store(long mask) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            ApicvInhibits inhibits = vm.apicv().inhibits();
            if (inhibits.mask() == mask) {
                return vm;
            }
            port.emit(new Event.ApicvInhibitsStored(mask));
            return vm.with(vm.apicv().with(inhibits.withMask(mask)));
        }
    }

    /** The APIC page's mapping goes, so that accesses fault and are emulated; {@code kvm_zap_gfn_range}. */
    private enum Zap implements VmStep {
        ZAP;

        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            port.emit(new Event.ApicPageZapped(APIC_PAGE_FRAME));
            return vm;
        }
    }
}
