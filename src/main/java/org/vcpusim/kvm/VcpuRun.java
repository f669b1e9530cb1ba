package org.vcpusim.kvm;

import org.vcpusim.arch.EventInjection;
import org.vcpusim.arch.ExitReason;
import org.vcpusim.arch.LocalApic;
import org.vcpusim.arch.PostedInterruptDescriptor;
import org.vcpusim.arch.PrimaryProcessorControl;
import org.vcpusim.arch.Vmcs;
import org.vcpusim.arch.VmcsField;

/**
 * The vCPU's thread in KVM_RUN, one phase a step.
 *
 * <p>Source: {@code vcpu_run}, {@code vcpu_enter_guest}, {@code kvm_vcpu_exit_request}, arch/x86/kvm/x86.c.
 *
 * <p>The order of a request and an entry, which the two barriers keep:
 *
 * <pre>
 *   CPU 0                             CPU 1
 *   set the request bit               mode = IN_GUEST_MODE
 *   barrier                           barrier
 *   mode IN_GUEST? send an IPI        any request? cancel the entry
 * </pre>
 */
final class VcpuRun {
    private VcpuRun() {}

    /** KVM_RUN begins; {@code value} completes an access of the last one. */
    static Vcpu enterKernel(Vcpu v, long value, Port port) {
        if (v.phase() != EntryPhase.USERSPACE) {
            throw new IllegalStateException("vCPU " + v.index() + " is in KVM_RUN already");
        }
        Vcpu next = v;
        if (v.thread().await() == VcpuThread.Await.USERSPACE_ACCESS) {
            next = v.with(v.guest().retiredWith(value));
        }
        return VcpuScheduling.runnable(next, EntryPhase.RUN_LOOP, port);
    }

    static Vcpu step(Vcpu v, Port port) {
        if (VcpuScheduling.makesRoom(v)) {
            return VcpuScheduling.preempted(v, port);
        }
        return switch (v.phase()) {
            case LOAD_ON -> VcpuScheduling.onRecomputed(v, port);
            case RUN_LOOP -> runLoop(v, port);
            case CHECK_REQUESTS -> checkRequests(v, port);
            case CLEAR_REQUEST -> VcpuRequests.clearedLate(v, port);
            case INJECT_EVENTS -> VcpuInjection.inject(v, port);
            case IRR_ACKED -> VcpuInjection.irrAcknowledged(v, port);
            case IRR_SEARCHED -> VcpuInjection.irrHintDropped(v, port);
            case ENTER -> v.goTo(EntryPhase.BARRIER, port);
            case BARRIER -> inGuestMode(v, port);
            case SYNC_ON -> syncOn(v, port);
            case SYNC_PIR -> afterSync(PostedInterrupts.harvested(v, port), port);
            case RECHECK -> recheck(v, port);
            case EXITED -> exited(v, port);
            case HANDLE_EXIT -> VcpuExits.handle(v, port);
            case HALT_POLL, BLOCK_PREPARE, BLOCK_CHECK, BLOCK_SLEEP -> VcpuHalt.step(v, port);
            default -> throw new IllegalStateException("vCPU " + v.index() + " takes no step in " + v.phase());
        };
    }

    private static Vcpu runLoop(Vcpu v, Port port) {
        if (v.thread().signal()) {
            return leaveKernel(
                    v.with(v.thread().withSignal(false)),
                    Event.UserspaceExit.KVM_EXIT_INTR,
                    Userspace.Unhandled.NONE,
                    port);
        }
        boolean running = v.events().mpState() == MpState.RUNNABLE;
        Vcpu unblocked = VcpuHalt.unblockSeen(v, port);
        return running ? unblocked.goTo(v.thread().atFirstCheck(), port) : VcpuHalt.begin(unblocked, port);
    }

    /** KVM_RUN returns. */
    static Vcpu leaveKernel(Vcpu v, Event.UserspaceExit reason, Userspace.Unhandled access, Port port) {
        port.emit(new Event.UserspaceExited(v.index(), reason));
        port.toUserspace(new Userspace.VcpuExited(v.index(), reason, access));
        VcpuThread thread = v.thread();
        boolean accessPending = !access.equals(Userspace.Unhandled.NONE);
        return VcpuScheduling.left(v, port)
                .with(thread.inUserspaceAwaiting(
                        accessPending ? VcpuThread.Await.USERSPACE_ACCESS : VcpuThread.Await.NOTHING));
    }

