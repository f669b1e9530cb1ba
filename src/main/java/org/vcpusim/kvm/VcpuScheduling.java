package org.vcpusim.kvm;

import org.vcpusim.arch.PostedInterruptDescriptor.Control;

/**
 * What a vCPU does when its thread gets a processor of the host and when it loses it: notifications go where it runs, are
 * suppressed while it is preempted, and wake it where it sleeps.
 *
 * <pre>
 *   CPU 0, the vCPU is loaded         a device
 *   SN = 0                            PIR[vector] = 1
 *   barrier                           SN = 0 and ON = 0? ON = 1, send NV to NDST
 *   PIR not 0? ON = 1
 * </pre>
 *
 * <p>Source: {@code vmx_vcpu_pi_load}, {@code vmx_vcpu_pi_put}, {@code pi_enable_wakeup_handler},
 * arch/x86/kvm/vmx/posted_intr.c; {@code kvm_sched_in}, {@code kvm_sched_out}, virt/kvm/kvm_main.c.
 */
final class VcpuScheduling {
    private VcpuScheduling() {}

    /** Whether the host's processors are modelled, so that devices can post. */
    private static boolean isModelled(Vcpu v) {
        return v.machine().physicalCpus() > 0;
    }

    /** The thread can go on at {@code phase} as soon as it has a processor. */
    static Vcpu runnable(Vcpu v, EntryPhase phase, Port port) {
        if (!isModelled(v)) {
            boolean suppressed = v.posting().descriptor().control().sn();
            return (suppressed
                            ? v.with(v.posting().with(v.posting().descriptor().clearSn()))
                            : v)
                    .goTo(phase, port);
        }
        port.toPhysicalCpu(v.placement().next(), new PhysicalCpu.Enqueue(v.index()));
        return v.with(v.placement().waiting(phase)).with(v.thread().at(EntryPhase.OFF_CPU));
    }

    /** The thread runs on {@code cpu} from now on. */
    static Vcpu scheduledIn(Vcpu v, int cpu, Port port) {
        port.emit(new Event.VcpuScheduledIn(v.index(), cpu));
        Control control = v.posting().descriptor().control();
        boolean sleeps = control.nv() == Event.HostVector.POSTED_INTR_WAKEUP.number();
        Vcpu there = v.with(v.placement().on(cpu));
        if (!sleeps && v.placement().cpu() == cpu) {
            return control.sn()
                    ? there.with(there.posting()
                                    .with(there.posting().descriptor().clearSn()))
                            .goTo(EntryPhase.LOAD_ON, port)
                    : there.goTo(there.placement().resumeAt(), port);
        }
        boolean listed = v.posting().devicesMayPost() || !v.machine().has(Fault.WAKEUP_LIST_ADDED_TWICE);
        if (sleeps && listed) {
            port.toPhysicalCpu(v.placement().cpu(), new PhysicalCpu.RemoveSleeper(v.index()));
        }
        Control loaded = control.withNdst(cpu).withoutSn().withNv(VmcsSetup.POSTED_INTR_VECTOR);
        return exchanged(there, loaded).goTo(EntryPhase.LOAD_ON, port);
    }

    /** The barrier behind the clearing of SN: what was posted in silence is outstanding from now on. */
    static Vcpu onRecomputed(Vcpu v, Port port) {
        boolean posted =
                !v.posting().descriptor().pir().isEmpty() && !v.machine().has(Fault.NO_ON_RECOMPUTE);
        Vcpu next = posted ? v.with(v.posting().with(v.posting().descriptor().setOn())) : v;
        return next.goTo(next.placement().resumeAt(), port);
    }

    /** The host wants the processor back, or the thread elsewhere. */
    static Vcpu preempt(Vcpu v, Vcpu.Preempt p, Port port) {
        Placement now =
                p.cpu() == Placement.NOWHERE ? v.placement() : v.placement().goingTo(p.cpu());
        boolean runs =
                v.phase() != EntryPhase.USERSPACE && v.phase() != EntryPhase.BLOCKED && v.phase() != EntryPhase.OFF_CPU;
        Vcpu told = v.with(runs ? now.withPreempted() : now);
        return v.phase() == EntryPhase.IN_GUEST
                ? VcpuRemote.externalInterrupt(told, Event.HostVector.RESCHEDULE, port)
                : told;
    }

