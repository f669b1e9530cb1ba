package org.vcpusim.kvm;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The VMM's debugging stub: it gets a vCPU out of KVM_RUN, calls KVM_SET_GUEST_DEBUG and runs it again.
 *
 * <p>KVM_SET_GUEST_DEBUG waits for the mutex that KVM_RUN holds, so that a vCPU's thread has to call it between two runs.
 *
 * @param wanted changes that have not been made, oldest first
 */
public record Debugger(List<Userspace.SetGuestDebug> wanted) {
    /** Nothing to do. */
    static final Debugger IDLE = new Debugger(List.of());

    public Debugger {
        wanted = List.copyOf(wanted);
    }

    /** Whether a message may be its business. */
    static boolean concerns(Userspace.Message message) {
        return message instanceof Userspace.SetGuestDebug
                || message instanceof Userspace.GuestDebugSet
                || message instanceof Userspace.VcpuExited;
    }

    /** The next state; empty where the message is none of its business after all. */
    Optional<Debugger> step(Userspace.Message message, Port port) {
        if (message instanceof Userspace.SetGuestDebug set) {
            return Optional.of(asked(set, port));
        }
        if (message instanceof Userspace.GuestDebugSet done) {
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

    private Debugger asked(Userspace.SetGuestDebug set, Port port) {
        List<Userspace.SetGuestDebug> more = new ArrayList<>(wanted);
        more.add(set);
        port.toVcpu(set.vcpu(), Vcpu.Plain.IMMEDIATE_EXIT);
        return new Debugger(more);
    }

    /** KVM_SET_GUEST_DEBUG for the change that has waited longest. */
    private void call(int vcpu, Port port) {
        first(vcpu).ifPresent(set -> port.toVcpu(vcpu, new Vcpu.SetGuestDebug(set.change())));
    }

    private Debugger done(int vcpu, Port port) {
        Userspace.SetGuestDebug set = first(vcpu).orElseThrow();
        port.toDevice(set.device(), new Device.Done(0));
        List<Userspace.SetGuestDebug> left = new ArrayList<>(wanted);
        left.remove(set);
        Debugger next = new Debugger(left);
        if (next.first(vcpu).isPresent()) {
            next.call(vcpu, port);
        } else {
            port.toVcpu(vcpu, new Vcpu.Run(-1));
        }
        return next;
    }

    private Optional<Userspace.SetGuestDebug> first(int vcpu) {
        return wanted.stream().filter(set -> set.vcpu() == vcpu).findFirst();
    }
}
