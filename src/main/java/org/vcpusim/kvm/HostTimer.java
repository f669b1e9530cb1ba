package org.vcpusim.kvm;

import java.util.ArrayList;
import java.util.List;

/**
 * The host's timer: work that is due after a while, and how long halts last. Delays are steps like all others, so that a
 * schedule decides what happens before they end.
 *
 * <p>Source: {@code schedule_delayed_work}, kernel/workqueue.c, as far as arch/x86/kvm/ioapic.c uses it; the clock that
 * {@code kvm_vcpu_halt}, virt/kvm/kvm_main.c, looks at.
 *
 * @param remainingTicks ticks until {@code ioapic->eoi_inject} is due; 0 where it is not armed
 * @param ticking where ticks come from
 * @param halts those whose length matters, in the order in which they were armed
 */
public record HostTimer(int remainingTicks, Ticking ticking, List<ArmHalt> halts) {
    /** Nothing is due; ticks come by themselves. */
    public static final HostTimer IDLE = new HostTimer(0, Ticking.BY_ITSELF, List.of());
    /** Nothing is due; somebody sends the ticks from outside. */
    public static final HostTimer DRIVEN = new HostTimer(0, Ticking.FROM_OUTSIDE, List.of());

    /** Where ticks come from. */
    public enum Ticking {
        BY_ITSELF,
        FROM_OUTSIDE
    }

    /** Virtual time of a tick: one millisecond. */
    public static final long TICK_NANOS = 1_000_000;
    /** HZ / 100: ten milliseconds. */
    public static final int EOI_INJECT_TICKS = 10;
    /** Virtual time of a tick of halts: ten microseconds. */
    public static final int HALT_TICK_NANOS = HaltPolling.LOOK_NANOS;

    /** What the timer is told. */
    public sealed interface Message {}

    /** Messages without data. */
    public enum Plain implements Message {
        /** Arms {@code ioapic->eoi_inject}; nothing changes where it is armed already. */
        ARM_EOI_INJECT,
        /** A tick has passed. */
        TICK,
        /** A tick of halts has passed. */
        HALT_TICK
    }

    /**
     * Asks to be told when a halt has lasted so long. Who wakes up earlier does not take it back.
     *
     * @param vcpu to be told
     * @param halt its number there
     * @param ticks of {@link #HALT_TICK_NANOS}, 1 or more
     */
    public record ArmHalt(int vcpu, int halt, int ticks) implements Message {}

    public HostTimer {
        halts = List.copyOf(halts);
    }

    /** The ticks of halts in {@code nanos}, rounded up. */
    static int haltTicks(long nanos) {
        return (int) ((nanos + HALT_TICK_NANOS - 1) / HALT_TICK_NANOS);
    }

    /** The next state; an armed timer asks for its own next tick. */
    public HostTimer step(Message message, Port port) {
        if (message instanceof ArmHalt halt) {
            return halted(halt, port);
        }
        return switch ((Plain) message) {
            case ARM_EOI_INJECT -> remainingTicks > 0 ? this : awaitingTick(EOI_INJECT_TICKS, port);
            case TICK -> ticked(port);
            case HALT_TICK -> haltTicked(port);
        };
    }

    private HostTimer ticked(Port port) {
        if (remainingTicks == 0) {
            return this;
        }
        port.elapse(TICK_NANOS);
        if (remainingTicks == 1) {
            port.toVm(Vm.EoiInjectDue.EOI_INJECT_DUE);
            return new HostTimer(0, ticking, halts);
        }
        return awaitingTick(remainingTicks - 1, port);
    }

    private HostTimer awaitingTick(int ticks, Port port) {
        if (ticking == Ticking.BY_ITSELF) {
            port.toTimer(Plain.TICK);
        }
        return new HostTimer(ticks, ticking, halts);
    }

    /** The first halt starts the ticks. */
    private HostTimer halted(ArmHalt halt, Port port) {
        if (halts.isEmpty()) {
            port.toTimer(Plain.HALT_TICK);
        }
        List<ArmHalt> more = new ArrayList<>(halts);
        more.add(halt);
        return new HostTimer(remainingTicks, ticking, more);
    }

    private HostTimer haltTicked(Port port) {
        port.elapse(HALT_TICK_NANOS);
        List<ArmHalt> left = new ArrayList<>();
        for (ArmHalt each : halts) {
            if (each.ticks > 1) {
                left.add(new ArmHalt(each.vcpu, each.halt, each.ticks - 1));
            } else {
                port.toVcpu(each.vcpu, new Vcpu.HaltIsLong(each.halt));
            }
        }
        if (!left.isEmpty()) {
            port.toTimer(Plain.HALT_TICK);
        }
        return new HostTimer(remainingTicks, ticking, left);
    }
}
