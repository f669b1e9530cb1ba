package org.vcpusim.kvm;

import org.vcpusim.arch.ApicRegister;
import org.vcpusim.arch.EventInjection;
import org.vcpusim.arch.LocalApic;
import org.vcpusim.arch.PrimaryProcessorControl;
import org.vcpusim.arch.VmcsField;

/**
 * KVM_REQ_EVENT: INIT and start-up IPIs are accepted, then one event is written to the VM-entry field, and a window is asked
 * for where another one has to wait.
 *
 * <p>Source: {@code kvm_apic_accept_events}, arch/x86/kvm/lapic.c; {@code kvm_check_and_inject_events},
 * {@code kvm_cpu_has_interrupt}, {@code kvm_vcpu_has_events}, arch/x86/kvm/x86.c and irq.c.
 */
final class VcpuInjection {
    private VcpuInjection() {}

    static Vcpu inject(Vcpu v, Port port) {
        Vcpu seen = v.requests().test(VcpuRequest.EVENT)
                ? VcpuRequests.applied(VcpuRequests.seen(v, VcpuRequest.EVENT, port), port)
                : v;
        if (seen.nested().guestMode()) {
            return NestedEvents.inject(seen, port);
        }
        if (seen.lapic().initPending() || seen.lapic().sipiPending()) {
            return acceptInitAndSipi(seen, VcpuThread.Await.RESET_MAP, port);
        }
        return injectEvents(seen, port);
    }

    /** Acts on INIT, which needs the VM's APIC map to be built anew, or else on a start-up IPI. */
    static Vcpu acceptInitAndSipi(Vcpu v, VcpuThread.Await await, Port port) {
        if (v.nested().guestMode()) {
            return NestedEvents.initAndSipiWait(v, await, port);
        }
        if (!v.lapic().initPending()) {
            return afterReset(sipiAccepted(v, port), await, port);
        }
        Lapic lapic = reset(v);
        LocalApic left = lapic.page();
        port.emit(new Event.VcpuReset(v.index(), left.tpr(), left.irr(), left.isr(), left.tmr()));
        MpState state = lapic.isBootProcessor() ? MpState.RUNNABLE : MpState.INIT_RECEIVED;
        Vcpu reset = PostedInterrupts.emptied(v)
                .with(lapic)
                .with(v.events().reset().with(state))
                .with(v.guest().reset())
                .with(NestedState.NONE)
                .with(TaskPrioritySync.reset(
                        v.machine(), v.apicvActive(), v.vmcs().write(VmcsField.VM_ENTRY_INTR_INFO_FIELD, 0)));
        reset = VcpuApicv.reset(reset, port).make(VcpuRequest.EVENT, port);
        port.toGuest(v.index(), Guest.Startup.STARTUP);
        lapic.reportIdentity(port);
        port.toVm(new Vm.ChangeIdentity(lapic.identity()));
        boolean forState = await == VcpuThread.Await.RESET_MAP_FOR_STATE;
        return reset.with(
                forState
                        ? reset.thread().inUserspaceAwaiting(await)
                        : reset.thread().awaiting(await));
    }

    /** What INIT leaves of the local APIC; a split ICR keeps its upper half, which the reset of x2APIC mode does not know. */
    private static Lapic reset(Vcpu v) {
        Lapic before = v.lapic();
        Lapic after = before.withoutInit().reset();
        return before.x2apic() && v.machine().splitsIcr()
                ? after.withPage(
                        after.page().write(ApicRegister.ICR2, before.page().read(ApicRegister.ICR2)))
                : after;
    }

    /**
     * Goes on after INIT or a start-up IPI was acted on: on the way into the guest with what there is to inject, for which
     * KVM_REQ_EVENT has been used up, unless the vCPU has to wait now.
     */
    static Vcpu afterReset(Vcpu v, VcpuThread.Await await, Port port) {
        Vcpu accepted = v.lapic().sipiPending() ? sipiAccepted(v, port) : v;
        if (await == VcpuThread.Await.RESET_MAP_FOR_STATE) {
            return VcpuIoctls.showState(accepted, port);
        }
        boolean entering =
                v.phase() == EntryPhase.INJECT_EVENTS && accepted.events().mpState() == MpState.RUNNABLE;
        return entering
                ? injectEvents(accepted, port)
                : VcpuHalt.madeRunnable(accepted).goTo(EntryPhase.RUN_LOOP, port);
    }

    private static Vcpu sipiAccepted(Vcpu v, Port port) {
        Vcpu cleared = v.with(v.lapic().withoutSipi());
        if (v.events().mpState() != MpState.INIT_RECEIVED) {
            return cleared;
        }
        port.emit(new Event.SipiStarted(v.index(), v.lapic().sipiVector()));
        port.toGuest(v.index(), Guest.Startup.STARTUP);
        return cleared.with(v.events().with(MpState.RUNNABLE)).with(v.guest().reset());
    }

