package org.vcpusim.check;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.VcpuMode;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * Nobody enters L2 past an interrupt that L1 posted to it and KVM was told of, unless somebody is about to tell the processor.
 *
 * <p>Models the barrier of {@code vmx_deliver_nested_posted_interrupt}, arch/x86/kvm/vmx/vmx.c. Whoever notes L1's notification
 * makes KVM_REQ_EVENT, then reads the mode. Who finds the vCPU outside relies on the request: it is seen before L2 is entered,
 * and what is posted taken. So an entry of L2 with a notification noted is in order only while the mode is still to be read,
 * or when a notification was sent to this entry. What L1 posts without telling KVM is L1's to look for.
 */
public final class NestedInterruptsAreNotified extends Invariant {
    private final Map<Integer, Notifiers> byVcpu = new TreeMap<>();

    /** Those who are busy notifying one vCPU's L2. */
    private static final class Notifiers {
        /** How many have noted the notification and not yet read the mode. */
        private int beforeMode;
        /** A notification was sent that its sender has not reported. */
        private boolean telling;
        /** A notification was sent since the vCPU was in the guest last. */
        private boolean sent;
    }

    /** One that has seen nothing. */
    public NestedInterruptsAreNotified() {
        super(
                "P7",
                "Nobody enters L2 past an interrupt that L1 posted to it and notified KVM of,"
                        + " unless somebody is about to tell the processor",
                Tracepoint.NESTED_NOTIFICATION_NOTED,
                Tracepoint.NESTED_NOTIFICATION_TRIGGER,
                Tracepoint.NESTED_POSTING_LOAD,
                Tracepoint.IPI_SENT,
                Tracepoint.KVM_EXIT,
                Tracepoint.ENTRY_CANCELLED);
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.its(Kind.NESTED_POSTED, Kind.KICK);
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        if (event instanceof Event.NestedNotificationNoted noted) {
            byVcpu.computeIfAbsent(noted.vcpu(), index -> new Notifiers()).beforeMode++;
        } else if (byVcpu.isEmpty()) {
            return;
        } else if (event instanceof Event.NestedNotificationTriggered triggered) {
            triggered(of(triggered.vcpu()), triggered, record);
        } else if (event instanceof Event.IpiSent ipi) {
            boolean notifies = ipi.vector() == Event.HostVector.POSTED_INTR_NESTED;
            of(ipi.vcpu()).sent |= notifies;
            of(ipi.vcpu()).telling |= notifies;
        } else if (event instanceof Event.GuestExited exit) {
            of(exit.vcpu()).sent = false;
        } else if (event instanceof Event.EntryCancelled cancelled) {
            of(cancelled.vcpu()).sent = false;
        } else if (event instanceof Event.NestedPostingLoaded loaded) {
            loaded(loaded, record);
        }
    }

    /** Who finds the vCPU in the guest notifies it, and wakes it otherwise. */
    private void triggered(Notifiers notifiers, Event.NestedNotificationTriggered triggered, TraceRecord record) {
        notifiers.beforeMode--;
        if (triggered.mode() == VcpuMode.IN_GUEST_MODE && !notifiers.telling) {
            violated(record, "vcpu" + triggered.vcpu() + " is in the guest and was not notified for L2", "");
        }
        notifiers.telling = false;
    }

    private void loaded(Event.NestedPostingLoaded load, TraceRecord record) {
        Notifiers notifiers = of(load.vcpu());
        if (load.noted() && !notifiers.sent && notifiers.beforeMode == 0) {
            violated(
                    record,
                    "vcpu" + load.vcpu()
                            + " entered L2 with an interrupt posted to it which nobody will tell the processor of",
                    "highest vector " + Vectors.hex(load.pir().highest()));
        }
    }

    private Notifiers of(int vcpu) {
        return byVcpu.computeIfAbsent(vcpu, index -> new Notifiers());
    }
}
