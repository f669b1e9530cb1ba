package org.vcpusim.kvm;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The thread behind a vCPU: where it is, what it waits for, and what other CPUs have left for it.
 *
 * @param phase the next step
 * @param mode as other CPUs see it
 * @param cursor index into {@link VcpuRequestOrder} of the next request to check
 * @param await what is waited for in {@link EntryPhase#AWAITING}
 * @param handling the request being handled
 * @param exit what the guest was doing when it left
 * @param woken somebody woke it between its look around and its sleep
 * @param signal KVM_RUN is to return
 * @param ipis tasks that wait for IPIs which arrived while interrupts were off
 * @param polling how long it looks around when it halts
 */
record VcpuThread(
        EntryPhase phase,
        VcpuMode mode,
        int cursor,
        Await await,
        RequestSet.@Nullable Flow handling,
        @Nullable GuestExit exit,
        boolean woken,
        boolean signal,
        List<Integer> ipis,
        HaltPolling polling) {

    static final VcpuThread IN_USERSPACE = new VcpuThread(
            EntryPhase.USERSPACE,
            VcpuMode.OUTSIDE_GUEST_MODE,
            0,
            Await.NOTHING,
            null,
            null,
            false,
            false,
            List.of(),
            HaltPolling.NEVER_HALTED);

    /** What the thread waits for another machine to do. */
    enum Await {
        NOTHING,
        /** The access the guest exited for: its value completes the instruction. */
        ACCESS,
        /** The IOAPIC's share of an EOI that software carries out. */
        SOFTWARE_EOI,
        /** The IOAPIC's share of an EOI that the processor has carried out. */
        VIRTUALIZED_EOI,
        /** The redirection table, for a scan. */
        TABLE,
        /** The VM's answer to a change of AutoEOI that the old vector of a SINT register has made. */
        OLD_SINT_VECTOR,
        /** The same for its new vector. */
        NEW_SINT_VECTOR,
        /** The ack notifiers of the sources whose vector has ended. */
        SINT_EOI,
        /** The same for a vector that the processor has ended. */
        VIRTUALIZED_SINT_EOI,
        /** The VM's APICv inhibits, with the lock around them. */
        INHIBITS,
        /** The PIC's vector. */
        PIC_VECTOR,
        /** The new APIC map after INIT. */
        RESET_MAP,
        /** The new APIC map after INIT, on behalf of user space that looks at the state. */
        RESET_MAP_FOR_STATE,
        /** The VM's count of vCPUs whose interrupts a debugger holds back. */
        GUEST_DEBUG,
        /** The VM's list of vCPUs, with this one in it. */
        CREATED,
        /** The new APIC map after user space replaced the local APIC's state. */
        RESTORED_MAP,
        /** The same for a state that is refused. */
        REFUSED_STATE,
        /** User space's completion of an access nobody in the kernel took. */
        USERSPACE_ACCESS
    }

    VcpuThread at(EntryPhase other) {
        return new VcpuThread(other, mode, cursor, Await.NOTHING, handling, exit, woken, signal, ipis, polling);
    }

    VcpuThread at(EntryPhase other, VcpuMode otherMode) {
        return new VcpuThread(other, otherMode, cursor, Await.NOTHING, handling, exit, woken, signal, ipis, polling);
    }

    /** Before the first of the requests is checked. */
    VcpuThread atFirstCheck() {
        return atCheck(0);
    }

    /** Before request {@code next} is checked. */
    VcpuThread atCheck(int next) {
        return new VcpuThread(
                EntryPhase.CHECK_REQUESTS, mode, next, Await.NOTHING, handling, exit, woken, signal, ipis, polling);
    }

    VcpuThread awaiting(Await what) {
        return new VcpuThread(EntryPhase.AWAITING, mode, cursor, what, handling, exit, woken, signal, ipis, polling);
    }

    VcpuThread inUserspaceAwaiting(Await what) {
        return new VcpuThread(EntryPhase.USERSPACE, mode, cursor, what, handling, exit, woken, signal, ipis, polling);
    }

    VcpuThread with(VcpuMode other) {
        return new VcpuThread(phase, other, cursor, await, handling, exit, woken, signal, ipis, polling);
    }

    VcpuThread withCursor(int other) {
        return new VcpuThread(phase, mode, other, await, handling, exit, woken, signal, ipis, polling);
    }

    VcpuThread handling(RequestSet.@Nullable Flow flow) {
        return new VcpuThread(phase, mode, cursor, await, flow, exit, woken, signal, ipis, polling);
    }

    VcpuThread exited(GuestExit how) {
        return new VcpuThread(
                EntryPhase.EXITED, mode, cursor, Await.NOTHING, handling, how, woken, signal, ipis, polling);
    }

    VcpuThread withWoken(boolean now) {
        return new VcpuThread(phase, mode, cursor, await, handling, exit, now, signal, ipis, polling);
    }

    VcpuThread withSignal(boolean now) {
        return new VcpuThread(phase, mode, cursor, await, handling, exit, woken, now, ipis, polling);
    }

    VcpuThread withIpis(List<Integer> tasks) {
        return new VcpuThread(phase, mode, cursor, await, handling, exit, woken, signal, List.copyOf(tasks), polling);
    }

    VcpuThread with(HaltPolling other) {
        return new VcpuThread(phase, mode, cursor, await, handling, exit, woken, signal, ipis, other);
    }
}
