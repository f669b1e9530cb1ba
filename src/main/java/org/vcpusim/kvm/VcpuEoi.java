package org.vcpusim.kvm;

import org.vcpusim.arch.TriggerMode;

/**
 * An EOI that reaches KVM: the local APIC's share where software has to do it, and the IOAPIC's.
 *
 * <p>Source: {@code apic_set_eoi}, {@code kvm_apic_set_eoi_accelerated}, {@code kvm_ioapic_send_eoi},
 * arch/x86/kvm/lapic.c.
 */
final class VcpuEoi {
    private VcpuEoi() {}

    /** The guest's EOI, all of it in software. */
    static Vcpu software(Vcpu v, Port port) {
        int vector = v.lapic().highestIsr();
        port.emit(new Event.EoiReceived(v.index(), vector));
        if (vector < 0) {
            return VcpuExits.completed(v, 0, port);
        }
        Vcpu ended = ended(v, vector);
        if (ended.lapic().deliverable() >= 0) {
            ended = ended.make(VcpuRequest.EVENT, port);
        }
        return VcpuSynic.handles(v, vector)
                ? VcpuSynic.ended(ended, vector, VcpuThread.Await.SINT_EOI, port)
                : toIoapic(ended, vector, port);
    }

    /** The IOAPIC's share of a software EOI. */
    static Vcpu toIoapic(Vcpu ended, int vector, Port port) {
        if (!ended.exitMap().handled().get(vector)) {
            return VcpuExits.completed(ended.make(VcpuRequest.EVENT, port), 0, port);
        }
        if (ended.machine().isSplit()) {
            Vcpu pended = toUserspace(ended, vector, port);
            return VcpuExits.completed(pended.make(VcpuRequest.EVENT, port), 0, port);
        }
        return forwarded(ended, vector, trigger(ended, vector), VcpuThread.Await.SOFTWARE_EOI, port);
    }

    /**
     * The processor has ended the vector already, and left the guest because its bit was set. Sources of the SynIC are not
     * told, as in Linux, whose guests write EOM; unless the machine is cured of {@link Hazard#O2}.
     */
    static Vcpu accelerated(Vcpu v, int vector, Port port) {
        port.emit(new Event.EoiReceived(v.index(), vector));
        boolean tells = v.machine().cures(Hazard.O2) && VcpuSynic.handles(v, vector);
        return tells
                ? VcpuSynic.ended(v, vector, VcpuThread.Await.VIRTUALIZED_SINT_EOI, port)
                : virtualizedToIoapic(v, vector, port);
    }

    /** The IOAPIC's share of an EOI that the processor has carried out. */
    static Vcpu virtualizedToIoapic(Vcpu v, int vector, Port port) {
        if (!v.exitMap().handled().get(vector)) {
            return v.make(VcpuRequest.EVENT, port).goTo(EntryPhase.RUN_LOOP, port);
        }
        if (v.machine().isSplit()) {
            return toUserspace(v, vector, port).make(VcpuRequest.EVENT, port).goTo(EntryPhase.RUN_LOOP, port);
        }
        return forwarded(v, vector, trigger(v, vector), VcpuThread.Await.VIRTUALIZED_EOI, port);
    }

    /** The vector is not in service any more; where the processor delivers, it is told the next one. */
    private static Vcpu ended(Vcpu v, int vector) {
        Vcpu ended = v.with(v.lapic().ended(vector));
        boolean told = v.apicvActive() && !v.machine().has(Fault.SOFTWARE_EOI_WITHOUT_SVI);
        return told ? VcpuApicv.withSvi(ended, ended.lapic().highestIsr()) : ended;
    }

    private static TriggerMode trigger(Vcpu v, int vector) {
        return TriggerMode.ofBit(v.lapic().page().tmr().get(vector) ? 1 : 0);
    }

    @SuppressWarnings("TooManyParameters") // the EOI, and how the vCPU goes on
    private static Vcpu forwarded(Vcpu v, int vector, TriggerMode trigger, VcpuThread.Await await, Port port) {
        Vcpu next = rescanned(v, vector, port);
        port.emit(new Event.EoiForwarded(v.index(), vector, trigger, suppressed(v)));
        port.toVm(new Vm.EoiBroadcast(v.index(), vector, trigger, suppressed(v)));
        return next.with(next.thread().awaiting(await));
    }

    /** A vector that was handled only because it was pending need not be any more: the next scan will say. */
    private static Vcpu rescanned(Vcpu v, int vector, Port port) {
        boolean stale = vector == v.exitMap().highestStale() && !v.machine().has(Fault.NO_RESCAN_AFTER_STALE_EOI);
        return stale ? v.make(v.machine().protocol().tableRequest(), port) : v;
    }

    private static boolean suppressed(Vcpu v) {
        return v.machine().suppressesEois() && v.lapic().suppressesEoiBroadcast();
    }

    /**
     * The EOI is for user space's IOAPIC: KVM_RUN will return with it on the way into the guest. There is one slot, which is
     * enough: the guest makes no other EOI before that.
     */
    private static Vcpu toUserspace(Vcpu v, int vector, Port port) {
        Vcpu next = rescanned(v, vector, port);
        if (suppressed(v)) {
            return next;
        }
        port.emit(new Event.IoapicEoiPended(v.index(), vector));
        return next.with(next.exitMap().withPendingIoapicEoi(vector)).make(VcpuRequest.IOAPIC_EOI_EXIT, port);
    }

    /**
     * KVM_REQ_IOAPIC_EOI_EXIT: KVM_RUN returns with the vector, if it is still handled. It is, unless a scan has come first.
     */
    static Vcpu exitToUserspace(Vcpu seen, Port port) {
        int vector = seen.exitMap().pendingIoapicEoi();
        Vcpu v = VcpuRequests.done(seen.with(seen.exitMap().withoutPendingIoapicEoi()), port);
        if (vector < 0 || !v.exitMap().handled().get(vector)) {
            port.emit(new Event.IoapicEoiDropped(v.index(), vector));
            return v.goTo(EntryPhase.CHECK_REQUESTS, port);
        }
        return VcpuRun.leaveKernelForEoi(v, vector, port);
    }
}
