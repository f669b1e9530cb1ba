package org.vcpusim.kvm;

import java.util.ArrayList;
import java.util.List;
import org.vcpusim.arch.ExitReason;
import org.vcpusim.arch.LocalApic;
import org.vcpusim.arch.PostedInterruptDescriptor;
import org.vcpusim.arch.TriggerMode;
import org.vcpusim.arch.VectorBitmap;

/**
 * What other CPUs do to a vCPU: request bits, its mode, IPIs, interrupts for its local APIC.
 *
 * <p>Source: {@code kvm_make_request}, {@code kvm_vcpu_kick}, {@code kvm_vcpu_wake_up}, virt/kvm/kvm_main.c;
 * {@code __apic_accept_irq}, arch/x86/kvm/lapic.c.
 */
final class VcpuRemote {
    private static final int EXTERNAL_INTERRUPT_VALID = 0x80000000;

    private VcpuRemote() {}

    static Vcpu step(Vcpu v, Vcpu.Message message, Port port) {
        if (message instanceof Vcpu.MakeRequest m) {
            return v.make(m.request(), m.sequence(), port);
        }
        if (message instanceof Vcpu.ExchangeMode x) {
            return exchangeMode(v, x, port);
        }
        if (message instanceof Vcpu.HostIpi i) {
            return ipi(v, i, port);
        }
        if (message instanceof Vcpu.Accept a) {
            return accept(v, a, port);
        }
        if (message instanceof Vcpu.CompleteAccept c) {
            return completed(v, c.vector(), port);
        }
        if (message instanceof Vcpu.SetPir s) {
            return setPir(v, s, port);
        }
        if (message instanceof Vcpu.SetOn s) {
            return setOn(v, s, port);
        }
        if (message instanceof Vcpu.SetNestedPir s) {
            return NestedPostedInterrupts.posted(v, s.vector(), port);
        }
        if (message instanceof Vcpu.SetNestedOn) {
            return NestedPostedInterrupts.onSet(v);
        }
        if (message instanceof Vcpu.ReadMode r) {
            port.toVm(new Vm.ModeFound(r.task(), v.mode(), false));
            return v;
        }
        if (message instanceof Vcpu.Assignment a) {
            return v.with(v.posting().with(a));
        }
        if (message instanceof Vcpu.WakeUp w) {
            boolean meant = w == Vcpu.WakeUp.WAKE_UP || v.posting().isOutstanding();
            return meant && wakes(v) ? woken(v, Event.WakeCause.INTERRUPT, port) : v;
        }
        if (message instanceof Vcpu.HaltIsLong h) {
            return v.with(v.thread().with(v.thread().polling().timedOut(h.halt())));
        }
        if (message instanceof Vcpu.ScheduledIn s) {
            return VcpuScheduling.scheduledIn(v, s.cpu(), port);
        }
        if (message instanceof Vcpu.Preempt p) {
            return VcpuScheduling.preempt(v, p, port);
        }
        if (message instanceof Vcpu.PostFromDevice p) {
            return VcpuScheduling.postedByDevice(v, p.vector(), port);
        }
        if (message instanceof Vcpu.InterruptFromDevice i) {
            return HostInterrupts.arrived(v, i.vector(), port);
        }
        if (message instanceof Vcpu.QueryPendingEoi q) {
            port.toVm(new Vm.Reported(q.task(), v.lapic().pendingEoi(q.vector()) ? 1 : 0));
            return v;
        }
        if (message instanceof Vcpu.GoOn g) {
            port.toVm(new Vm.Reported(g.task(), 0));
            return v;
        }
        if (message instanceof Vcpu.ReadSint r) {
            VcpuSynic.show(v, r, port);
            return v;
        }
        if (message instanceof Vcpu.PicOutput p) {
            return v.with(v.events().withPicOutput(p.level()));
        }
        if (message instanceof Vcpu.Audit a) {
            return audited(v, a, port);
        }
        throw new IllegalArgumentException("not a message from another CPU: " + message);
    }

