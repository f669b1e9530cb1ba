package org.vcpusim.check;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.Event;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * A vCPU that changes how its local APIC is addressed enters the guest again only when everybody has been asked to scan.
 *
 * <p>Models {@code kvm_recalculate_apic_map}, arch/x86/kvm/lapic.c: what leads to whom is another thing with another map.
 */
public final class NewAddressesAreScanned extends Invariant {
    private final ObservedMachine machine;
    private final BitSet addressed = new BitSet();
    /** The changes that no scan was asked for since, by vCPU. */
    private final List<@Nullable TraceRecord> changes = new ArrayList<>();

    /** One that has seen nothing but what {@code machine} has. */
    NewAddressesAreScanned(ObservedMachine machine) {
        super(
                "M2",
                "A change of how a local APIC is addressed asks everybody to scan",
                Tracepoint.APIC_IDENTITY_CHANGED,
                Tracepoint.BROADCAST_STARTED,
                Tracepoint.KVM_ENTRY);
        this.machine = machine;
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.and(Thing.its(Kind.IDENTITY), Thing.any(Kind.REQUEST));
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        if (event instanceof Event.ApicIdentityChanged changed) {
            int vcpu = changed.identity().vcpu();
            of(vcpu);
            changes.set(vcpu, addressed.get(vcpu) ? record : null);
            addressed.set(vcpu);
        } else if (event instanceof Event.BroadcastStarted started) {
            if (started.request() == machine.tableRequest() && started.targets() >= addressed.cardinality()) {
                changes.replaceAll(any -> null);
            }
        } else if (event instanceof Event.GuestEntered entry) {
            TraceRecord since = of(entry.vcpu());
            if (since != null) {
                changes.set(entry.vcpu(), null);
                violated(
                        record,
                        since,
                        "vcpu" + entry.vcpu() + " is addressed differently, and nobody was asked to scan",
                        "");
            }
        }
    }

    private @Nullable TraceRecord of(int vcpu) {
        while (changes.size() <= vcpu) {
            changes.add(null);
        }
        return changes.get(vcpu);
    }
}
