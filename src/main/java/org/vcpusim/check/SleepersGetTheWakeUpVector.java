package org.vcpusim.check;

import java.util.BitSet;
import java.util.List;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.Event;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * The wake-up vector is sent for a vCPU that sleeps and has something posted: for one whose thread runs it would tell the processor
 * nothing, and one that sends it to itself before it sleeps, though ON is clear, would wake for nothing.
 *
 * <p>Models {@code pi_enable_wakeup_handler} and {@code vmx_vcpu_pi_load}, arch/x86/kvm/vmx/posted_intr.c, which change the
 * descriptor's notification vector there and back.
 */
public final class SleepersGetTheWakeUpVector extends Invariant {
    /** vCPUs whose thread has got a processor since it last slept. */
    private final BitSet running = new BitSet();
    /** vCPUs with ON clear: what was posted was taken, and nothing has been posted since. */
    private final BitSet taken = new BitSet();

    /** One that has seen nothing. */
    public SleepersGetTheWakeUpVector() {
        super(
                "P8",
                "The wake-up vector is sent only for a vCPU that sleeps and has something posted",
                Tracepoint.POSTED_INTERRUPT_SET,
                Tracepoint.NOTIFICATION_REQUESTED,
                Tracepoint.POSTED_INTERRUPTS_SYNC,
                Tracepoint.VCPU_SCHED_IN,
                Tracepoint.VCPU_SCHED_OUT,
                Tracepoint.IPI_SENT);
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.its(Kind.SLEEP, Kind.PLACE, Kind.POSTED);
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        if (event instanceof Event.VcpuScheduledIn in) {
            running.set(in.vcpu());
        } else if (event instanceof Event.VcpuScheduledOut out) {
            if (out.why() == Event.ScheduledOut.BLOCKED) {
                running.clear(out.vcpu());
            }
        } else if (event instanceof Event.PostedInterruptsSynced synced) {
            taken.set(synced.vcpu());
        } else if (event instanceof Event.PostedInterruptSet set) {
            taken.clear(set.vcpu());
        } else if (event instanceof Event.NotificationRequested requested) {
            taken.clear(requested.vcpu());
        } else if (event instanceof Event.IpiSent sent && sent.vector() == Event.HostVector.POSTED_INTR_WAKEUP) {
            judged(record, sent.vcpu());
        }
    }

    private void judged(TraceRecord record, int vcpu) {
        if (running.get(vcpu) || taken.get(vcpu)) {
            String why = running.get(vcpu) ? ", which does not sleep" : ", which has nothing posted";
            violated(record, "the wake-up vector was sent for vcpu" + vcpu + why, "");
        }
    }
}
