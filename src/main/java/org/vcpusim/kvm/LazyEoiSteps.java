package org.vcpusim.kvm;

import java.util.OptionalInt;
import org.vcpusim.arch.RedirectionEntry;
import org.vcpusim.arch.TriggerMode;

/**
 * The fault {@link Fault#LAZY_EOI_OF_LEVEL}: a line that goes high first ends the interrupt before, where no local APIC holds it
 * any more. That is meant for edge pins whose EOIs are not seen under AMD's AVIC, and does nothing on VMX.
 *
 * <p>Of a level pin the end calls ack notifiers. A resampler lowers its source of the line; where another source holds the line
 * high that is a line that goes high once more:
 *
 * <pre>
 *   set the line high
 *     end the interrupt before
 *       resampler: lower its source
 *         set the line high               another source holds it
 *           end the interrupt before
 *             ...
 * </pre>
 *
 * <p>A task's steps left are the kernel's stack, so that its depth shows there. Source: {@code ioapic_lazy_update_eoi},
 * arch/x86/kvm/ioapic.c, of Linux 5.6.
 */
final class LazyEoiSteps {
    /** So many calls inside each other count as one stack of the host used up. */
    static final int STACK_FRAMES = 16;

    private LazyEoiSteps() {}

    /** Whether the interrupt before is ended first: of a level pin, where APICv is activated for the VM. */
    static boolean precedes(Vm vm, RedirectionEntry entry) {
        return vm.machine().has(Fault.LAZY_EOI_OF_LEVEL)
                && entry.triggerMode() == TriggerMode.LEVEL
                && vm.inhibits().isActivated();
    }

    /** Looks for a destination that does not hold the vector any more. */
    record Begin(int pin) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            if (depth(task) == STACK_FRAMES) {
                port.emit(new Event.HostCrashed(Event.HostCrash.STACK_OVERFLOW));
                return vm;
            }
            return new Next(pin, 0).run(vm, task, port);
        }

        private static int depth(VmTask task) {
            int frames = 0;
            for (VmTask.Rest rest = task.rest(); rest != null; rest = rest.next()) {
                frames += rest.first() instanceof Return ? 1 : 0;
            }
            return frames;
        }
    }

    /** Asks the next destination from {@code vcpu} on. */
    private record Next(int pin, int vcpu) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            RedirectionEntry entry = vm.ioapic().entry(pin);
            InterruptMessage message = InterruptMessage.of(entry);
            for (int each = vcpu; each < vm.machine().vcpuCount(); each++) {
                ApicIdentity apic = vm.apics().identity(each);
                if (DestinationMatch.matches(vm.machine(), apic, message, OptionalInt.empty())) {
                    port.toVcpu(each, new Vcpu.QueryPendingEoi(task.id(), entry.vector()));
                    return vm.with(task.push(new Answered(pin, each)).withWait(VmTask.Wait.ANSWER));
                }
            }
            return vm;
        }
    }

    private record Answered(int pin, int vcpu) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            if (task.value() != 0) {
                return new Next(pin, vcpu + 1).run(vm, task, port);
            }
            int vector = vm.ioapic().entry(pin).vector();
            Vm.EoiBroadcast eoi = new Vm.EoiBroadcast(vcpu, vector, TriggerMode.LEVEL, false);
            return vm.with(task.push(
                    VmCalls.Unlock.UNLOCK,
                    new IrqfdSteps.NotifyAcked(Event.IrqChip.IOAPIC, pin),
                    VmCalls.Lock.LOCK,
                    new EoiSteps.EndPin(eoi, pin),
                    Return.RETURN));
        }
    }

    /** The end of a call. */
    private enum Return implements VmStep {
        RETURN;

        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            return vm;
        }
    }
}