    static Vcpu injectEvents(Vcpu v, Port port) {
        VcpuEvents e = v.events();
        if (e.exception() >= 0) {
            return again(v, EventInjection.hardwareExceptionWithErrorCode(e.exception()), port);
        }
        if (e.nmis().injected()) {
            return again(v, EventInjection.nmi(), port);
        }
        if (e.interrupt() >= 0) {
            port.emit(new Event.InterruptInjected(v.index(), e.interrupt(), true));
            return again(v, EventInjection.externalInterrupt(e.interrupt()), port);
        }
        if (v.blocksIrqs()) {
            return VcpuRun.toEntry(TaskPrioritySync.updateIntercept(v), port);
        }
        if (e.smiPending() && v.nested().run().entryPending()) {
            return VcpuRun.toEntry(prepared(NestedEvents.exitWanted(v, port)), port);
        }
        if (e.smiPending()) {
            port.emit(new Event.SmiHandled(v.index()));
            return injectEvents(v.with(e.withSmiPending(false)), port);
        }
        if (e.nmis().pending() > 0 && !e.nmis().masked()) {
            return entry(v.with(e.nmis().takenForInjection()), EventInjection.nmi(), port);
        }
        if (hasInjectable(v) && NestedEvents.mayInject(v)) {
            return acknowledge(v, port);
        }
        return VcpuRun.toEntry(prepared(v), port);
    }

    /** Takes the interrupt from its controller. */
    static Vcpu acknowledge(Vcpu v, Port port) {
        if (hasExtInt(v)) {
            port.toVm(new Vm.AcknowledgePic(v.index()));
            return v.with(v.thread().awaiting(VcpuThread.Await.PIC_VECTOR));
        }
        int vector = v.lapic().deliverable();
        boolean exits = v.nested().guestMode() && v.nested().exitsOnInterrupt();
        if (exits || v.apicvActive()) {
            return injectInterrupt(inService(v, vector, port), vector, port);
        }
        Vcpu taken = handedOver(v, vector, port);
        port.emit(new Event.InterruptInjected(v.index(), vector, false));
        Vcpu written = written(taken.with(taken.events().withInterrupt(vector)), vector);
        if (!v.machine().has(Fault.IRR_ACK_ORDER)) {
            return written.goTo(EntryPhase.IRR_ACKED, port);
        }
        Vcpu searched = written.with(written.lapic().withIrrPending(true));
        return searched.lapic().page().irr().isEmpty()
                ? searched.goTo(EntryPhase.IRR_ACKED, port)
                : toEntryWith(searched, port);
    }

    /**
     * The local APIC hands over {@code vector} in one step; where the processor delivers, it is told what is in service. Others
     * set no hint meanwhile: with APICv active, none is looked at.
     */
    static Vcpu inService(Vcpu v, int vector, Port port) {
        Vcpu taken = handedOver(v, vector, port);
        return requestedAgain(taken.with(taken.lapic().irrSearched()), vector, port);
    }

    /**
     * The hint that IRR has a bit is dropped and the bit cleared. Whoever sets one from now on raises the hint after it, and
     * {@link #irrAcknowledged} finds what was set before.
     */
    private static Vcpu handedOver(Vcpu v, int vector, Port port) {
        boolean endsItself = VcpuSynic.endsItself(v, vector);
        port.emit(new Event.InterruptAcknowledged(v.index(), vector, !endsItself));
        if (endsItself) {
            return v.with(v.lapic().handedOverWithAutoEoi(vector));
        }
        Vcpu taken = v.with(v.lapic().handedOver(vector));
        return v.apicvActive() ? VcpuApicv.withSvi(taken, taken.lapic().highestIsr()) : taken;
    }

    /** IRR is searched for another request, and the hint raised if there is one; the second half of {@code apic_clear_irr}. */
    static Vcpu irrAcknowledged(Vcpu v, Port port) {
        return v.machine().has(Fault.IRR_ACK_ORDER)
                ? v.goTo(EntryPhase.IRR_SEARCHED, port)
                : toEntryWith(v.with(v.lapic().irrSearched()), port);
    }

    /** Without the fix of B33: what was requested since the search is forgotten. */
    static Vcpu irrHintDropped(Vcpu v, Port port) {
        return toEntryWith(v.with(v.lapic().withIrrPending(false)), port);
    }

    private static Vcpu toEntryWith(Vcpu v, Port port) {
        return VcpuRun.toEntry(prepared(requestedAgain(v, v.events().interrupt(), port)), port);
    }

