package org.vcpusim.check;

import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.VcpuRequest;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * While a vCPU is preempted SN is set, so that what a device posts to it notifies nobody: it would interrupt whoever runs there.
 *
 * <p>Models {@code vmx_vcpu_pi_put}, arch/x86/kvm/vmx/posted_intr.c, and SDM Vol. 3C, "Posted-Interrupt Processing". SN is set only
 * while devices may post: a vCPU that was preempted before the first was assigned, which KVM_REQ_UNBLOCK tells, is not judged.
 */
public final class PreemptedAreNotNotified extends Invariant {
    private final Set<Integer> preempted = new TreeSet<>();
    private @Nullable TraceRecord post;

    /** One that has seen nothing. */
    public PreemptedAreNotNotified() {
        super(
                "P11",
                "No device notifies a vCPU that is preempted while devices may post",
                Tracepoint.VCPU_SCHED_IN,
                Tracepoint.VCPU_SCHED_OUT,
                Tracepoint.POSTED_INTERRUPT_SET,
                Tracepoint.REQUEST_MADE,
                Tracepoint.IPI_SENT);
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.its(Kind.POSTED, Kind.PLACE);
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        if (event instanceof Event.VcpuScheduledIn in) {
            preempted.remove(in.vcpu());
        } else if (event instanceof Event.VcpuScheduledOut out) {
            if (out.why() == Event.ScheduledOut.PREEMPTED) {
                preempted.add(out.vcpu());
            }
        } else if (event instanceof Event.RequestMade made) {
            if (made.flow().request() == VcpuRequest.UNBLOCK) {
                preempted.clear();
            }
        } else if (event instanceof Event.PostedInterruptSet set) {
            post = set.poster() == Event.Poster.DEVICE && preempted.contains(set.vcpu()) ? record : null;
        } else if (event instanceof Event.IpiSent sent) {
            notified(record, sent);
        }
    }

    /** A device posts and notifies in one step: its notification is the next event, and of the same actor; another's comes from elsewhere. */
    private void notified(TraceRecord record, Event.IpiSent sent) {
        TraceRecord since = post;
        post = null;
        boolean ofPost = since != null
                && since.order() + 1 == record.order()
                && since.source().equals(record.source())
                && since.event() instanceof Event.PostedInterruptSet set
                && set.vcpu() == sent.vcpu();
        if (since != null && ofPost) {
            violated(record, since, "a device notifies vcpu" + sent.vcpu() + ", which is preempted", "");
        }
    }
}
