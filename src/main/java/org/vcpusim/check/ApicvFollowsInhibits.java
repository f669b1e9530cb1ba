package org.vcpusim.check;

import java.util.List;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.VcpuRequest;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * A vCPU enters the guest with APICv active if and only if the VM has no reason against it and the local APIC is enabled in
 * IA32_APIC_BASE; and the VMCS's controls and the MSR bitmap are those that go with it and with the local APIC's mode.
 *
 * <p>Models the assertion of {@code vcpu_enter_guest} that {@code kvm_vcpu_apicv_activated} equals
 * {@code kvm_vcpu_apicv_active}, arch/x86/kvm/x86.c. What the VM's mask is before it first changes is known from the
 * initialisation of the VMCS; entries before that are not judged.
 */
public final class ApicvFollowsInhibits extends Invariant {
    private boolean known;
    private boolean activated;

    /** One that has seen nothing. */
    public ApicvFollowsInhibits() {
        super(
                "I10",
                "A vCPU enters the guest with APICv active if and only if nothing is against it, and with the controls that go with that",
                Tracepoint.KVM_ENTRY,
                Tracepoint.APICV_INHIBITS_STORE,
                Tracepoint.VMCS_INIT);
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.and(
                Thing.and(Thing.its(Kind.APICV), Thing.any(Kind.INHIBITS)),
                List.of(Thing.request(Thing.ITS, VcpuRequest.APICV_UPDATE)));
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        if (event instanceof Event.GuestEntered entry && known) {
            entered(entry, record);
        } else if (event instanceof Event.ApicvInhibitsStored stored) {
            known = true;
            activated = stored.inhibits() == 0;
        } else if (event instanceof Event.VmcsInitialised initialised && !known) {
            known = true;
            activated = initialised.apicv();
        }
    }

    private void entered(Event.GuestEntered entry, TraceRecord record) {
        String wrong = switch (entry.apicv()) {
            case ACTIVE -> activated ? "" : "with APICv active, which is inhibited";
            case INACTIVE -> activated ? "with APICv inactive, which nothing inhibits" : "";
            case APIC_DISABLED -> "";
            case ACTIVE_APIC_DISABLED -> "with APICv active and its local APIC disabled";
            case CONTROLS_DIFFER -> "with controls that do not go with its APICv";
            case MODE_DIFFERS -> "with controls that do not go with the mode of its local APIC";
        };
        if (!wrong.isEmpty()) {
            violated(record, "vcpu" + entry.vcpu() + " entered the guest " + wrong, "");
        }
    }
}