    /** KVM_RUN returns with the EOI of {@code vector} for user space's IOAPIC. */
    static Vcpu leaveKernelForEoi(Vcpu v, int vector, Port port) {
        port.emit(new Event.UserspaceExited(v.index(), Event.UserspaceExit.KVM_EXIT_IOAPIC_EOI));
        port.toUserspace(new Userspace.IoapicEoi(v.index(), vector));
        return VcpuScheduling.left(v, port).with(v.thread().inUserspaceAwaiting(VcpuThread.Await.NOTHING));
    }

    /** KVM_RUN returns for a write to user space's IOAPIC that the guest does under a lock of its own. */
    static Vcpu leaveKernelForIoapic(Vcpu v, Userspace.Message access, Port port) {
        port.emit(new Event.UserspaceExited(v.index(), Event.UserspaceExit.KVM_EXIT_MMIO));
        port.toUserspace(access);
        return VcpuScheduling.left(v, port).with(v.thread().inUserspaceAwaiting(VcpuThread.Await.USERSPACE_ACCESS));
    }

    private static Vcpu checkRequests(Vcpu v, Port port) {
        boolean others = (v.requests().word() & ~VcpuRequest.EVENT.mask()) != 0;
        int cursor = v.thread().cursor();
        if (!others || cursor >= VcpuRequestOrder.size()) {
            return v.requests().test(VcpuRequest.EVENT) ? v.goTo(EntryPhase.INJECT_EVENTS, port) : toEntry(v, port);
        }
        int end = VcpuRequestOrder.endOfGroup(cursor);
        if ((v.requests().word() & VcpuRequestOrder.restOfGroup(v.machine(), cursor)) == 0) {
            return v.goTo(v.thread().atCheck(end), port);
        }
        for (int position = cursor; position < end; position++) {
            VcpuRequest request = VcpuRequestOrder.at(v.machine(), position);
            if (v.requests().test(request)) {
                return VcpuRequests.serve(v, v.thread().withCursor(position + 1), request, port);
            }
        }
        return v.goTo(v.thread().atCheck(end), port);
    }

    /** Everything is prepared: the protocol of the entry begins. */
    static Vcpu toEntry(Vcpu v, Port port) {
        boolean early = v.machine().has(Fault.PI_SYNC_BEFORE_MODE) && v.lapic().enabled();
        return v.goTo(early ? EntryPhase.SYNC_ON : EntryPhase.ENTER, port);
    }

    /** The store of ENTER is visible: until now a requester has found the vCPU outside, and sent no IPI. */
    private static Vcpu inGuestMode(Vcpu v, Port port) {
        boolean syncs = v.lapic().enabled() && !v.machine().has(Fault.PI_SYNC_BEFORE_MODE);
        EntryPhase next = syncs ? EntryPhase.SYNC_ON : EntryPhase.RECHECK;
        return v.goTo(v.thread().at(next, VcpuMode.IN_GUEST_MODE), port);
    }

    /** {@code sync_pir_to_irr}, whether APICv is active or not: devices post in any case. */
    private static Vcpu syncOn(Vcpu v, Port port) {
        if (!v.apicvActive() && v.machine().has(Fault.NO_SYNC_WHEN_INACTIVE)) {
            return afterSync(v, port);
        }
        return v.posting().isOutstanding()
                ? PostedInterrupts.onCleared(v).goTo(EntryPhase.SYNC_PIR, port)
                : afterSync(PostedInterrupts.requested(v, false, port), port);
    }

    private static Vcpu afterSync(Vcpu v, Port port) {
        return v.goTo(v.machine().has(Fault.PI_SYNC_BEFORE_MODE) ? EntryPhase.ENTER : EntryPhase.RECHECK, port);
    }

