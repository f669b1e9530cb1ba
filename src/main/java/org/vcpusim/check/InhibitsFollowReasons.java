package org.vcpusim.check;

import org.vcpusim.kvm.ApicIdentity;
import org.vcpusim.kvm.ApicvInhibit;
import org.vcpusim.kvm.Event;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * When nothing moves any more, the IDs of the local APICs inhibit APICv if and only if two share one or an xAPIC has another than
 * its vCPU.
 *
 * <p>Models APICV_INHIBIT_REASON_PHYSICAL_ID_ALIASED and APICV_INHIBIT_REASON_APIC_ID_MODIFIED as {@code kvm_recalculate_apic_map} sets
 * and clears them, arch/x86/kvm/lapic.c. Not judged where some ID is not known, or where IDs of 32 bits keep two APICs apart.
 */
public final class InhibitsFollowReasons extends Invariant {
    private static final int XAPIC_ID = 0xff;

    private final ObservedMachine machine;
    private boolean enabled;
    private boolean judged;
    private long inhibits;

    /** One that has seen nothing but what {@code machine} has. */
    InhibitsFollowReasons(ObservedMachine machine) {
        super(
                "I14",
                "The IDs of the local APICs inhibit APICv if and only if two share one or an xAPIC has another than"
                        + " its vCPU",
                Tracepoint.VMCS_INIT,
                Tracepoint.APICV_INHIBITS_STORE,
                Tracepoint.VCPU_AUDIT);
        this.machine = machine;
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        if (event instanceof Event.VmcsInitialised initialised) {
            enabled |= initialised.apicv();
        } else if (event instanceof Event.ApicvInhibitsStored stored) {
            inhibits = stored.inhibits();
        } else if (machine.isKnown() && enabled && !judged) {
            judged = true;
            atRest(record);
        }
    }

    private void atRest(TraceRecord record) {
        int[] users = new int[XAPIC_ID + 1];
        boolean shared = false;
        boolean modified = false;
        for (ObservedVcpu v : machine.vcpus()) {
            ApicIdentity apic = v.identity;
            if (apic == null || apic.x2apic() || v.previousIdentity != null) {
                return;
            }
            if (apic.present()) {
                users[apic.xapicId()]++;
                shared |= users[apic.xapicId()] > 1;
                modified |= apic.xapicId() != (apic.vcpu() & XAPIC_ID);
            }
        }
        compare(ApicvInhibit.PHYSICAL_ID_ALIASED, shared, record);
        if (!shared) {
            compare(ApicvInhibit.APIC_ID_MODIFIED, modified, record);
        }
    }

    private void compare(ApicvInhibit reason, boolean holds, TraceRecord record) {
        boolean inhibited = (inhibits & reason.mask()) != 0;
        if (inhibited != holds) {
            violated(
                    record,
                    reason + (holds ? " holds and does not inhibit APICv" : " does not hold and inhibits APICv"),
                    "");
        }
    }
}
