package org.vcpusim.check;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.Pit;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * The PIT interrupts once for each tick and, where ticks are reinjected, for all of them, one after the other was
 * acknowledged.
 *
 * <p>Models {@code pit_timer_fn}, {@code kvm_pit_ack_irq}, {@code pit_do_work} and {@code pit_mask_notifer}, arch/x86/kvm/i8254.c. Who
 * unmasks the PIT's pin begins anew: ticks that wait are forgotten, and none has to be acknowledged. Which pin that is shows when
 * the PIT first raises its line; before that every unmasking may be of its pin.
 */
public final class PitTicksAreDelivered extends Invariant {
    /** The pins of the IOAPIC that the PIT has raised, a bit a pin. */
    private int pins;

    private boolean onPic;
    private boolean known;
    private boolean reinjects;
    private boolean acknowledged = true;
    private int ticks;
    private int pulses;
    /** Ticks that were not acknowledged. */
    private int pending;

    private @Nullable TraceRecord lastTick;

    /** One that has seen nothing. */
    public PitTicksAreDelivered() {
        super(
                "I18",
                "The PIT interrupts once for each tick and, where ticks are reinjected, for all of them, one after the other's acknowledgement",
                Tracepoint.VM_CREATED,
                Tracepoint.PIT_TICK,
                Tracepoint.KVM_SET_IRQ,
                Tracepoint.KVM_IOAPIC_SET_IRQ,
                Tracepoint.KVM_PIC_SET_IRQ,
                Tracepoint.KVM_ACK_IRQ,
                Tracepoint.IOAPIC_REDIR_WRITE,
                Tracepoint.VCPU_AUDIT);
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.its(Kind.LINE);
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        if (event instanceof Event.PitTicked tick) {
            ticked(record, tick.reinjected());
        } else if (event instanceof Event.IrqLineSet line) {
            if (line.gsi() == Pit.GSI && line.source() == Pit.SOURCE && line.level() == 1) {
                raised(record);
            }
        } else if (event instanceof Event.IrqAcknowledged acked) {
            if (isPits(acked)) {
                acknowledged = true;
                pending = Math.max(pending - 1, 0);
            }
        } else if (event instanceof Event.RedirectionEntryWritten write) {
            boolean opened = write.before().masked() && !write.after().masked();
            if (opened && (pins == 0 || (pins & 1 << write.pin()) != 0)) {
                begun();
            }
        } else if (event instanceof Event.VcpuAudited) {
            judged(record);
        } else {
            wired(event);
        }
    }

    private void wired(Event event) {
        if (event instanceof Event.IoapicIrqSet set) {
            pins |= (set.sources() & 1 << Pit.SOURCE) != 0 ? 1 << set.pin() : 0;
        } else if (event instanceof Event.PicIrqSet set) {
            onPic |= set.chip() == 0 && set.pin() == Pit.GSI;
        } else if (event instanceof Event.VmCreated) {
            known = true;
        }
    }

    private boolean isPits(Event.IrqAcknowledged acked) {
        return switch (acked.chip()) {
            case IOAPIC -> (pins & 1 << acked.pin()) != 0;
            case PIC_MASTER -> onPic && acked.pin() == Pit.GSI;
            case PIC_SLAVE -> false;
        };
    }

    private void ticked(TraceRecord record, boolean reinjected) {
        if (reinjected != reinjects) {
            begun();
        }
        reinjects = reinjected;
        ticks++;
        pending++;
        lastTick = record;
    }

    private void begun() {
        acknowledged = true;
        pending = 0;
    }

    private void raised(TraceRecord record) {
        pulses++;
        if (known && pulses > ticks) {
            violated(record, "the PIT has interrupted " + pulses + " times for " + ticks + " ticks", "");
        } else if (known && reinjects && !acknowledged) {
            violated(record, "the PIT interrupts again, and its last tick was not acknowledged", "");
        }
        acknowledged = false;
    }

    private void judged(TraceRecord record) {
        if (known && reinjects && acknowledged && pending > 0) {
            violated(record, lastTick, "a tick of the PIT was to be delivered later, and never was", "");
            pending = 0;
        }
    }
}