    private static Vcpu recheck(Vcpu v, Port port) {
        boolean exitRequest = v.mode() == VcpuMode.EXITING_GUEST_MODE
                || !v.requests().isEmpty()
                || v.thread().signal()
                || v.placement().preempted();
        if (exitRequest && !v.machine().has(Fault.NO_RECHECK)) {
            return cancelled(v, port);
        }
        return entered(v, port);
    }

    /** Out of the guest, with interrupts on. */
    private static Vcpu exited(Vcpu v, Port port) {
        VcpuThread outside = v.thread().at(EntryPhase.HANDLE_EXIT, VcpuMode.OUTSIDE_GUEST_MODE);
        Vcpu next = VcpuRemote.ipisTaken(v.with(outside), port);
        port.toVcpu(v.index(), Vcpu.Step.STEP);
        return next;
    }

    /** The entry is abandoned; an event that was to be injected stays queued and asks for another round. */
    private static Vcpu cancelled(Vcpu v, Port port) {
        port.emit(new Event.EntryCancelled(v.index(), v.mode(), v.requests().word()));
        Vcpu out = VcpuRemote.ipisTaken(v.with(v.thread().with(VcpuMode.OUTSIDE_GUEST_MODE)), port);
        VcpuEvents e = out.events();
        boolean injecting = e.interrupt() >= 0 || e.nmis().injected() || e.exception() >= 0;
        Vcpu queued = NestedEvents.cancelled(injecting ? out.make(VcpuRequest.EVENT, port) : out, port);
        return queued.with(queued.vmcs().write(VmcsField.VM_ENTRY_INTR_INFO_FIELD, 0))
                .goTo(EntryPhase.RUN_LOOP, port);
    }

    private static Vcpu entered(Vcpu v, Port port) {
        int information = (int) v.vmcs().read(VmcsField.VM_ENTRY_INTR_INFO_FIELD);
        reportInterrupts(v, port);
        port.emit(new Event.GuestEntered(
                v.index(), v.guest().rip(), information, v.requests().word(), VcpuApicv.atEntry(v)));
        boolean leavesAtOnce = v.nested().run().exitWanted();
        Vcpu in = GuestApic.entered(NestedEvents.committed(v), v.thread().at(EntryPhase.IN_GUEST));
        EventInjection injection = EventInjection.decode(information & 0xffffffffL);
        if (injection.isValid()) {
            in = eventTaken(in, injection.vector(), port);
        }
        if (leavesAtOnce) {
            return NestedEvents.leaveAtOnce(in, port);
        }
        if (in.nested().guestMode()) {
            NestedPostedInterrupts.reportLoaded(in, port);
            return NestedExecution.entered(in, port);
        }
        return resume(in, port);
    }

    /** What the entry loads, where there is anything. */
    private static void reportInterrupts(Vcpu v, Port port) {
        LocalApic page = v.lapic().page();
        long status = v.vmcs().read(VmcsField.GUEST_INTR_STATUS);
        PostedInterruptDescriptor descriptor = v.posting().descriptor();
        boolean quiet = status == 0
                && page.irr().isEmpty()
                && page.isr().isEmpty()
                && descriptor.pir().isEmpty()
                && !descriptor.control().on()
                && page.tpr() == 0
                && v.lapic().hints().fitsEmptyIsr();
        if (!quiet) {
            port.emit(new Event.InterruptStateLoaded(
                    v.index(),
                    v.apicvActive() && !v.nested().guestMode(),
                    (int) status,
                    page.tpr(),
                    (int) v.vmcs().read(VmcsField.TPR_THRESHOLD),
                    page.irr(),
                    page.isr(),
                    page.tmr(),
                    v.lapic().hints(),
                    descriptor));
            reportPassedOver(v, port);
        }
    }