    private static Vcpu exchangeMode(Vcpu v, Vcpu.ExchangeMode x, Port port) {
        VcpuThread thread = v.thread();
        if (x.wakeup() == Vcpu.Wakeup.WAKE && VcpuScheduling.isSleeper(v) && !thread.woken()) {
            port.toVm(new Vm.ModeFound(x.task(), thread.mode(), true));
            return woken(v, Event.WakeCause.REQUEST, port);
        }
        port.toVm(new Vm.ModeFound(x.task(), thread.mode(), false));
        boolean exits = thread.mode() == VcpuMode.IN_GUEST_MODE && !v.machine().has(Fault.NO_EXITING_STATE);
        Vcpu exchanged = exits ? v.with(thread.with(VcpuMode.EXITING_GUEST_MODE)) : v;
        if (thread.mode() != VcpuMode.OUTSIDE_GUEST_MODE) {
            port.emit(new Event.ModeExchanged(v.index(), thread.mode(), exchanged.mode()));
        }
        return exchanged;
    }

    static boolean wakes(Vcpu v) {
        return v.machine().has(Fault.NO_WAKE_OF_SELF) ? v.phase() == EntryPhase.BLOCKED : VcpuScheduling.isSleeper(v);
    }

    private static Vcpu setPir(Vcpu v, Vcpu.SetPir s, Port port) {
        PostedInterruptDescriptor.Tested tested = v.posting().descriptor().testAndSetPir(s.vector());
        port.emit(new Event.PostedInterruptSet(v.index(), s.vector(), Event.Poster.CPU, tested.wasSet()));
        port.toVm(new Vm.Reported(s.task(), tested.wasSet() ? 1 : 0));
        return v.with(v.posting().with(tested.next()));
    }

    private static Vcpu setOn(Vcpu v, Vcpu.SetOn s, Port port) {
        PostedInterruptDescriptor.Tested tested = v.posting().descriptor().testAndSetOn();
        port.emit(new Event.NotificationRequested(v.index(), tested.wasSet()));
        port.toVm(new Vm.Reported(s.task(), tested.wasSet() ? 1 : 0));
        return v.with(v.posting().with(tested.next()));
    }

    /** {@code kvm_vcpu_wake_up} of a sleeper. */
    static Vcpu woken(Vcpu v, Event.WakeCause cause, Port port) {
        port.emit(new Event.SleeperFound(v.index(), cause));
        if (v.phase() == EntryPhase.BLOCKED) {
            port.emit(new Event.VcpuWoken(v.index()));
            return VcpuScheduling.runnable(v, EntryPhase.BLOCK_CHECK, port);
        }
        return v.with(v.thread().withWoken(true));
    }

    private static Vcpu ipi(Vcpu v, Vcpu.HostIpi ipi, Port port) {
        VcpuThread thread = v.thread();
        if (ipi.vector() == Event.HostVector.POSTED_INTR) {
            return notified(v, port);
        }
        if (ipi.vector() == Event.HostVector.POSTED_INTR_NESTED) {
            return NestedPostedInterrupts.arrived(v, port);
        }
        boolean inGuest = thread.phase() == EntryPhase.IN_GUEST;
        if (!inGuest && !thread.phase().interruptsOff()) {
            acknowledge(ipi.task(), port);
            return v;
        }
        List<Integer> waiting = new ArrayList<>(thread.ipis());
        waiting.add(ipi.task());
        Vcpu pending = v.with(thread.withIpis(waiting));
        return inGuest ? externalInterrupt(pending, ipi.vector(), port) : pending;
    }

    /** The notification vector: for the processor in the guest, for nobody outside of it. */
    private static Vcpu notified(Vcpu v, Port port) {
        if (v.phase().interruptsOff()) {
            if (v.phase() != EntryPhase.EXITED) {
                port.emit(new Event.NotificationHeld(v.index()));
            }
            return v.with(v.posting().withNotified(true));
        }
        if (v.phase() != EntryPhase.IN_GUEST) {
            return v;
        }
        if (!GuestApic.notifies(v)) {
            return externalInterrupt(v, Event.HostVector.POSTED_INTR, port);
        }
        Vcpu processed = GuestApic.postedInterruptsProcessed(v, port);
        Vcpu delivered = GuestApic.delivered(processed, port);
        return delivered == processed ? processed : VcpuRun.resume(delivered, port);
    }

    /** The guest leaves because an interrupt came for the host. */
    static Vcpu externalInterrupt(Vcpu v, Event.HostVector vector, Port port) {
        GuestExit exit = new GuestExit(
                ExitReason.EXTERNAL_INTERRUPT, 0, EXTERNAL_INTERRUPT_VALID | vector.number(), GuestAction.Plain.NOP);
        return VcpuRun.exit(v, exit, port);
    }

