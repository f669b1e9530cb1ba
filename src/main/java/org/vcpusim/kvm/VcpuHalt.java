package org.vcpusim.kvm;

/**
 * A vCPU with nothing to run: it looks around for a while where the machine wants that, then sleeps.
 *
 * <pre>
 *   CPU 0, the vCPU halts             CPU 1
 *   registers as a sleeper            makes something to do
 *   anything to do? no                a sleeper? wake it
 *   woken? no: sleeps
 * </pre>
 *
 * <p>While it looks around it is no sleeper: who wakes it finds nobody, and it sees by itself what there is to do, at the
 * latest after it has registered.
 *
 * <p>Source: {@code vcpu_block}, arch/x86/kvm/x86.c; {@code kvm_vcpu_halt}, {@code kvm_vcpu_block},
 * {@code kvm_vcpu_check_block}, virt/kvm/kvm_main.c.
 */
final class VcpuHalt {
    private VcpuHalt() {}

    /** The run loop finds the vCPU with nothing to run. */
    static Vcpu begin(Vcpu v, Port port) {
        if (!isPolled(v)) {
            return v.goTo(EntryPhase.BLOCK_PREPARE, port);
        }
        HaltPolling polling = v.thread().polling().begun();
        return v.with(v.thread().with(polling))
                .goTo(polling.looksOn() ? EntryPhase.HALT_POLL : EntryPhase.BLOCK_PREPARE, port);
    }

    /** One step of a vCPU that halts. */
    static Vcpu step(Vcpu v, Port port) {
        return switch (v.phase()) {
            case HALT_POLL -> poll(v, port);
            case BLOCK_PREPARE -> v.with(v.thread().withWoken(false)).goTo(EntryPhase.BLOCK_CHECK, port);
            case BLOCK_CHECK -> check(v, port);
            case BLOCK_SLEEP -> sleep(v, port);
            default -> throw new IllegalStateException("vCPU " + v.index() + " does not halt in " + v.phase());
        };
    }

    /** Whether halts of this kind look around before they sleep. */
    private static boolean isPolled(Vcpu v) {
        return v.machine().haltPollNanos() > 0 && v.events().mpState() == MpState.HALTED;
    }

    /** {@code kvm_vcpu_check_block}; what was posted is synced first. */
    private static boolean hasToStop(Vcpu synced) {
        return VcpuInjection.isRunnable(synced)
                || synced.thread().signal()
                || synced.requests().test(VcpuRequest.UNBLOCK);
    }

    private static Vcpu poll(Vcpu unsynced, Port port) {
        Vcpu v = VcpuInjection.synced(unsynced, port);
        if (hasToStop(v)) {
            port.emit(new Event.VcpuWoken(v.index(), Event.Wait.POLL));
            return stopped(v, port);
        }
        port.elapse(HaltPolling.LOOK_NANOS);
        HaltPolling polling = v.thread().polling().looked();
        return v.with(v.thread().with(polling))
                .goTo(polling.looksOn() ? EntryPhase.HALT_POLL : EntryPhase.BLOCK_PREPARE, port);
    }

    private static Vcpu check(Vcpu unsynced, Port port) {
        Vcpu v = VcpuInjection.synced(unsynced, port);
        return hasToStop(v) ? stopped(isPolled(v) ? adapted(v, port) : v, port) : v.goTo(EntryPhase.BLOCK_SLEEP, port);
    }

    private static Vcpu sleep(Vcpu v, Port port) {
        if (v.thread().woken() || v.thread().signal()) {
            return v.with(v.thread().withWoken(false)).goTo(EntryPhase.BLOCK_CHECK, port);
        }
        port.emit(new Event.VcpuBlocked(v.index()));
        return VcpuScheduling.blocked(isPolled(v) ? timed(v, port) : v, port);
    }

    /** The timer is to tell when this halt has become a long one. */
    private static Vcpu timed(Vcpu v, Port port) {
        HaltPolling polling = v.thread().polling();
        long rest = polling.restNanos(v.machine().haltPollNanos());
        if (polling.length() == HaltPolling.Length.NO_SLEEP && rest > 0) {
            port.toTimer(new HostTimer.ArmHalt(v.index(), polling.halt(), HostTimer.haltTicks(rest)));
        }
        return v.with(v.thread().with(polling.asleep()));
    }

    private static Vcpu adapted(Vcpu v, Port port) {
        HaltPolling before = v.thread().polling();
        HaltPolling after = before.ended(v.machine().haltPollNanos());
        if (after.windowNanos() != before.windowNanos()) {
            port.emit(new Event.HaltPollChanged(v.index(), after.windowNanos(), before.windowNanos()));
        }
        return v.with(v.thread().with(after));
    }

    /** There is something to stop for. */
    private static Vcpu stopped(Vcpu v, Port port) {
        if (VcpuInjection.isRunnable(v)) {
            boolean startsUp = v.lapic().initPending() || v.lapic().sipiPending();
            return startsUp
                    ? VcpuInjection.acceptInitAndSipi(v, VcpuThread.Await.RESET_MAP, port)
                    : madeRunnable(v).goTo(EntryPhase.RUN_LOOP, port);
        }
        Vcpu seen = v.thread().signal() ? v : unblockSeen(v, port);
        return seen.goTo(EntryPhase.RUN_LOOP, port);
    }

    /** KVM_REQ_UNBLOCK only ends a sleep. */
    static Vcpu unblockSeen(Vcpu v, Port port) {
        return v.requests().test(VcpuRequest.UNBLOCK)
                ? VcpuRequests.done(VcpuRequests.seen(v, VcpuRequest.UNBLOCK, port), port)
                : v;
    }

    /** HLT has ended; a vCPU that waits for a start-up IPI goes on waiting. */
    static Vcpu madeRunnable(Vcpu v) {
        boolean halted = v.events().mpState().isHalted();
        return halted ? v.with(v.events().with(MpState.RUNNABLE).withPvUnhalted(false)) : v;
    }
}