    /**
     * An interrupt that KVM ought to inject, or that ought to make L2 leave, and for which it has asked for no window and no exit. The
     * registers decide, not what KVM believes of them.
     */
    private static void reportPassedOver(Vcpu v, Port port) {
        NestedState n = v.nested();
        boolean leaves = n.guestMode() && n.exitsOnInterrupt();
        boolean window = !leaves && PrimaryProcessorControl.INTERRUPT_WINDOW_EXITING.isSetIn(v.vmcs());
        boolean delivered = v.apicvActive() && !n.guestMode();
        if (window
                || n.run().exitWanted()
                || delivered
                || v.blocksIrqs()
                || !v.lapic().hwEnabled()) {
            return;
        }
        int vector = v.lapic().page().withPprUpdated().deliverable();
        if (vector >= 0 && !n.isNotification(vector)) {
            port.emit(new Event.InterruptPassedOver(v.index(), vector));
        }
    }

    private static Vcpu eventTaken(Vcpu v, int vector, Port port) {
        VcpuEvents e = v.events();
        VcpuEvents after = e.exception() >= 0
                ? e.withException(VcpuEvents.NONE)
                : e.nmis().injected() ? e.with(e.nmis().entered()) : e.withInterrupt(VcpuEvents.NONE);
        Vcpu entered = v.with(after).with(v.vmcs().write(VmcsField.VM_ENTRY_INTR_INFO_FIELD, 0));
        return GuestApic.taking(entered, vector, port);
    }

    /** The guest goes on: it leaves at once if something waits for this boundary, else its next instruction is fetched. */
    static Vcpu resume(Vcpu boundary, Port port) {
        if (boundary.phase() == EntryPhase.IN_GUEST && boundary.posting().notified()) {
            return resume(notificationTaken(boundary, port), port);
        }
        if (boundary.phase() == EntryPhase.IN_GUEST
                && boundary.nested().posting().notified()) {
            return resume(NestedPostedInterrupts.processed(boundary, port), port);
        }
        if (boundary.phase() != EntryPhase.IN_GUEST) {
            return boundary;
        }
        Vcpu v = VcpuInjection.nmiWindowOpen(boundary) ? boundary : GuestApic.delivered(boundary, port);
        if (!v.thread().ipis().isEmpty()) {
            return VcpuRemote.externalInterrupt(v, Event.HostVector.CALL_FUNCTION, port);
        }
        if (v.posting().hasHandlersDue()) {
            return VcpuRemote.externalInterrupt(v, Event.HostVector.DEVICE, port);
        }
        boolean window = PrimaryProcessorControl.INTERRUPT_WINDOW_EXITING.isSetIn(v.vmcs());
        if (window && v.guest().interruptible() && v.guest().vector() < 0) {
            return exit(v, GuestExit.of(ExitReason.INTERRUPT_WINDOW), port);
        }
        if (VcpuInjection.nmiWindowOpen(v)) {
            return exit(v, GuestExit.of(ExitReason.NMI_WINDOW), port);
        }
        GuestApic.reportHeldBack(v, port);
        GuestLink g = v.guest();
        GuestLink asked = g.asked();
        port.toGuest(v.index(), new Guest.Fetch(v.index(), asked.fetches(), g.retired(), g.value(), g.vector()));
        return v.with(asked);
    }

    /** The notification vector came while the vCPU entered. */
    private static Vcpu notificationTaken(Vcpu v, Port port) {
        return GuestApic.notifies(v)
                ? GuestApic.postedInterruptsProcessed(v, port)
                : VcpuRemote.externalInterrupt(
                        v.with(v.posting().withNotified(false)), Event.HostVector.POSTED_INTR, port);
    }

    /** The guest leaves. */
    static Vcpu exit(Vcpu v, GuestExit exit, Port port) {
        port.emit(new Event.GuestExited(
                v.index(),
                exit.reason(),
                v.guest().rip(),
                exit.qualification(),
                exit.interruptionInformation(),
                v.requests().word()));
        Vmcs vmcs = v.vmcs()
                .write(VmcsField.VM_EXIT_REASON, exit.reason().number())
                .write(VmcsField.EXIT_QUALIFICATION, exit.qualification())
                .write(VmcsField.VM_EXIT_INTR_INFO, exit.interruptionInformation() & 0xffffffffL);
        port.toVcpu(v.index(), Vcpu.Step.STEP);
        Vcpu out = v.left(GuestApic.stored(v, vmcs), v.thread().exited(exit));
        return TaskPrioritySync.fromProcessor(out, port);
    }
}
