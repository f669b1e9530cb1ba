package org.vcpusim.kvm;

import org.vcpusim.arch.EventInjection;
import org.vcpusim.arch.ExitReason;
import org.vcpusim.arch.PinBasedControl;
import org.vcpusim.arch.PrimaryProcessorControl;

/**
 * Events for L1 while L2 runs: those that L1 wants to see make L2 leave, the others go to L2.
 *
 * <p>No nested exit comes between VMRESUME and the entry of L2, nor while an event of L2's is on its way. KVM then enters L2
 * and makes it leave at once, to look again. Source: {@code vmx_check_nested_events}, arch/x86/kvm/vmx/nested.c;
 * {@code vmx_interrupt_blocked}, {@code vmx_interrupt_allowed}, arch/x86/kvm/vmx/vmx.c.
 */
final class NestedEvents {
    private static final int NMI_VECTOR = 2;

    private NestedEvents() {}

    /**
     * KVM_REQ_EVENT in L2: a nested exit, which the injection into L1 follows, or the injection into L2. A start-up IPI is dropped, as of
     * any vCPU that does not wait for one.
     */
    static Vcpu inject(Vcpu told, Port port) {
        Vcpu asked = told.lapic().sipiPending() ? told.with(told.lapic().withoutSipi()) : told;
        Vcpu v = asked.lapic().initPending() || exitsOnNmi(asked)
                ? asked
                : NestedPostedInterrupts.redirected(asked, port);
        if (!hasExitFor(v)) {
            boolean waits = v.nested().run().entryPending() && mayInterrupt(v) && VcpuInjection.hasInjectable(v);
            return VcpuInjection.injectEvents(
                    NestedPostedInterrupts.completed(waits ? exitWanted(v, port) : v, port), port);
        }
        if (isBlocked(v)) {
            return VcpuInjection.injectEvents(exitWanted(v, port), port);
        }
        if (v.lapic().initPending()) {
            Vcpu taken = v.with(v.lapic().withoutInit());
            return VcpuInjection.injectEvents(
                    NestedEntry.leave(taken, GuestExit.of(ExitReason.INIT_SIGNAL), port), port);
        }
        if (exitsOnNmi(v)) {
            Vcpu taken = v.with(v.events().nmis().takenForInjection().entered());
            Vcpu left =
                    leave(taken, ExitReason.EXCEPTION_NMI, EventInjection.nmi().word(), port);
            return VcpuInjection.injectEvents(GuestApic.taking(left, NMI_VECTOR, port), port);
        }
        return interrupted(v, port);
    }

    private static boolean hasExitFor(Vcpu v) {
        boolean interrupt = v.nested().exitsOnInterrupt() && VcpuInjection.hasInterrupt(v);
        return v.lapic().initPending() || exitsOnNmi(v) || interrupt;
    }

    private static boolean exitsOnNmi(Vcpu v) {
        VcpuEvents e = v.events();
        return e.nmis().pending() > 0
                && !e.nmis().masked()
                && PinBasedControl.NMI_EXITING.isSetIn(v.nested().vmcs12());
    }

    private static boolean isBlocked(Vcpu v) {
        VcpuEvents e = v.events();
        return v.nested().run().entryPending()
                || e.interrupt() >= 0
                || e.exception() >= 0
                || e.nmis().injected();
    }

    /** The next entry is to leave at once, since an event has to wait; {@code req_immediate_exit}. */
    static Vcpu exitWanted(Vcpu v, Port port) {
        if (v.nested().run().exitWanted()) {
            return v;
        }
        port.emit(new Event.ImmediateExitWanted(v.index()));
        return v.with(v.nested().with(v.nested().run().wantingExit()));
    }

    /** INIT in L2 is an event of L1's hypervisor; a start-up IPI is lost, since L2 does not wait for one. */
    static Vcpu initAndSipiWait(Vcpu v, VcpuThread.Await await, Port port) {
        Vcpu next = v.with(v.lapic().withoutSipi());
        if (await == VcpuThread.Await.RESET_MAP_FOR_STATE) {
            return VcpuIoctls.showState(next, port);
        }
        return VcpuHalt.madeRunnable(next).make(VcpuRequest.EVENT, port).goTo(EntryPhase.RUN_LOOP, port);
    }

