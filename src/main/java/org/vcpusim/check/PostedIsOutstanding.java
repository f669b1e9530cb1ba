package org.vcpusim.check;

import java.util.ArrayList;
import java.util.List;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.Event;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * A vCPU that enters the guest with requests in PIR has ON set, or somebody is about to set it, or notifications are suppressed.
 *
 * <p>Models {@code __vmx_deliver_posted_interrupt} and {@code pi_desc} of arch/x86/kvm/vmx/posted_intr.c: who looks for posted
 * requests looks at ON first.
 */
public final class PostedIsOutstanding extends Invariant {
    /** By vCPU, how many have set a request and not yet ON. */
    private final List<Integer> beforeOn = new ArrayList<>();

    /** One that has seen nothing. */
    public PostedIsOutstanding() {
        super(
                "P2",
                "Whoever enters the guest with a request in PIR finds ON or SN set, unless somebody is about to set ON",
                Tracepoint.POSTED_INTERRUPT_SET,
                Tracepoint.NOTIFICATION_REQUESTED,
                Tracepoint.INTERRUPT_STATE_LOAD);
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.its(Kind.VECTOR, Kind.POSTED, Kind.KICK, Kind.PLACE);
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        if (event instanceof Event.PostedInterruptSet set) {
            if (set.poster() == Event.Poster.CPU && !set.coalesced()) {
                add(set.vcpu(), 1);
            }
        } else if (event instanceof Event.NotificationRequested requested) {
            add(requested.vcpu(), -1);
        } else if (event instanceof Event.InterruptStateLoaded load) {
            boolean silent = !load.descriptor().control().on()
                    && !load.descriptor().control().sn();
            if (silent && !load.descriptor().pir().isEmpty() && add(load.vcpu(), 0) <= 0) {
                violated(
                        record,
                        "vcpu" + load.vcpu()
                                + " entered the guest with an interrupt posted which no notification is outstanding for",
                        "highest vector " + Vectors.hex(load.descriptor().pir().highest()));
            }
        }
    }

    private int add(int vcpu, int more) {
        while (beforeOn.size() <= vcpu) {
            beforeOn.add(0);
        }
        int now = beforeOn.get(vcpu) + more;
        beforeOn.set(vcpu, now);
        return now;
    }
}
