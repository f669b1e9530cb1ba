package org.vcpusim.kvm;

import java.util.ArrayList;
import java.util.List;

/**
 * How one CPU makes requests on others: set the bit, look at the mode, send an IPI where one is needed, wait where the
 * request says so. Each is a step of its own.
 *
 * <p>Source: {@code kvm_make_vcpus_request_mask}, {@code kvm_make_all_cpus_request}, {@code kvm_vcpu_kick},
 * virt/kvm/kvm_main.c.
 */
final class RequestSteps {
    private RequestSteps() {}

    /** The request and the redirection-table write it is about, 0 for none. */
    record Request(VcpuRequest request, int sequence) {}

    /** Starts a request to several vCPUs. */
    record Broadcast(Request request, VcpuList targets) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            port.emit(new Event.BroadcastStarted(task.id(), request.request, targets.size()));
            return new Next(request, targets, 0, List.of()).run(vm, task, port);
        }
    }

    /** Goes on with target {@code position}; {@code ipis} are the vCPUs that need one. */
    private record Next(Request request, VcpuList targets, int position, List<Integer> ipis) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            if (position == targets.size()) {
                return vm.with(task.push(new SendIpis(request, ipis, 0)));
            }
            if (vm.machine().has(Fault.KICK_BEFORE_REQUEST)) {
                return new Sample(this).run(vm, task, port);
            }
            make(vm, target(), request, port);
            return vm.with(task.push(new Sample(this)));
        }

        int target() {
            return targets.get(position);
        }

        Next advanced(List<Integer> nowIpis) {
            return new Next(request, targets, position + 1, nowIpis);
        }
    }

    /** Wakes the target, or looks at its mode and takes it from IN_GUEST_MODE to EXITING_GUEST_MODE. */
    private record Sample(Next at) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            boolean wakes = at.request.request.wakes() && !vm.machine().has(Fault.BROADCAST_WITHOUT_WAKE);
            Vcpu.Wakeup wakeup = wakes ? Vcpu.Wakeup.WAKE : Vcpu.Wakeup.LEAVE_ASLEEP;
            port.toVcpu(at.target(), new Vcpu.ExchangeMode(task.id(), wakeup));
            return vm.with(task.push(new Decide(at)).withWait(VmTask.Wait.ANSWER));
        }
    }

    /** Decides whether the target needs an IPI. */
    private record Decide(Next at) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            boolean ipi = task.answer() instanceof VmTask.Found found && needsIpi(vm, found);
            if (!ipi && task.answer() instanceof VmTask.Found found && !found.woken()) {
                port.emit(new Event.IpiElided(at.target(), found.mode()));
            }
            if (vm.machine().has(Fault.KICK_BEFORE_REQUEST)) {
                if (ipi) {
                    send(vm, at.request.request, at.target(), task, port);
                }
                VmTask after = ipi ? owing(vm, task, at.request.request) : task;
                return vm.with(after.push(new MakeLate(at)));
            }
            List<Integer> more = new ArrayList<>(at.ipis);
            if (ipi) {
                more.add(at.target());
            }
            return at.advanced(List.copyOf(more)).run(vm, task, port);
        }

        private boolean needsIpi(Vm vm, VmTask.Found found) {
            if (found.woken()) {
                return false;
            }
            return waits(vm, at.request.request)
                    ? found.mode() != VcpuMode.OUTSIDE_GUEST_MODE
                    : found.mode() == VcpuMode.IN_GUEST_MODE;
        }
    }

    /** The fault: the bit is set only after the mode was looked at and the IPI sent. */
    private record MakeLate(Next at) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            port.toVcpu(at.target(), new Vcpu.MakeRequest(at.request.request, at.request.sequence));
            return vm.with(task.push(at.advanced(at.ipis)));
        }
    }

    /** Sends the IPIs, then waits for their acknowledgement where the request says so. */
    private record SendIpis(Request request, List<Integer> ipis, int position) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            if (position < ipis.size()) {
                send(vm, request.request, ipis.get(position), task, port);
                return vm.with(owing(vm, task, request.request).push(new SendIpis(request, ipis, position + 1)));
            }
            VmTask rest = task.push(new Completed(request.request));
            return vm.with(rest.ipisOwed() > 0 ? rest.withWait(VmTask.Wait.IPIS) : rest);
        }
    }

    private record Completed(VcpuRequest request) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            port.emit(new Event.BroadcastCompleted(task.id(), request));
            return vm;
        }
    }

    /**
     * The store that sets the bit. Where a barrier stands before the look at the mode, the vCPU handles it before it tells its
     * mode, since both come from here; without one it is under way for as long as it likes.
     */
    private static void make(Vm vm, int target, Request request, Port port) {
        Vcpu.MakeRequest store = new Vcpu.MakeRequest(request.request, request.sequence);
        if (vm.machine().has(Fault.MODE_READ_BEFORE_REQUEST)) {
            port.toWire(target, store);
        } else {
            port.toVcpu(target, store);
        }
    }

    private static boolean waits(Vm vm, VcpuRequest request) {
        return request.waits() && !vm.machine().has(Fault.BROADCAST_WITHOUT_WAIT);
    }

    private static VmTask owing(Vm vm, VmTask task, VcpuRequest request) {
        return waits(vm, request) ? task.withIpisOwed(task.ipisOwed() + 1) : task;
    }

    @SuppressWarnings("TooManyParameters") // who sends what to whom
    private static void send(Vm vm, VcpuRequest request, int target, VmTask task, Port port) {
        Event.HostVector vector = Event.HostVector.CALL_FUNCTION;
        port.emit(new Event.IpiSent(target, vector));
        port.toWire(target, new Vcpu.HostIpi(vector, waits(vm, request) ? task.id() : Vcpu.HostIpi.NOBODY_WAITS));
    }

    /** Sets a bit on one vCPU, without wake-up or IPI; {@code kvm_make_request}. */
    record Make(int target, VcpuRequest request) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            make(vm, target, new Request(request, 0), port);
            return vm;
        }
    }

    /** Wakes one vCPU, or gets it out of guest mode; {@code kvm_vcpu_kick}. */
    record Kick(int target) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            port.toVcpu(target, new Vcpu.ExchangeMode(task.id(), Vcpu.Wakeup.WAKE));
            return vm.with(task.push(new KickIpi(target)).withWait(VmTask.Wait.ANSWER));
        }
    }

    private record KickIpi(int target) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            if (task.answer() instanceof VmTask.Found found && !found.woken()) {
                if (found.mode() == VcpuMode.IN_GUEST_MODE) {
                    port.emit(new Event.IpiSent(target, Event.HostVector.RESCHEDULE));
                    port.toWire(target, new Vcpu.HostIpi(Event.HostVector.RESCHEDULE, Vcpu.HostIpi.NOBODY_WAITS));
                } else {
                    port.emit(new Event.IpiElided(target, found.mode()));
                }
            }
            return vm;
        }
    }
}