    /** An interrupt for L1: it stays requested, or L1 gets its vector with the exit. */
    private static Vcpu interrupted(Vcpu v, Port port) {
        port.emit(new Event.NestedInterrupted(v.index(), v.guest().rip()));
        if (!v.nested().acknowledgesOnExit()) {
            return VcpuInjection.injectEvents(leave(v, ExitReason.EXTERNAL_INTERRUPT, 0, port), port);
        }
        if (VcpuInjection.hasExtInt(v)) {
            return VcpuInjection.acknowledge(v, port);
        }
        int vector = v.lapic().deliverable();
        return handled(VcpuInjection.inService(leftFor(v, vector, port), vector, port), vector, port);
    }

    /** The PIC has handed over {@code vector}. */
    static Vcpu acknowledged(Vcpu v, int vector, Port port) {
        return handled(leftFor(v, vector, port), vector, port);
    }

    private static Vcpu leftFor(Vcpu v, int vector, Port port) {
        return leave(
                v,
                ExitReason.EXTERNAL_INTERRUPT,
                EventInjection.externalInterrupt(vector).word(),
                port);
    }

    /** L1 finds the vector in vmcs12, and its handler of the vector runs. */
    private static Vcpu handled(Vcpu left, int vector, Port port) {
        return VcpuInjection.injectEvents(GuestApic.taking(left, vector, port), port);
    }

    private static Vcpu leave(Vcpu v, ExitReason reason, int information, Port port) {
        return NestedEntry.leave(v, new GuestExit(reason, 0, information, GuestAction.Plain.NOP), port);
    }

    /** Whether a maskable interrupt may interrupt now: one that makes L2 leave always may. */
    static boolean mayInterrupt(Vcpu v) {
        NestedState n = v.nested();
        return n.guestMode() && n.exitsOnInterrupt() || v.guest().interruptible();
    }

    /** Whether one may be injected: into L2 only what does not make it leave, and not before L2 has begun. */
    static boolean mayInject(Vcpu v) {
        NestedState n = v.nested();
        boolean here = !n.guestMode() || !n.exitsOnInterrupt() && !n.run().entryPending();
        return here && v.guest().interruptible();
    }

    /** Whether the current level is to leave when it can take an interrupt: for KVM's sake, or for L1's. */
    static boolean wantsWindow(Vcpu v) {
        NestedState n = v.nested();
        if (!n.guestMode()) {
            return VcpuInjection.hasInjectable(v);
        }
        return PrimaryProcessorControl.INTERRUPT_WINDOW_EXITING.isSetIn(n.vmcs12())
                || VcpuInjection.hasInjectable(v) && !n.exitsOnInterrupt();
    }

    /** The guest has been entered: {@code nested_run_pending} is over. */
    static Vcpu committed(Vcpu v) {
        NestedState n = v.nested();
        NestedState.Run after = n.guestMode() ? NestedState.Run.L2_RUNS : NestedState.Run.L1_RUNS;
        return after == n.run() ? v : v.with(n.with(after));
    }

    /** The entry is abandoned: what made an exit at once necessary is looked at again. */
    static Vcpu cancelled(Vcpu v, Port port) {
        NestedState n = v.nested();
        if (!n.run().exitWanted()) {
            return v;
        }
        Vcpu unwanted = v.with(n.with(n.run().wantingNoExit()));
        return v.machine().has(Fault.CANCEL_FORGETS_EVENT) ? unwanted : unwanted.make(VcpuRequest.EVENT, port);
    }

    /** The guest was entered only to leave before its first instruction, by a preemption timer of 0. */
    static Vcpu leaveAtOnce(Vcpu v, Port port) {
        return VcpuRun.exit(v.make(VcpuRequest.EVENT, port), GuestExit.of(ExitReason.PREEMPTION_TIMER), port);
    }
}
