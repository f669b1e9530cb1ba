package org.vcpusim.check;

import java.util.List;
import org.vcpusim.arch.DestinationMode;
import org.vcpusim.arch.RedirectionEntry;
import org.vcpusim.arch.TriggerMode;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.Ioapic;
import org.vcpusim.kvm.Routing;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * When nothing moves any more, each unmasked entry of user space's IOAPIC is published as the route of its pin.
 *
 * <p>KVM scans the routes of such an IOAPIC: {@code kvm_scan_ioapic_routes}, arch/x86/kvm/irq.c; KVM_SET_GSI_ROUTING,
 * Documentation/virt/kvm/api.rst. The format of messages is that of SDM volume 3, "Message Address Register Format".
 */
public final class RoutesFollowTheTable extends Invariant {
    private static final long ADDRESS = 0xfee00000L;
    private static final int DESTINATION_SHIFT = 12;
    private static final int LOGICAL = 1 << 2;
    private static final int MODE_SHIFT = 8;
    private static final int LEVEL = 1 << 15;
    /** Vectors below are no interrupts: an entry that nobody has written. */
    private static final int FIRST_VECTOR = 16;

    private final ObservedMachine machine;
    private boolean judged;

    /** One that has seen nothing but what {@code machine} has. */
    RoutesFollowTheTable(ObservedMachine machine) {
        super(
                "I17",
                "Each unmasked entry of user space's IOAPIC is published as the route of its pin",
                Tracepoint.VCPU_AUDIT);
        this.machine = machine;
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.and(Thing.its(Kind.ENTRY), Thing.any(Kind.ROUTING));
    }

    @Override
    public void accept(TraceRecord record) {
        if (!(record.event() instanceof Event.VcpuAudited) || judged || !machine.isKnown() || !machine.isSplit()) {
            return;
        }
        judged = true;
        for (int pin = 0; pin < Ioapic.PINS; pin++) {
            RedirectionEntry entry = machine.entry(pin);
            Routing.MsiRoute route = route(pin, entry);
            if (!entry.masked() && entry.vector() >= FIRST_VECTOR && !machine.table.isPublished(route)) {
                violated(
                        record,
                        "the entry of pin " + pin + " is not what its route says",
                        "its entry is " + BitWords.entry(entry));
            }
        }
    }

    private static Routing.MsiRoute route(int pin, RedirectionEntry entry) {
        int logical = entry.destinationMode() == DestinationMode.LOGICAL ? LOGICAL : 0;
        int level = entry.triggerMode() == TriggerMode.LEVEL ? LEVEL : 0;
        return new Routing.MsiRoute(
                pin,
                ADDRESS | (long) entry.destination() << DESTINATION_SHIFT | logical,
                entry.vector() | entry.deliveryMode().code() << MODE_SHIFT | level);
    }
}
