package org.vcpusim.kvm;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What the VMM does to vCPUs that it runs: it gets a vCPU out of KVM_RUN, does the ioctl and runs it again. One that
 * it creates it runs afterwards.
 *
 * <p>An ioctl waits for the mutex that KVM_RUN holds, so that a vCPU's thread has to do it between two runs. Source: {@code
 * kvm_vcpu_ioctl}, virt/kvm/kvm_main.c.
 *
 * @param wanted what has not been done, oldest first
 */
public record VcpuCalls(List<Userspace.CallVcpu> wanted) {
    /** Nothing to do. */
    static final VcpuCalls IDLE = new VcpuCalls(List.of());

    public VcpuCalls {
        wanted = List.copyOf(wanted);
    }

    /** Whether a message may be its business. */
    static boolean concerns(Userspace.Message message) {
        return message instanceof Userspace.CallVcpu
                || message instanceof Userspace.VcpuCalled
                || message instanceof Userspace.VcpuExited;
    }

    /** The next state; empty where the message is none of its business after all. */
    Optional<VcpuCalls> step(Userspace.Message message, Port port) {
        if (message instanceof Userspace.CallVcpu call) {
            return Optional.of(asked(call, port));
        }
        if (message instanceof Userspace.VcpuCalled done) {
            return Optional.of(done(done.vcpu(), port));
        }
        Userspace.VcpuExited exited = (Userspace.VcpuExited) message;
        boolean forUs = exited.reason() == Event.UserspaceExit.KVM_EXIT_INTR
                && first(exited.vcpu()).isPresent();
        if (!forUs) {
            return Optional.empty();
        }
        call(exited.vcpu(), port);
        return Optional.of(this);
    }

    private VcpuCalls asked(Userspace.CallVcpu call, Port port) {
        List<Userspace.CallVcpu> more = new ArrayList<>(wanted);
        more.add(call);
        boolean runs = call.ioctl() != Vcpu.Plain.CREATE;
        port.toVcpu(call.vcpu(), runs ? Vcpu.Plain.IMMEDIATE_EXIT : Vcpu.Plain.CREATE);
        return new VcpuCalls(more);
    }

    /** The ioctl that has waited longest. */
    private void call(int vcpu, Port port) {
        first(vcpu).ifPresent(call -> port.toVcpu(vcpu, call.ioctl()));
    }

    private VcpuCalls done(int vcpu, Port port) {
        Userspace.CallVcpu call = first(vcpu).orElseThrow();
        port.toDevice(call.device(), new Device.Done(0));
        List<Userspace.CallVcpu> left = new ArrayList<>(wanted);
        left.remove(call);
        VcpuCalls next = new VcpuCalls(left);
        if (next.first(vcpu).isPresent()) {
            next.call(vcpu, port);
        } else {
            port.toVcpu(vcpu, new Vcpu.Run(-1));
        }
        return next;
    }

    private Optional<Userspace.CallVcpu> first(int vcpu) {
        return wanted.stream().filter(call -> call.vcpu() == vcpu).findFirst();
    }
}
