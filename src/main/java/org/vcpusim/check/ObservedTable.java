package org.vcpusim.check;

import java.util.List;
import org.vcpusim.arch.RedirectionEntry;
import org.vcpusim.arch.TriggerMode;
import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.kvm.ApicIdentity;
import org.vcpusim.kvm.Ioapic;
import org.vcpusim.kvm.Routing;

/**
 * What scans read, as events have told of it: the redirection table and the ack notifiers or, with the IOAPIC in user space,
 * the routes of its pins.
 */
final class ObservedTable {
    /** The redirection table of the kernel's IOAPIC or of user space's. */
    private final long[] entries = new long[Ioapic.PINS];

    private int notified;
    private List<Routing.MsiRoute> routes = List.of();

    /** What one vCPU has to handle by a table. */
    static final class Needs {
        /** Vectors of pins that lead to it: it has to handle them. */
        VectorBitmap own = VectorBitmap.EMPTY;
        /** Vectors of pins that lead elsewhere: it has to handle those that are still pending. */
        VectorBitmap others = VectorBitmap.EMPTY;
    }

    RedirectionEntry entry(int pin) {
        return new RedirectionEntry(entries[pin]);
    }

    void set(int pin, RedirectionEntry entry) {
        entries[pin] = entry.bits();
    }

    void set(List<RedirectionEntry> all) {
        for (int pin = 0; pin < entries.length && pin < all.size(); pin++) {
            entries[pin] = all.get(pin).bits();
        }
    }

    void setNotified(int pins) {
        notified = pins;
    }

    boolean isNotified(int pin) {
        return (notified >>> pin & 1) == 1;
    }

    void setRoutes(List<Routing.MsiRoute> published) {
        routes = published;
    }

    boolean isPublished(Routing.MsiRoute route) {
        return routes.contains(route);
    }

    void copy(ObservedTable other) {
        System.arraycopy(other.entries, 0, entries, 0, entries.length);
        notified = other.notified;
        routes = other.routes;
    }

    /** Whether scans look at {@code pin} of the IOAPIC in the kernel. */
    boolean isConsidered(int pin) {
        return entry(pin).triggerMode() == TriggerMode.LEVEL || isNotified(pin) || pin == Ioapic.RTC_PIN;
    }

    /** What {@code apic} has to handle; {@code split} is whether the routes decide. */
    Needs needs(ApicIdentity apic, DestinationRule rule, boolean split) {
        Needs needs = new Needs();
        if (split) {
            for (Routing.MsiRoute route : routes) {
                boolean level = (route.data() >> 15 & 1) == 1;
                if (level) {
                    add(needs, rule.leadsTo(apic, route), route.data() & 0xff);
                }
            }
            return needs;
        }
        for (int pin = 0; pin < entries.length; pin++) {
            if (isConsidered(pin)) {
                RedirectionEntry entry = entry(pin);
                add(needs, rule.leadsTo(apic, entry), entry.vector());
            }
        }
        return needs;
    }

    private static void add(Needs needs, boolean own, int vector) {
        if (own) {
            needs.own = needs.own.with(vector);
        } else {
            needs.others = needs.others.with(vector);
        }
    }
}