    /** Whether the thread has to make room before its next step. */
    static boolean makesRoom(Vcpu v) {
        return v.placement().preempted() && v.phase().isPreemptible();
    }

    /** The thread makes room: notifications are suppressed until it runs again. */
    static Vcpu preempted(Vcpu v, Port port) {
        port.emit(new Event.VcpuScheduledOut(v.index(), v.placement().cpu(), Event.ScheduledOut.PREEMPTED));
        Vcpu silent = v.posting().devicesMayPost()
                ? v.with(v.posting().with(v.posting().descriptor().setSn()))
                : v;
        port.toPhysicalCpu(v.placement().cpu(), new PhysicalCpu.Leave(v.index()));
        return runnable(silent, v.phase(), port);
    }

    /** The thread sleeps: where devices may post and its guest takes interrupts, the wake-up vector is to wake it. */
    static Vcpu blocked(Vcpu v, Port port) {
        if (!isModelled(v)) {
            return v.goTo(EntryPhase.BLOCKED, port);
        }
        int cpu = v.placement().cpu();
        port.emit(new Event.VcpuScheduledOut(v.index(), cpu, Event.ScheduledOut.BLOCKED));
        boolean wakeable = v.posting().devicesMayPost() && v.guest().interruptible();
        Vcpu asleep = wakeable ? wakeable(v, cpu, port) : v;
        port.toPhysicalCpu(cpu, new PhysicalCpu.Leave(v.index()));
        return asleep.goTo(EntryPhase.BLOCKED, port);
    }

    private static Vcpu wakeable(Vcpu v, int cpu, Port port) {
        Event.HostVector wakeup = Event.HostVector.POSTED_INTR_WAKEUP;
        port.toPhysicalCpu(cpu, new PhysicalCpu.AddSleeper(v.index()));
        Control control = v.posting().descriptor().control();
        if (control.on()) {
            port.emit(new Event.IpiSent(v.index(), wakeup));
            port.toPhysicalCpu(cpu, new PhysicalCpu.Interrupt(wakeup));
        }
        return exchanged(v, control.withNv(wakeup.number()));
    }

    /** The thread returns to user space. */
    static Vcpu left(Vcpu v, Port port) {
        if (!isModelled(v)) {
            return v;
        }
        port.emit(new Event.VcpuScheduledOut(v.index(), v.placement().cpu(), Event.ScheduledOut.USERSPACE));
        port.toPhysicalCpu(v.placement().cpu(), new PhysicalCpu.Leave(v.index()));
        return v.with(v.placement().waiting(EntryPhase.RUN_LOOP));
    }

    /** A device posts through the IOMMU: all at once, and past TMR. It notifies unless that is suppressed or outstanding. */
    static Vcpu postedByDevice(Vcpu v, int vector, Port port) {
        var tested = v.posting().descriptor().testAndSetPir(vector);
        port.emit(new Event.PostedInterruptSet(v.index(), vector, Event.Poster.DEVICE, tested.wasSet()));
        Control control = tested.next().control();
        if (control.sn() || control.on()) {
            return v.with(v.posting().with(tested.next()));
        }
        Event.HostVector notification = control.nv() == VmcsSetup.POSTED_INTR_VECTOR
                ? Event.HostVector.POSTED_INTR
                : Event.HostVector.POSTED_INTR_WAKEUP;
        port.emit(new Event.IpiSent(v.index(), notification));
        port.toPhysicalCpu(control.ndst(), new PhysicalCpu.Interrupt(notification));
        return v.with(v.posting().with(tested.next().setOn()));
    }

    private static Vcpu exchanged(Vcpu v, Control control) {
        var compared = v.posting()
                .descriptor()
                .compareExchange(v.posting().descriptor().control(), control);
        return v.with(v.posting().with(compared.next()));
    }

    /** Whether {@code kvm_vcpu_wake_up} finds a sleeper, be its thread running or not. */
    static boolean isSleeper(Vcpu v) {
        EntryPhase phase = v.phase();
        boolean waits = phase == EntryPhase.OFF_CPU || phase == EntryPhase.LOAD_ON;
        return (waits ? v.placement().resumeAt() : phase).isSleeper();
    }
}