    /** A vector that ends itself keeps no other one back. */
    private static Vcpu requestedAgain(Vcpu v, int vector, Port port) {
        boolean more = VcpuSynic.endsItself(v, vector) && v.lapic().deliverable() >= 0;
        return more ? v.make(VcpuRequest.EVENT, port) : v;
    }

    private static Vcpu written(Vcpu v, int vector) {
        long information = EventInjection.externalInterrupt(vector).encode();
        return v.with(v.vmcs().write(VmcsField.VM_ENTRY_INTR_INFO_FIELD, information));
    }

    /** An interrupt that its controller has handed over goes into the VM-entry field, or with a nested exit to L1. */
    static Vcpu injectInterrupt(Vcpu v, int vector, Port port) {
        if (v.nested().guestMode() && v.nested().exitsOnInterrupt()) {
            return NestedEvents.acknowledged(v, vector, port);
        }
        port.emit(new Event.InterruptInjected(v.index(), vector, false));
        return entry(v.with(v.events().withInterrupt(vector)), EventInjection.externalInterrupt(vector), port);
    }

    /** An event whose entry did not deliver it goes first; an SMI behind it makes the guest leave as soon as it is delivered. */
    private static Vcpu again(Vcpu v, EventInjection injection, Port port) {
        boolean smiWaits = v.events().smiPending() && !v.blocksIrqs();
        return entry(smiWaits ? NestedEvents.exitWanted(v, port) : v, injection, port);
    }

    private static Vcpu entry(Vcpu v, EventInjection injection, Port port) {
        Vcpu ready = prepared(v);
        return VcpuRun.toEntry(
                ready.with(ready.vmcs().write(VmcsField.VM_ENTRY_INTR_INFO_FIELD, injection.encode())), port);
    }

    private static Vcpu prepared(Vcpu v) {
        return TaskPrioritySync.updateIntercept(windowed(v));
    }

    /** Asks for the interrupt window where an interrupt is left to inject. */
    private static Vcpu windowed(Vcpu v) {
        return v.with(VmcsSetup.withBits(
                v.vmcs(),
                VmcsField.CPU_BASED_VM_EXEC_CONTROL,
                PrimaryProcessorControl.INTERRUPT_WINDOW_EXITING.mask(),
                NestedEvents.wantsWindow(v)));
    }

    static boolean hasExtInt(Vcpu v) {
        return v.events().picOutput() && v.lapic().acceptsPic();
    }

    /** {@code kvm_cpu_has_injectable_intr}: with APICv active the processor delivers to L1 what the local APIC has. */
    static boolean hasInjectable(Vcpu v) {
        boolean injects = v.nested().guestMode() || !v.apicvActive();
        return hasExtInt(v) || injects && v.lapic().deliverable() >= 0;
    }

    /** {@code kvm_cpu_has_interrupt} of a vCPU that has taken what was posted. */
    static boolean hasInterrupt(Vcpu v) {
        return hasExtInt(v) || v.lapic().deliverable() >= 0;
    }

    /** With what was posted in IRR, where {@code kvm_vcpu_has_events} looks for it. */
    static Vcpu synced(Vcpu v, Port port) {
        return NestedEvents.mayInterrupt(v) && v.lapic().hwEnabled() ? PostedInterrupts.synced(v, port) : v;
    }

    /** Whether a pending NMI can be injected now that the handler of the one before has returned. */
    static boolean nmiWindowOpen(Vcpu v) {
        VcpuEvents e = v.events();
        return e.nmis().pending() > 0 && !e.nmis().masked() && !e.nmis().injected();
    }

    /** {@code kvm_arch_vcpu_runnable}, except that a vCPU waiting for a start-up IPI sleeps through everything else. */
    static boolean isRunnable(Vcpu v) {
        return switch (v.events().mpState()) {
            case RUNNABLE -> true;
            case HALTED, AP_RESET_HOLD -> hasEvents(v);
            case UNINITIALIZED, INIT_RECEIVED, SIPI_RECEIVED ->
                v.lapic().initPending() || v.lapic().sipiPending();
        };
    }

    /** {@code kvm_vcpu_has_events}; what was posted is to be {@link #synced} first. */
    static boolean hasEvents(Vcpu v) {
        VcpuEvents e = v.events();
        boolean nmi = v.requests().test(VcpuRequest.NMI)
                || e.nmis().pending() > 0 && !e.nmis().masked();
        boolean smi = v.requests().test(VcpuRequest.SMI) || e.smiPending();
        boolean initOrSipi = v.lapic().initPending() || v.lapic().sipiPending();
        boolean interrupt = NestedEvents.mayInterrupt(v) && hasInterrupt(v);
        return e.pvUnhalted() || initOrSipi || nmi || smi || interrupt || NestedPostedInterrupts.wakes(v);
    }
}
