package org.vcpusim.kvm;

/**
 * The in-kernel PIT, as far as its interrupt goes: GSI 0, and the ticks that wait for the one before to be acknowledged.
 *
 * <p>While it reinjects, it owns an ack notifier of GSI 0 and a tick that comes too early is counted. Source: {@code struct
 * kvm_kpit_state}, arch/x86/kvm/i8254.h and i8254.c.
 *
 * @param mode whether ticks are counted until they can be delivered
 * @param acknowledged {@code irq_ack}: the last tick was acknowledged, so that the next may be injected
 * @param pending ticks that were not acknowledged, while it reinjects
 * @param queued its work item waits to run
 * @param working its work item runs; its worker is one thread, so that it does not run twice at a time
 */
public record Pit(Mode mode, boolean acknowledged, int pending, boolean queued, boolean working) {
    /** The GSI it drives. */
    public static final int GSI = 0;
    /** The IOAPIC's pin that its GSI leads to where nobody has routed it elsewhere. */
    public static final int PIN = 2;
    /** Interrupt source id: KVM_PIT_IRQ_SOURCE_ID. */
    public static final int SOURCE = 2;
    /** None there. */
    public static final Pit NONE = new Pit(Mode.ABSENT, true, 0, false, false);

    /** What becomes of ticks. */
    public enum Mode {
        /** There is no PIT in the kernel. */
        ABSENT,
        /** Each is delivered, the next after the acknowledgement of the one before. */
        REINJECT,
        /** Each is delivered at once, or lost. */
        DISCARD
    }

    /** A PIT after KVM_CREATE_PIT2 and, for DISCARD, KVM_REINJECT_CONTROL. */
    public static Pit of(Mode mode) {
        return NONE.with(mode);
    }

    /** Whether it has an ack notifier and a mask notifier of GSI 0. */
    boolean hasNotifier() {
        return mode == Mode.REINJECT;
    }

    /** Its timer has expired; its work item is queued. */
    Pit ticked() {
        return new Pit(mode, acknowledged, hasNotifier() ? pending + 1 : pending, true, working);
    }

    /** Its work item runs: it takes the acknowledgement along. */
    Pit worked() {
        return new Pit(mode, !hasNotifier() && acknowledged, pending, false, true);
    }

    /** Its work item has run. */
    Pit rested() {
        return new Pit(mode, acknowledged, pending, queued, false);
    }

    /** Whether its worker has something to do now. */
    boolean due() {
        return queued && !working;
    }

    /** Whether the work item injects: the tick before was acknowledged, or nobody waits for that. */
    boolean injects() {
        return mode == Mode.DISCARD || hasNotifier() && acknowledged;
    }

    /** Its interrupt was acknowledged; the work item is queued where a tick is left. */
    Pit acked() {
        int left = Math.max(pending - 1, 0);
        return new Pit(mode, true, left, queued || left > 0, working);
    }

    /** Ticks from before are forgotten; {@code kvm_pit_reset_reinject}. */
    Pit reset() {
        return with(mode);
    }

    /** After KVM_REINJECT_CONTROL: ticks from before are forgotten, and a work item that is queued runs; {@code kvm_pit_set_reinject}. */
    Pit with(Mode other) {
        return new Pit(other, true, 0, queued, working);
    }
}
