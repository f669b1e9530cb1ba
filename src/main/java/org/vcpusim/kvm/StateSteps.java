package org.vcpusim.kvm;

import java.util.OptionalInt;
import org.vcpusim.arch.RedirectionEntry;

/**
 * Changes of who the local APICs are, and saving and restoring of the VM's interrupt controllers.
 *
 * <p>Source: {@code kvm_recalculate_apic_map}, arch/x86/kvm/lapic.c; {@code kvm_set_ioapic},
 * {@code kvm_rtc_eoi_tracking_restore_one}, arch/x86/kvm/ioapic.c.
 */
final class StateSteps {
    private StateSteps() {}

    /**
     * Builds the APIC map anew and lets every vCPU look at the table again. What the map cannot do, APICv cannot do
     * either: the reasons that depend on it are set or cleared first.
     */
    record Recalculate(ApicIdentity identity, VmStep after) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            return vm.with(vm.apics().changed(identity))
                    .with(task.push(
                            new ApicvSteps.Judge(ApicvInhibit.PHYSICAL_ID_ALIASED),
                            new ApicvSteps.Judge(ApicvInhibit.APIC_ID_MODIFIED),
                            Publish.PUBLISH,
                            after));
        }
    }

    private enum Publish implements VmStep {
        PUBLISH;

        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            return vm.with(vm.apics().published()).with(task.push(scanAll(vm)));
        }
    }

    /** A register page was moved, which APICv cannot follow; perhaps the local APIC's mode has changed too. */
    record MovePage(Vm.MoveApicPage move, VmStep after) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            VmStep rest = move.map() == Vm.MapChange.REBUILD ? new Recalculate(move.identity(), after) : after;
            ApicvSteps.Set set = new ApicvSteps.Set(ApicvInhibit.APIC_BASE_MODIFIED, ApicvInhibit.Change.SET);
            return vm.with(task.push(set, rest));
        }
    }

    /** Keeps what others read of an APIC, where the map does not depend on it. */
    record Remember(ApicIdentity identity) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            return vm.with(vm.apics().withSameMap(identity));
        }
    }

    /** A created vCPU is found by broadcasts from now on, and by messages when the APIC map has been built anew. */
    record AddVcpu(ApicIdentity identity) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            return vm.with(vm.apics().withOnline(identity.vcpu()))
                    .with(task.push(new Recalculate(identity, new VmCalls.Answer(new Vm.OfVcpu(identity.vcpu())))));
        }
    }

    static VmStep scanAll(Vm vm) {
        VcpuRequest request = vm.machine().protocol().tableRequest();
        return new RequestSteps.Broadcast(
                new RequestSteps.Request(request, vm.tableSequence()),
                vm.apics().online());
    }

    /** Whether {@code vcpu} owes pin 8 an EOI, after its local APIC was restored. */
    record RestoreRtcOf(int vcpu) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            VmStep answer = new VmCalls.Answer(new Vm.OfVcpu(vcpu));
            return vm.with(
                    vm.machine().isSplit()
                            ? task.push(answer)
                            : task.push(new VmCalls.Locked(new RestoreRtc(vcpu, vcpu + 1), answer)));
        }
    }

    /** The same for vCPUs {@code vcpu} to {@code end} - 1, under the lock. */
    private record RestoreRtc(int vcpu, int end) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            RedirectionEntry entry = vm.ioapic().entry(Ioapic.RTC_PIN);
            InterruptMessage message = InterruptMessage.of(entry);
            for (int each = vcpu; each < end; each++) {
                ApicIdentity apic = vm.apics().identity(each);
                if (DestinationMatch.matches(vm.machine(), apic, message, OptionalInt.empty())) {
                    port.toVcpu(each, new Vcpu.QueryPendingEoi(task.id(), entry.vector()));
                    return vm.with(task.push(new RestoredRtc(each, entry.vector()), new RestoreRtc(each + 1, end))
                            .withWait(VmTask.Wait.ANSWER));
                }
            }
            return vm;
        }
    }

    private record RestoredRtc(int vcpu, int vector) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            RtcTracking.Pending pending = task.value() != 0 ? RtcTracking.Pending.YES : RtcTracking.Pending.NO;
            return vm.with(vm.ioapic().rtc().restored(vcpu, vector, pending), port);
        }
    }

    /** Replaces the IOAPIC's state, under the lock. */
    record SetIoapic(IoapicState state) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            if (!vm.machine().hasIoapic()) {
                return vm.with(task.withAnswer(new VmTask.Value(Userspace.ENXIO)));
            }
            port.emit(new Event.IoapicStateRestored(state.irr()));
            port.emit(new Event.IoapicTableSet(state.entries()));
            boolean silent = vm.machine().has(Fault.RESTORE_WITHOUT_REINJECT);
            Ioapic ioapic =
                    silent ? vm.ioapic().restoredWithLines(state) : vm.ioapic().restored(state);
            int injected = silent ? 0 : state.irr();
            return vm.with(ioapic).with(task.push(scanAll(vm), ResetRtc.RESET_RTC, new Inject(injected, 0)));
        }
    }

    /** Hands the IOAPIC's state to the VMM, under the lock; {@code kvm_get_ioapic}. */
    record SaveIoapic(int device) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            IoapicState state = IoapicState.of(vm.machine(), vm.ioapic());
            port.emit(new Event.IoapicStateSaved(state.irr(), vm.ioapic().deliveredEdges()));
            port.toUserspace(new Userspace.IoapicSaved(device, state));
            return vm;
        }
    }

    private enum ResetRtc implements VmStep {
        RESET_RTC;

        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            return vm.with(RtcTracking.NONE, port);
        }
    }

    /** Raises the saved lines from {@code pin} on, then works out who owes pin 8 an EOI. */
    private record Inject(int irr, int pin) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            for (int each = pin; each < Ioapic.PINS; each++) {
                if ((irr & 1 << each) != 0) {
                    return vm.with(task.push(
                            new LineSteps.SetPinLine(each, 1, Vm.LineStatus.WANTED), new Inject(irr, each + 1)));
                }
            }
            return vm.with(
                    task.push(ResetRtc.RESET_RTC, new RestoreRtc(0, vm.machine().vcpuCount())));
        }
    }

    /** Hands the VM's state to user space. */
    record Show() implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            port.toUserspace(new Userspace.VmState(vm));
            return vm;
        }
    }
}
