package org.vcpusim.kvm;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * {@code apicv_update_lock}: who changes the inhibits holds it for writing, a vCPU that serves KVM_REQ_APICV_UPDATE for reading,
 * so that none serves the request with a mask that is about to change. First come, first served.
 *
 * <p>Source: {@code struct rw_semaphore apicv_update_lock} of {@code struct kvm_arch}, arch/x86/include/asm/kvm_host.h.
 *
 * @param writer id of the task that writes, or 0
 * @param readers vCPUs that read
 * @param waiters who waits, first come first
 */
record ApicvUpdateLock(int writer, int readers, List<Holder> waiters) {
    static final ApicvUpdateLock FREE = new ApicvUpdateLock(0, 0, List.of());

    ApicvUpdateLock {
        waiters = List.copyOf(waiters);
    }

    /** What somebody wants with it. */
    enum Side {
        READER,
        WRITER
    }

    /**
     * Somebody who holds it or waits for it.
     *
     * @param id a reader's vCPU, a writer's task
     */
    record Holder(Side side, int id) {}

    /** Whether {@code side} could hold it besides those who do. */
    private boolean admits(Side side) {
        return writer == 0 && (side == Side.READER || readers == 0);
    }

    /** Whether {@code side} would have to wait. */
    boolean isTaken(Side side) {
        return !waiters.isEmpty() || !admits(side);
    }

    ApicvUpdateLock heldBy(Holder holder) {
        return holder.side == Side.WRITER
                ? new ApicvUpdateLock(holder.id, readers, waiters)
                : new ApicvUpdateLock(writer, readers + 1, waiters);
    }

    ApicvUpdateLock waitedForBy(Holder holder) {
        List<Holder> more = new ArrayList<>(waiters);
        more.add(holder);
        return new ApicvUpdateLock(writer, readers, more);
    }

    ApicvUpdateLock releasedBy(Side side) {
        return side == Side.WRITER
                ? new ApicvUpdateLock(0, readers, waiters)
                : new ApicvUpdateLock(writer, readers - 1, waiters);
    }

    /** The first waiter, where it can have the lock now. */
    Optional<Holder> next() {
        return waiters.isEmpty() || !admits(waiters.get(0).side) ? Optional.empty() : Optional.of(waiters.get(0));
    }

    /** The first waiter holds it. */
    ApicvUpdateLock withNextHolding() {
        return new ApicvUpdateLock(writer, readers, waiters.subList(1, waiters.size())).heldBy(waiters.get(0));
    }
}
