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
 * Nobody enters the guest past an interrupt that was posted, unless somebody is about to tell the processor.
 *
 * <p>Models the protocol of {@code vmx_deliver_posted_interrupt} and {@code vmx_sync_pir_to_irr}, arch/x86/kvm/vmx/vmx.c: at a VM
 * entry with a request in PIR and ON set the notification is on its way, or whoever set ON has not read the mode yet. Who finds
 * the vCPU in guest mode sends it. What a device has posted to a local APIC that is disabled waits until it is enabled.
 */
public final class PostedInterruptsAreNotified extends Invariant {
    private final ObservedMachine machine;
    private final Map<Integer, Posters> byVcpu = new TreeMap<>();

    /** Those who are busy posting to one vCPU. */
    private static final class Posters {
        /** How many have set ON and not yet read the mode. */
        private int beforeMode;
        /** A notification was sent since the vCPU was in the guest last. */
        private boolean sent;
        /** A notification was sent, and nobody has said so since. */
        private boolean telling;
    }

    /** One that has seen nothing but what {@code machine} has. */
    PostedInterruptsAreNotified(ObservedMachine machine) {
        super(
                "P3",
                "Nobody enters the guest past an interrupt that was posted, unless somebody is about to tell the processor",
                Tracepoint.NOTIFICATION_REQUESTED,
                Tracepoint.POSTED_INTERRUPT_TRIGGER,
                Tracepoint.IPI_SENT,
                Tracepoint.INTERRUPT_STATE_LOAD,
                Tracepoint.KVM_EXIT,
                Tracepoint.ENTRY_CANCELLED);
        this.machine = machine;
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.its(Kind.VECTOR, Kind.POSTED, Kind.KICK, Kind.PLACE);
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        if (event instanceof Event.NotificationRequested requested) {
            of(requested.vcpu()).beforeMode += requested.coalesced() ? 0 : 1;
        } else if (event instanceof Event.PostedInterruptTriggered triggered) {
            triggered(of(triggered.vcpu()), triggered, record);
        } else if (event instanceof Event.IpiSent ipi) {
            if (ipi.vector() == Event.HostVector.POSTED_INTR) {
                of(ipi.vcpu()).sent = true;
                of(ipi.vcpu()).telling = true;
            }
        } else if (event instanceof Event.InterruptStateLoaded load) {
            loaded(load, record);
        } else {
            forgetSent(event);
        }
    }

    private void triggered(Posters posters, Event.PostedInterruptTriggered triggered, TraceRecord record) {
        posters.beforeMode--;
        if (triggered.mode() == VcpuMode.IN_GUEST_MODE && !posters.telling) {
            violated(record, "vcpu" + triggered.vcpu() + " is in the guest and was not notified", "");
        }
        posters.telling = false;
    }

    /** What was sent to an earlier entry tells nothing to a later one. */
    private void forgetSent(Event event) {
        if (event instanceof Event.GuestExited exit && byVcpu.containsKey(exit.vcpu())) {
            of(exit.vcpu()).sent = false;
        } else if (event instanceof Event.EntryCancelled cancelled && byVcpu.containsKey(cancelled.vcpu())) {
            of(cancelled.vcpu()).sent = false;
        }
    }

    private void loaded(Event.InterruptStateLoaded load, TraceRecord record) {
        boolean waits = !load.descriptor().pir().isEmpty()
                && load.descriptor().control().on();
        if (!waits || machine.vcpu(load.vcpu()).isDisabled()) {
            return;
        }
        Posters posters = of(load.vcpu());
        if (!posters.sent && posters.beforeMode == 0) {
            violated(
                    record,
                    "vcpu" + load.vcpu()
                            + " entered the guest with an interrupt posted which nobody will tell the processor of",
                    "highest vector " + Vectors.hex(load.descriptor().pir().highest()));
        }
    }

    private Posters of(int vcpu) {
        return byVcpu.computeIfAbsent(vcpu, index -> new Posters());
    }
}
