package org.vcpusim.kvm;

import java.util.List;

/**
 * What a vCPU reads when it scans: the redirection table of the IOAPIC in the kernel or, where that is in user space, the
 * routes that stand for its pins.
 */
public sealed interface ScanTable {
    /** How many changes of the table are in it. */
    int sequence();

    /**
     * The table of the IOAPIC in the kernel.
     *
     * @param notifiedPins pins whose GSI has an ack notifier, a bit a pin
     */
    record OfIoapic(Ioapic ioapic, int notifiedPins) implements ScanTable {
        @Override
        public int sequence() {
            return ioapic.writes();
        }
    }

    /** The published MSI routes of GSIs that are reserved for pins of user space's IOAPIC. */
    record OfRoutes(List<Routing.MsiRoute> routes, int sequence) implements ScanTable {
        public OfRoutes {
            routes = List.copyOf(routes);
        }
    }
}
