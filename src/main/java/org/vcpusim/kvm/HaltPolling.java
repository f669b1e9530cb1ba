package org.vcpusim.kvm;

/**
 * How long a halted vCPU looks around before it sleeps. The window grows where halts end soon after it, and shrinks where
 * they last longer than the most that the machine allows.
 *
 * <p>Source: {@code kvm_vcpu_halt}, {@code grow_halt_poll_ns}, {@code shrink_halt_poll_ns}, virt/kvm/kvm_main.c, with the
 * default parameters. A machine has no clock: a look is a step of {@value #LOOK_NANOS} ns, and how long a vCPU sleeps is told
 * by {@link HostTimer}.
 *
 * @param windowNanos how long the next halt looks around
 * @param leftNanos what is left of that in this halt
 * @param halt number of this halt, by which a late answer of the timer is known
 * @param length what is known of how long this halt lasts
 */
record HaltPolling(long windowNanos, long leftNanos, int halt, Length length) {
    /** Nothing has halted yet. */
    static final HaltPolling NEVER_HALTED = new HaltPolling(0, 0, 0, Length.NO_SLEEP);

    /** What a look costs. */
    static final int LOOK_NANOS = 10_000;
    /** {@code halt_poll_ns_grow_start}: the smallest window. */
    static final long SMALLEST_NANOS = 10_000;
    /** {@code halt_poll_ns_grow}, {@code halt_poll_ns_shrink}. */
    private static final int FACTOR = 2;

    /** How long a halt lasts, as far as it is known. */
    enum Length {
        /** The vCPU has not slept. */
        NO_SLEEP,
        /** It has, and the timer will say if that is more than the most. */
        TIMED,
        /** More than the most. */
        LONG
    }

    /** A halt begins. */
    HaltPolling begun() {
        return new HaltPolling(windowNanos, windowNanos, halt + 1, Length.NO_SLEEP);
    }

    /** Whether to look around once more before going to sleep. */
    boolean looksOn() {
        return leftNanos > 0;
    }

    /** A look has found nothing. */
    HaltPolling looked() {
        return new HaltPolling(windowNanos, leftNanos - LOOK_NANOS, halt, length);
    }

    /** The vCPU goes to sleep; where it does so for the first time in this halt the timer has to be armed. */
    HaltPolling asleep() {
        return new HaltPolling(windowNanos, leftNanos, halt, length == Length.NO_SLEEP ? Length.TIMED : length);
    }

    /** The timer says that halt {@code number} lasts long. */
    HaltPolling timedOut(int number) {
        return number == halt && length == Length.TIMED
                ? new HaltPolling(windowNanos, leftNanos, halt, Length.LONG)
                : this;
    }

    /** How long the vCPU may sleep until its halt lasts longer than {@code mostNanos}. */
    long restNanos(long mostNanos) {
        return mostNanos - windowNanos;
    }

    /** The halt has ended behind its window, which is adapted; {@code mostNanos} is {@code halt_poll_ns}. */
    HaltPolling ended(long mostNanos) {
        // A window of the most has been looked through in vain: with the time it took to find that out this was longer.
        boolean tooLong = length == Length.LONG || windowNanos >= mostNanos;
        if (tooLong) {
            long half = windowNanos / FACTOR;
            return withWindow(half < SMALLEST_NANOS ? 0 : half);
        }
        return withWindow(Math.min(Math.max(windowNanos * FACTOR, SMALLEST_NANOS), mostNanos));
    }

    private HaltPolling withWindow(long nanos) {
        return new HaltPolling(nanos, leftNanos, halt, length);
    }
}
