package org.vcpusim.kvm;

/**
 * The host's timer: work that is due after a while. Delays are steps like all others, so that a schedule decides what
 * happens before they end.
 *
 * <p>Source: {@code schedule_delayed_work}, kernel/workqueue.c, as far as arch/x86/kvm/ioapic.c uses it.
 *
 * @param remainingTicks ticks until {@code ioapic->eoi_inject} is due; 0 where it is not armed
 * @param ticking where ticks come from
 */
public record HostTimer(int remainingTicks, Ticking ticking) {
    /** Nothing is due; ticks come by themselves. */
    public static final HostTimer IDLE = new HostTimer(0, Ticking.BY_ITSELF);
    /** Nothing is due; somebody sends the ticks from outside. */
    public static final HostTimer DRIVEN = new HostTimer(0, Ticking.FROM_OUTSIDE);

    /** Where ticks come from. */
    public enum Ticking {
        BY_ITSELF,
        FROM_OUTSIDE
    }

    /** Virtual time of a tick: one millisecond. */
    public static final long TICK_NANOS = 1_000_000;
    /** HZ / 100: ten milliseconds. */
    public static final int EOI_INJECT_TICKS = 10;

    /** What the timer is told. */
    public enum Message {
        /** Arms {@code ioapic->eoi_inject}; nothing changes where it is armed already. */
        ARM_EOI_INJECT,
        /** A tick has passed. */
        TICK
    }

    /** The next state; an armed timer asks for its own next tick. */
    public HostTimer step(Message message, Port port) {
        if (message == Message.ARM_EOI_INJECT) {
            return remainingTicks > 0 ? this : awaitingTick(EOI_INJECT_TICKS, port);
        }
        if (remainingTicks == 0) {
            return this;
        }
        port.elapse(TICK_NANOS);
        if (remainingTicks == 1) {
            port.toVm(Vm.EoiInjectDue.EOI_INJECT_DUE);
            return new HostTimer(0, ticking);
        }
        return awaitingTick(remainingTicks - 1, port);
    }

    private HostTimer awaitingTick(int ticks, Port port) {
        if (ticking == Ticking.BY_ITSELF) {
            port.toTimer(Message.TICK);
        }
        return new HostTimer(ticks, ticking);
    }
}
