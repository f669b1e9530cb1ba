package org.vcpusim.check;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.Pit;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * A pin that gets an ack notifier, or loses its last one, makes everybody scan.
 *
 * <p>Models {@code kvm_register_irq_ack_notifier} and {@code kvm_unregister_irq_ack_notifier}, virt/kvm/eventfd.c, which call
 * {@code kvm_arch_post_irq_ack_notifier_list_update}. Judged when nothing moves any more, and not of the PIT's pins, 0 and 2: the PIT may
 * be there before the vCPUs, which scan when they are created.
 */
public final class NewNotifiersAreScanned extends Invariant {
    private static final int PIT_PINS = 1 << Pit.GSI | 1 << Pit.PIN;

    private final ObservedMachine machine;
    /** The other pins that have one, a bit a pin. */
    private int pins;
    /** The change behind which nobody was asked. */
    private @Nullable TraceRecord changed;

    /** One that has seen nothing but what {@code machine} has. */
    NewNotifiersAreScanned(ObservedMachine machine) {
        super(
                "M3",
                "A pin that gets an ack notifier, or loses its last one, makes everybody scan",
                Tracepoint.ACK_NOTIFIERS_CHANGED,
                Tracepoint.BROADCAST_STARTED,
                Tracepoint.VCPU_AUDIT);
        this.machine = machine;
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.any(Kind.REQUEST);
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        if (event instanceof Event.AckNotifiersChanged now) {
            int others = now.pins() & ~PIT_PINS;
            changed = machine.isKnown() && others != pins ? record : changed;
            pins = others;
        } else if (event instanceof Event.BroadcastStarted started) {
            boolean scans = started.request() == machine.tableRequest();
            changed = scans && started.targets() >= online() ? null : changed;
        } else {
            TraceRecord since = changed;
            changed = null;
            if (since != null) {
                violated(record, since, "the pins with an ack notifier changed, and nobody was asked to scan", "");
            }
        }
    }

    /** Those whose local APIC has said how it is addressed. */
    private int online() {
        int online = 0;
        for (ObservedVcpu vcpu : machine.vcpus()) {
            online += vcpu.identity != null ? 1 : 0;
        }
        return online;
    }
}
