package org.vcpusim.check;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.vcpusim.arch.ExitReason;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.Event;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * A posted-interrupt notification that came on the way into the guest is taken there before the guest goes on.
 *
 * <p>Models SDM Vol. 3C, "Posted-Interrupt Processing": an external interrupt that is pending at VM entry is taken at the first
 * boundary between instructions. Where the processor does not process it, in L2 or without APICv, it leaves the guest. An entry that
 * ends itself, by the preemption timer or a task priority below its threshold, leaves before that.
 */
public final class HeldNotificationsAreTaken extends Invariant {
    private final Map<Integer, TraceRecord> held = new TreeMap<>();

    /** One that has seen nothing. */
    public HeldNotificationsAreTaken() {
        super(
                "P9",
                "A posted-interrupt notification that came on the way into the guest is taken there before the guest goes on",
                Tracepoint.NOTIFICATION_HELD,
                Tracepoint.ENTRY_CANCELLED,
                Tracepoint.POSTED_INTERRUPTS_SYNC,
                Tracepoint.VIRTUAL_INTERRUPT_DELIVERY,
                Tracepoint.EOI_VIRTUALIZED,
                Tracepoint.KVM_EXIT);
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.its(Kind.POSTED, Kind.KICK, Kind.MODE);
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        if (event instanceof Event.NotificationHeld notification) {
            held.putIfAbsent(notification.vcpu(), record);
        } else if (held.isEmpty()) {
            return;
        } else if (event instanceof Event.EntryCancelled cancelled) {
            held.remove(cancelled.vcpu());
        } else if (event instanceof Event.PostedInterruptsSynced synced) {
            if (synced.by() == Event.SyncedBy.PROCESSOR) {
                held.remove(synced.vcpu());
            }
        } else if (event instanceof Event.GuestExited exited) {
            exited(record, exited);
        } else if (event instanceof Event.VirtualInterruptDelivered delivered) {
            judged(record, delivered.vcpu());
        } else if (event instanceof Event.EoiVirtualized eoi) {
            judged(record, eoi.vcpu());
        }
    }

    private void exited(TraceRecord record, Event.GuestExited exited) {
        boolean atOnce = exited.reason() == ExitReason.EXTERNAL_INTERRUPT
                || exited.reason() == ExitReason.PREEMPTION_TIMER
                || exited.reason() == ExitReason.TPR_BELOW_THRESHOLD;
        if (atOnce) {
            held.remove(exited.vcpu());
        } else {
            judged(record, exited.vcpu());
        }
    }

    private void judged(TraceRecord record, int vcpu) {
        TraceRecord since = held.remove(vcpu);
        if (since != null) {
            violated(record, since, "vcpu" + vcpu + " was notified on its way into the guest, and goes on without", "");
        }
    }
}