    /** Interrupts are on again: the IPIs that came meanwhile are taken. */
    static Vcpu ipisTaken(Vcpu v, Port port) {
        Vcpu served = HostInterrupts.taken(NestedPostedInterrupts.forgotten(v), port);
        if (served.thread().ipis().isEmpty()) {
            return served;
        }
        served.thread().ipis().forEach(task -> acknowledge(task, port));
        return served.with(served.thread().withIpis(List.of()));
    }

    private static void acknowledge(int task, Port port) {
        if (task != Vcpu.HostIpi.NOBODY_WAITS) {
            port.toVm(new Vm.IpiAcknowledged(task));
        }
    }

    private static Vcpu accept(Vcpu v, Vcpu.Accept a, Port port) {
        InterruptMessage m = a.message();
        if (v.machine().lacksLapic(v.index())) {
            port.emit(new Event.HostCrashed(Event.HostCrash.NO_LOCAL_APIC));
            return discarded(v, a, port);
        }
        port.emit(new Event.InterruptAccepted(v.index(), m.deliveryMode(), m.triggerMode(), m.vector()));
        Lapic lapic = v.lapic();
        boolean deasserts = m.triggerMode() == TriggerMode.LEVEL && !m.asserted();
        return switch (m.deliveryMode()) {
            case FIXED, LOWEST_PRIORITY -> {
                if (deasserts || !lapic.enabled()) {
                    yield discarded(v, a, port);
                }
                Vcpu triggered = v.with(lapic.withTriggerMode(m.vector(), m.triggerMode()));
                if (v.nested().isNotification(m.vector())) {
                    port.toVm(new Vm.AcceptedForNested(a.task()));
                    yield NestedPostedInterrupts.noted(triggered, port);
                }
                yield v.apicvActive()
                        ? toPost(triggered, a, port)
                        : taken(halfRequested(v, m, port), a, VcpuRequest.EVENT, port);
            }
            case REMOTE_READ -> taken(v.with(v.events().withPvUnhalted(true)), a, VcpuRequest.EVENT, port);
            case SMI -> taken(v, a, VcpuRequest.SMI, port);
            case NMI -> taken(v.with(v.events().nmis().withQueued()), a, VcpuRequest.NMI, port);
            case INIT ->
                deasserts ? discarded(v, a, port) : taken(v.with(lapic.withInit()), a, VcpuRequest.EVENT, port);
            case SIPI -> taken(v.with(lapic.withSipi(m.vector())), a, VcpuRequest.EVENT, port);
            case EXTINT -> discarded(v, a, port);
        };
    }

    /** The first of two stores of the sender: the bit of IRR. The hint that IRR has a bit is the second. */
    private static Vcpu halfRequested(Vcpu v, InterruptMessage m, Port port) {
        Vcpu triggered = v.with(v.lapic().withTriggerMode(m.vector(), m.triggerMode()));
        return v.machine().has(Fault.IRR_SEND_ORDER)
                ? triggered.with(triggered.lapic().withIrrPending(true))
                : withIrrBit(triggered, m.vector(), port);
    }

    /** The second of them. */
    private static Vcpu completed(Vcpu v, int vector, Port port) {
        Vcpu completed = v.machine().has(Fault.IRR_SEND_ORDER)
                ? withIrrBit(v, vector, port)
                : v.with(v.lapic().withIrrPending(true));
        port.emit(new Event.IrrPendingRaised(v.index(), vector));
        return completed;
    }

    private static Vcpu withIrrBit(Vcpu v, int vector, Port port) {
        boolean coalesced = v.lapic().page().irr().get(vector);
        port.emit(new Event.InterruptRequested(v.index(), vector, Event.SyncedBy.KVM, coalesced));
        return v.with(v.lapic().withIrrBit(vector));
    }

    /** Without APICv a vector that comes by this CPU is requested in IRR, with its hint. */
    static Vcpu requested(Vcpu v, int vector, TriggerMode trigger, Port port) {
        Vcpu requested = withIrrBit(v.with(v.lapic().withTriggerMode(vector, trigger)), vector, port);
        port.emit(new Event.IrrPendingRaised(v.index(), vector));
        return requested.with(requested.lapic().withIrrPending(true));
    }

    private static Vcpu taken(Vcpu v, Vcpu.Accept a, VcpuRequest request, Port port) {
        port.toVm(new Vm.Accepted(a.task(), true, request));
        return v;
    }

    private static Vcpu toPost(Vcpu v, Vcpu.Accept a, Port port) {
        port.toVm(new Vm.AcceptedToPost(a.task()));
        return v;
    }

