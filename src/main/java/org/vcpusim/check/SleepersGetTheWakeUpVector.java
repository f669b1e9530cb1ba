package org.vcpusim.check;

import java.util.BitSet;
import java.util.List;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.Event;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * The wake-up vector is sent for a vCPU that sleeps: for one whose thread runs it would tell the processor nothing.
 *
 * <p>Models {@code pi_enable_wakeup_handler} and {@code vmx_vcpu_pi_load}, arch/x86/kvm/vmx/posted_intr.c, which change the
 * descriptor's notification vector there and back.
 */
public final class SleepersGetTheWakeUpVector extends Invariant {
    /** vCPUs whose thread has got a processor since it last slept. */
    private final BitSet running = new BitSet();

    /** One that has seen nothing. */
    public SleepersGetTheWakeUpVector() {
        super(
                "P8",
                "The wake-up vector is sent only for a vCPU that sleeps",
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
        } else if (event instanceof Event.IpiSent sent
                && sent.vector() == Event.HostVector.POSTED_INTR_WAKEUP
                && running.get(sent.vcpu())) {
            violated(record, "the wake-up vector was sent for vcpu" + sent.vcpu() + ", which does not sleep", "");
        }
    }
}
