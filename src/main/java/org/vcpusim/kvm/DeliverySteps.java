package org.vcpusim.kvm;

import java.util.OptionalInt;

/**
 * How an interrupt message gets to local APICs, one after the other. The answer is the number of vCPUs that took it, 0 where
 * all discarded it, -1 where no local APIC matched.
 *
 * <p>Source: {@code kvm_irq_delivery_to_apic}, {@code __apic_accept_irq}, {@code kvm_set_msi}.
 */
final class DeliverySteps {
    private DeliverySteps() {}

    /** Whether pin 8's EOI tracking records who took it. */
    enum Tracking {
        RTC,
        NONE
    }

    /** Finds the destinations and delivers. */
    record Deliver(InterruptMessage message, OptionalInt source, Tracking tracking) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            Apics.Targets targets = vm.apics().targets(message, source);
            return new Next(targets, 0, targets.resultIfNone(), tracking).run(vm, task, port);
        }
    }

    private record Next(Apics.Targets targets, int position, int result, Tracking tracking) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            if (position == targets.vcpus().size()) {
                return vm.with(task.withAnswer(new VmTask.Value(result)));
            }
            port.toVcpu(targets.vcpus().get(position), new Vcpu.Accept(task.id(), targets.message()));
            return vm.with(task.push(new AfterAccept(this)).withWait(VmTask.Wait.ANSWER));
        }

        Next advanced(int accepted) {
            return new Next(targets, position + 1, result + accepted, tracking);
        }
    }

    /** Posts the interrupt, or makes the request that it needs and kicks the vCPU. */
    private record AfterAccept(Next at) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            int vcpu = at.targets.vcpus().get(at.position);
            InterruptMessage message = at.targets.message();
            if (task.answer() instanceof VmTask.ToPost how) {
                Vm tracked = tracked(vm, vcpu, message);
                VmStep first = how == VmTask.ToPost.TO_POST
                        ? new PostingSteps.SetPir(vcpu, message)
                        : new PostingSteps.NotifyNested(vcpu, message);
                return tracked.with(task.push(first, at.advanced(1)));
            }
            if (!(task.answer() instanceof VmTask.Taken taken)) {
                throw new IllegalStateException("not an answer to an interrupt: " + task.answer());
            }
            Vm next = taken.accepted() ? tracked(vm, vcpu, message) : vm;
            Next rest = at.advanced(taken.accepted() ? 1 : 0);
            VcpuRequest request = taken.request();
            if (request == null) {
                return rest.run(next, task, port);
            }
            VmTask then = task.push(rest);
            if (!isVectored(message)) {
                return next.with(then.push(new RequestSteps.Make(vcpu, request), new RequestSteps.Kick(vcpu)));
            }
            then = then.push(new RequestSteps.Kick(vcpu));
            VmTask asked = vm.machine().has(Fault.KICK_WITHOUT_REQUEST)
                    ? then
                    : then.push(new RequestSteps.Make(vcpu, request));
            return next.with(asked.push(new CompleteAccept(vcpu, message.vector())));
        }

        private Vm tracked(Vm vm, int vcpu, InterruptMessage message) {
            boolean tracks = at.tracking == Tracking.RTC && isVectored(message);
            return tracks ? vm.with(vm.ioapic().withRtc(vm.ioapic().rtc().accepted(vcpu, message.vector()))) : vm;
        }

        private static boolean isVectored(InterruptMessage message) {
            return switch (message.deliveryMode()) {
                case FIXED, LOWEST_PRIORITY -> true;
                default -> false;
            };
        }
    }

    /** The second of the two stores that request a vector, IRR and the hint that IRR has a bit. */
    private record CompleteAccept(int vcpu, int vector) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            port.toVcpu(vcpu, new Vcpu.CompleteAccept(vector));
            return vm;
        }
    }

    /** A message for {@code message}, from a device. */
    record Msi(long address, int data, VmStep after) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            if (invalid(vm.machine(), address)) {
                return vm.with(
                        task.withAnswer(new VmTask.Value(Userspace.EINVAL)).push(after));
            }
            return vm.with(task.push(send(vm.machine(), address, data, port), after));
        }
    }

    /** Whether the kernel refuses the address: the upper half may only hold destination bits 31:8. */
    static boolean invalid(Machine machine, long address) {
        return machine.has32BitIds() && (address >>> 32 & 0xff) != 0;
    }

    /** Delivers the MSI. */
    static VmStep send(Machine machine, long address, int data, Port port) {
        port.emit(new Event.MsiSet(address, data));
        InterruptMessage message = InterruptMessage.ofMsi(address, data, machine.msiFormat());
        return new Deliver(message, OptionalInt.empty(), Tracking.NONE);
    }

    /** A vCPU's IPI; {@code kvm_apic_send_ipi}. */
    static VmStep ipi(Vm.SendIpi ipi, VmStep after) {
        return new Then(new Deliver(ipi.message(), OptionalInt.of(ipi.vcpu()), Tracking.NONE), after);
    }

    /** One step after another. */
    record Then(VmStep first, VmStep after) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            return first.run(vm.with(task.push(after)), task.push(after), port);
        }
    }
}
