package org.vcpusim.check;

import java.util.BitSet;
import java.util.List;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.ApicIdentity;
import org.vcpusim.kvm.ApicvInhibit;
import org.vcpusim.kvm.Event;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * The IDs of the local APICs inhibit APICv if and only if two share one or an xAPIC has another than its vCPU.
 *
 * <p>Models APICV_INHIBIT_REASON_PHYSICAL_ID_ALIASED and APICV_INHIBIT_REASON_APIC_ID_MODIFIED as {@code kvm_recalculate_apic_map} sets
 * and clears them, arch/x86/kvm/lapic.c. Looked at when a vCPU whose ID has changed enters the guest again, while no other changes
 * its own, and when nothing moves any more. Not judged where some ID is not known, or where IDs of 32 bits keep two APICs apart.
 */
public final class InhibitsFollowReasons extends Invariant {
    private static final int XAPIC_ID = 0xff;

    private final ObservedMachine machine;
    private boolean enabled;
    private boolean reported;
    /** vCPUs whose ID has changed, and which have not entered since. */
    private final BitSet changing = new BitSet();

    private long inhibits;

    /** One that has seen nothing but what {@code machine} has. */
    InhibitsFollowReasons(ObservedMachine machine) {
        super(
                "I14",
                "The IDs of the local APICs inhibit APICv if and only if two share one or an xAPIC has another than"
                        + " its vCPU",
                Tracepoint.VMCS_INIT,
                Tracepoint.APICV_INHIBITS_STORE,
                Tracepoint.APIC_IDENTITY_CHANGED,
                Tracepoint.KVM_ENTRY,
                Tracepoint.VCPU_AUDIT);
        this.machine = machine;
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.any(Kind.INHIBITS, Kind.IDENTITY);
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        if (event instanceof Event.VmcsInitialised initialised) {
            enabled |= initialised.apicv();
        } else if (event instanceof Event.ApicvInhibitsStored stored) {
            inhibits = stored.inhibits();
        } else if (event instanceof Event.ApicIdentityChanged changed) {
            if (machine.vcpu(changed.identity().vcpu()).previousIdentity != null) {
                changing.set(changed.identity().vcpu());
            }
        } else if (event instanceof Event.GuestEntered entry) {
            if (changing.get(entry.vcpu())) {
                changing.clear(entry.vcpu());
                judge(record);
            }
        } else {
            judge(record);
        }
    }

    private void judge(TraceRecord record) {
        if (machine.isKnown() && enabled && !reported && changing.isEmpty()) {
            compare(record);
        }
    }

    private void compare(TraceRecord record) {
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
            reported = true;
            violated(
                    record,
                    reason + (holds ? " holds and does not inhibit APICv" : " does not hold and inhibits APICv"),
                    "");
        }
    }
}
