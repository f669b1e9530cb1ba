package org.vcpusim.check;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.vcpusim.arch.TriggerMode;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.VcpuRequest;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * A message that reached a local APIC is requested, posted or discarded, once; nothing is requested or posted by KVM without one;
 * and what is not posted asks for the request that makes the vCPU look at it.
 *
 * <p>Models {@code __apic_accept_irq}, arch/x86/kvm/lapic.c, and {@code vmx_deliver_interrupt}, arch/x86/kvm/vmx/vmx.c.
 */
public final class MessagesAreCarriedOut extends Invariant {
    private final ObservedMachine machine;
    private final ByVcpu<Messages> byVcpu = new ByVcpu<>(Messages::new);

    private static final class Messages {
        /** Accepted and not yet requested, posted or discarded, by vector. */
        private final Map<Integer, Integer> open = new TreeMap<>();
        /** What still has to ask for a request, by the request. */
        private final Map<VcpuRequest, TraceRecord> unasked = new TreeMap<>();

        /** The trace has its creation: no message came before. */
        private boolean known;
        /** What the last message asks for. */
        private @Nullable VcpuRequest asks;
        /** The last message has a vector that is requested. */
        private boolean vectored;
        /** The vector of the last message; -1 once an interrupt was taken since. */
        private int last = -1;
        /** The last message, which the local APIC is too disabled to accept, until it is discarded. */
        private @Nullable TraceRecord refused;
        /** The last message is one that an enabled local APIC accepts in any case. */
        private boolean certain;
    }

    /** One that has seen nothing but what {@code machine} has. */
    MessagesAreCarriedOut(ObservedMachine machine) {
        super(
                "X7",
                "A message that reached a local APIC is requested, posted or, if that is disabled, discarded, once, and what is not posted asks for a request",
                Tracepoint.VMCS_INIT,
                Tracepoint.KVM_APIC_ACCEPT_IRQ,
                Tracepoint.INTERRUPT_REQUESTED,
                Tracepoint.INTERRUPT_DISCARDED,
                Tracepoint.INTERRUPT_ACKNOWLEDGED,
                Tracepoint.POSTED_INTERRUPT_SET,
                Tracepoint.NESTED_NOTIFICATION_NOTED,
                Tracepoint.REQUEST_MADE,
                Tracepoint.VCPU_AUDIT);
        this.machine = machine;
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.its(Kind.VECTOR, Kind.IDENTITY, Kind.APICV);
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        if (!(event instanceof Event.InterruptDiscarded)) {
            refusedUntil(record, event);
        }
        if (event instanceof Event.VmcsInitialised initialised) {
            byVcpu.of(initialised.vcpu()).known = true;
        } else if (event instanceof Event.InterruptAccepted accepted) {
            accepted(record, byVcpu.of(accepted.vcpu()), accepted);
        } else if (event instanceof Event.InterruptRequested requested) {
            if (requested.by() == Event.SyncedBy.KVM) {
                closed(record, requested.vcpu(), requested.vector(), "requested");
                byVcpu.of(requested.vcpu()).unasked.putIfAbsent(VcpuRequest.EVENT, record);
            }
        } else if (event instanceof Event.PostedInterruptSet posted) {
            if (posted.poster() == Event.Poster.CPU) {
                closed(record, posted.vcpu(), posted.vector(), "posted");
            }
        } else if (event instanceof Event.InterruptDiscarded discarded) {
            discarded(record, byVcpu.of(discarded.vcpu()), discarded);
        } else if (event instanceof Event.RequestMade made) {
            byVcpu.of(made.vcpu()).unasked.remove(made.flow().request());
        } else if (event instanceof Event.VcpuAudited audited) {
            audited(record, audited.vcpu());
        } else {
            nested(record, event);
        }
    }

    /** What comes for L2 is noted instead, when it comes or when L1 would take it. */
    private void nested(TraceRecord record, Event event) {
        if (event instanceof Event.InterruptAcknowledged taken) {
            byVcpu.of(taken.vcpu()).last = -1;
        } else if (event instanceof Event.NestedNotificationNoted noted) {
            int vector = byVcpu.of(noted.vcpu()).last;
            if (vector >= 0) {
                closed(record, noted.vcpu(), vector, "noted for L2");
            }
        }
    }

    /** Whoever refuses a message does so at once. */
    private void refusedUntil(TraceRecord record, Event event) {
        int vcpu = ((Event.OfVcpu) event).vcpu();
        Messages m = byVcpu.of(vcpu);
        TraceRecord since = m.refused;
        if (since != null) {
            m.refused = null;
            violated(
                    record,
                    since,
                    "the local APIC of vcpu" + vcpu + " is disabled and accepts vector " + Vectors.hex(m.last),
                    "");
        }
    }

    private void accepted(TraceRecord record, Messages m, Event.InterruptAccepted accepted) {
        ObservedVcpu v = machine.vcpu(accepted.vcpu());
        boolean vector = accepted.deliveryMode().isVectored();
        m.refused = vector && v.identity != null && !v.accepts() ? record : null;
        m.certain = vector && v.accepts() && accepted.triggerMode() == TriggerMode.EDGE;
        m.asks = null;
        m.last = accepted.vector();
        m.vectored = accepted.deliveryMode().isVectored();
        switch (accepted.deliveryMode()) {
            case FIXED, LOWEST_PRIORITY -> m.open.merge(accepted.vector(), 1, Integer::sum);
            case NMI -> m.asks = VcpuRequest.NMI;
            case SMI -> m.asks = VcpuRequest.SMI;
            case INIT, SIPI, REMOTE_READ -> m.asks = VcpuRequest.EVENT;
            case EXTINT -> {}
        }
        if (m.asks != null) {
            m.unasked.putIfAbsent(m.asks, record);
        }
    }

    /** The last message was for nothing. */
    private void discarded(TraceRecord record, Messages m, Event.InterruptDiscarded discarded) {
        m.refused = null;
        if (m.certain) {
            violated(
                    record,
                    "the local APIC of vcpu" + discarded.vcpu() + " is enabled and discards vector "
                            + Vectors.hex(discarded.vector()),
                    "");
        }
        m.certain = false;
        if (m.asks != null) {
            m.unasked.remove(m.asks);
        } else if (m.vectored) {
            closed(record, discarded.vcpu(), discarded.vector(), "discarded");
        }
    }

    @SuppressWarnings("TooManyParameters") // what happened to which vector
    private void closed(TraceRecord record, int vcpu, int vector, String how) {
        Map<Integer, Integer> open = byVcpu.of(vcpu).open;
        if (!open.containsKey(vector)) {
            if (byVcpu.of(vcpu).known) {
                violated(
                        record,
                        "vector " + Vectors.hex(vector) + " was " + how + " at vcpu" + vcpu + " without a message",
                        "");
            }
        } else if (open.merge(vector, -1, Integer::sum) == 0) {
            open.remove(vector);
        }
    }

    private void audited(TraceRecord record, int vcpu) {
        Messages m = byVcpu.of(vcpu);
        m.open.forEach((vector, count) -> violated(
                record,
                "a message for vector " + Vectors.hex(vector) + " reached vcpu" + vcpu + " and had no effect",
                ""));
        m.unasked.forEach((request, since) ->
                violated(record, since, "what reached vcpu" + vcpu + " did not ask for " + request, ""));
    }
}
