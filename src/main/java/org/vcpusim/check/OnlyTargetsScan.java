package org.vcpusim.check;

import java.util.List;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.Event;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * A write of a redirection entry asks no vCPUs to scan but those that the new or the old entry leads to.
 *
 * <p>Models {@code kvm_make_scan_ioapic_request_mask} as {@code ioapic_write_indirect} uses it, arch/x86/kvm/ioapic.c: everybody
 * is asked where the delivery mode is not fixed. Judged by how many are asked and, while no other broadcast about the table runs,
 * by who is; not while the number of vCPUs or a local APIC's identity is unknown.
 */
public final class OnlyTargetsScan extends Invariant {
    private final ObservedMachine machine;

    /** One that has seen nothing but what {@code machine} has. */
    OnlyTargetsScan(ObservedMachine machine) {
        super(
                "M1",
                "A write of a redirection entry asks no vCPUs to scan but those that the new or the old entry leads to",
                Tracepoint.BROADCAST_STARTED,
                Tracepoint.REQUEST_MADE);
        this.machine = machine;
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.any(Kind.ENTRY);
    }

    @Override
    public void accept(TraceRecord record) {
        ObservedMachine.Write write = machine.write();
        if (write == null || !machine.isKnown()) {
            return;
        }
        if (record.event() instanceof Event.BroadcastStarted started) {
            if (started.operation() == write.event.operation()) {
                counted(started, write.event, record);
            }
        } else if (record.event() instanceof Event.RequestMade made) {
            boolean ofWrite = made.flow().request() == machine.tableRequest()
                    && made.flow().sequence() == write.event.sequence()
                    && !made.coalesced()
                    && write.announced
                    && machine.runningBroadcasts() == 1;
            if (ofWrite && !machine.isTarget(machine.vcpu(made.vcpu()), write.event)) {
                violated(
                        record,
                        "vcpu" + made.vcpu() + " was asked to scan for a write of pin " + write.pin
                                + ", which never led to it",
                        "");
            }
        }
    }

    private void counted(Event.BroadcastStarted started, Event.RedirectionEntryWritten written, TraceRecord record) {
        int targets = 0;
        for (ObservedVcpu vcpu : machine.vcpus()) {
            if (vcpu.identity == null) {
                return;
            }
            targets += machine.isTarget(vcpu, written) ? 1 : 0;
        }
        if (started.targets() > targets) {
            violated(
                    record,
                    started.targets() + " vCPUs were asked to scan for a write of pin " + written.pin()
                            + ", which leads or led to " + targets,
                    "");
        }
    }
}
