package org.vcpusim.kvm;

import java.util.Objects;

/**
 * What each request asks a vCPU to do on its way into the guest. The bit is cleared first, then the request is handled, so
 * that one made meanwhile is not lost.
 *
 * <p>Source: {@code kvm_check_request}, include/linux/kvm_host.h; {@code vcpu_enter_guest}, arch/x86/kvm/x86.c.
 */
final class VcpuRequests {
    private VcpuRequests() {}

    /** Serves {@code request}, whose bit is set; the thread is {@code next} after the check. */
    static Vcpu serve(Vcpu v, VcpuThread next, VcpuRequest request, Port port) {
        Vcpu seen = seen(v, next, request, port);
        return switch (request) {
            case IOAPIC_EOI_EXIT -> VcpuEoi.exitToUserspace(seen, port);
            case SCAN_IOAPIC -> VcpuExitMap.scan(seen, port);
            case LOAD_EOI_EXITMAP ->
                v.machine().protocol() == Protocol.LOAD_EOI_EXITMAP
                        ? VcpuExitMap.scan(seen, port)
                        : handled(VcpuExitMap.load(seen, port), port);
            case NMI -> handled(seen.with(seen.events().nmis().collected()).make(VcpuRequest.EVENT, port), port);
            case SMI -> handled(seen.with(seen.events().withSmiPending(true)).make(VcpuRequest.EVENT, port), port);
            case APICV_UPDATE -> VcpuApicv.serve(seen, port);
            case HV_EXIT -> VcpuSynic.exitToUserspace(seen, port);
            case APIC_PAGE_RELOAD -> handled(VcpuApicv.pageReloaded(seen), port);
            default -> handled(seen, port);
        };
    }

    /** The check that finds the bit set: clears it. */
    static Vcpu seen(Vcpu v, VcpuRequest request, Port port) {
        return seen(v, v.thread(), request, port);
    }

    private static Vcpu seen(Vcpu v, VcpuThread next, VcpuRequest request, Port port) {
        RequestSet.Flow flow = Objects.requireNonNull(v.requests().flowOf(request));
        port.emit(new Event.RequestSeen(v.index(), flow));
        boolean late = request != VcpuRequest.EVENT && v.machine().has(Fault.CLEAR_AFTER_HANDLING);
        return v.with(late ? v.requests() : v.requests().clear(request), next.handling(flow));
    }

    /** The request has been handled; the next check follows. */
    static Vcpu handled(Vcpu v, Port port) {
        if (v.machine().has(Fault.CLEAR_AFTER_HANDLING)) {
            return v.goTo(EntryPhase.CLEAR_REQUEST, port);
        }
        reportApplied(v, port);
        return v.goTo(v.thread().handling(null).at(EntryPhase.CHECK_REQUESTS), port);
    }

    /** The request has been handled and its bit is clear, however late. */
    static Vcpu done(Vcpu v, Port port) {
        RequestSet.Flow flow = v.handling();
        Vcpu cleared = flow == null ? v : v.with(v.requests().clear(flow.request()));
        return applied(cleared, port);
    }

    /** The fault: what was made since the request was handled is cleared along with it. */
    static Vcpu clearedLate(Vcpu v, Port port) {
        return done(v, port).goTo(EntryPhase.CHECK_REQUESTS, port);
    }

    /** What the request asked for is done. */
    static Vcpu applied(Vcpu v, Port port) {
        if (v.handling() == null) {
            return v;
        }
        reportApplied(v, port);
        return v.with(v.thread().handling(null));
    }

    private static void reportApplied(Vcpu v, Port port) {
        RequestSet.Flow flow = v.handling();
        if (flow != null) {
            port.emit(new Event.RequestApplied(v.index(), flow));
        }
    }
}