    private static Vcpu discarded(Vcpu v, Vcpu.Accept a, Port port) {
        port.emit(new Event.InterruptDiscarded(v.index(), a.message().vector()));
        port.toVm(new Vm.Accepted(a.task(), false, null));
        return v;
    }

    private static Vcpu audited(Vcpu v, Vcpu.Audit a, Port port) {
        Lapic lapic = v.lapic().requested(v.posting().descriptor().pir());
        VectorBitmap expected = v.exitMap().scanned(fresh(v, a.table(), lapic)).union();
        VectorBitmap actual = v.vmcs01().eoiExitBitmap();
        port.emit(new Event.EoiExitBitmapAudited(v.index(), actual, expected, verdict(v, actual, expected)));
        report(v, port);
        reportLost(v, lapic, port);
        VectorBitmap held = lapic.page().irr().or(lapic.page().isr());
        port.toVm(new Vm.VectorsHeld(a.task(), held));
        return v;
    }

    /**
     * What a scan would find now. A vector that became pending behind the last scan is not due: nobody scans for that, and
     * an EOI of it ends no other vCPU's pin.
     */
    private static IoapicScan.Result fresh(Vcpu v, ScanTable table, Lapic lapic) {
        Lapic idle = lapic.withPage(lapic.page().withIrr(VectorBitmap.EMPTY).withIsr(VectorBitmap.EMPTY));
        VectorBitmap own = IoapicScan.scan(v.machine(), table, idle).handled();
        IoapicScan.Result all = IoapicScan.scan(v.machine(), table, lapic);
        VectorBitmap late = all.handled().andNot(own).andNot(v.exitMap().handled());
        return new IoapicScan.Result(all.handled().andNot(late), all.highestStale());
    }

    private static void report(Vcpu v, Port port) {
        LocalApic page = v.lapic().page();
        port.emit(new Event.VcpuAudited(
                v.index(),
                v.phase(),
                v.events().mpState(),
                NestedEvents.mayInterrupt(v) && !v.blocksIrqs(),
                v.lapic().enabled(),
                v.requests().word(),
                page.irr(),
                page.isr(),
                v.posting().descriptor().pir()));
    }

    /**
     * A halted guest that would take an interrupt sleeps although one is there: nobody will wake it. The registers decide, not
     * what KVM believes of them.
     */
    private static void reportLost(Vcpu v, Lapic withPosted, Port port) {
        boolean halted = v.events().mpState().isHalted();
        if (halted && NestedPostedInterrupts.wakes(v)) {
            port.emit(new Event.InterruptLost(v.index(), NestedPostedInterrupts.highest(v)));
        }
        boolean sleeps = halted && NestedEvents.mayInterrupt(v);
        int vector = withPosted.enabled() ? withPosted.page().withPprUpdated().deliverable() : -1;
        if (sleeps && vector >= 0) {
            port.emit(new Event.InterruptLost(v.index(), vector));
        }
    }

    private static Event.BitmapVerdict verdict(Vcpu v, VectorBitmap actual, VectorBitmap expected) {
        boolean pending = v.requests().test(VcpuRequest.SCAN_IOAPIC)
                || v.requests().test(VcpuRequest.LOAD_EOI_EXITMAP)
                || v.nested().deferrals().has(NestedDeferrals.Kind.LOAD_EOI_EXITMAP);
        if (!v.apicvActive() || !v.lapic().hwEnabled()) {
            return Event.BitmapVerdict.UNUSED;
        }
        if (actual.equals(expected)) {
            return Event.BitmapVerdict.EQUAL;
        }
        if (pending) {
            return Event.BitmapVerdict.PENDING;
        }
        if (v.exitMap().lastLoad() == ExitMap.LastLoad.SKIPPED) {
            return Event.BitmapVerdict.STALE_SINCE_INHIBIT;
        }
        boolean lacks = !expected.andNot(actual).isEmpty();
        return lacks ? Event.BitmapVerdict.WRONG : staleOrWrong(v, actual);
    }

    /** Extra vectors are stale ones only where the load wrote what the scan had found. */
    private static Event.BitmapVerdict staleOrWrong(Vcpu v, VectorBitmap actual) {
        boolean asScanned = v.exitMap().union().equals(actual);
        return asScanned ? Event.BitmapVerdict.STALE_EXTRA : Event.BitmapVerdict.WRONG;
    }
}
