package org.vcpusim.kvm;

import java.util.OptionalInt;
import org.vcpusim.arch.RedirectionEntry;
import org.vcpusim.arch.TriggerMode;
import org.vcpusim.arch.VectorBitmap;

/**
 * Which vectors the IOAPIC wants one vCPU's EOIs for.
 *
 * <p>Source: {@code kvm_ioapic_scan_entry}, arch/x86/kvm/ioapic.c; {@code kvm_scan_ioapic_routes},
 * {@code kvm_scan_ioapic_irq}, arch/x86/kvm/irq.c.
 */
public final class IoapicScan {
    private IoapicScan() {}

    /** The vectors, and the highest of those that are there only because they are pending, or -1. */
    public record Result(VectorBitmap handled, int highestStale) {}

    private static final Result NOTHING = new Result(VectorBitmap.EMPTY, -1);

    /** Scans {@code table} for the vCPU of {@code lapic}. */
    public static Result scan(Machine machine, ScanTable table, Lapic lapic) {
        return table instanceof ScanTable.OfIoapic in
                ? scan(machine, in.ioapic(), in.notifiedPins(), lapic)
                : scan(machine, (ScanTable.OfRoutes) table, lapic);
    }

    /** Scans the routes: those with a level message count, and no pin is special. */
    private static Result scan(Machine machine, ScanTable.OfRoutes table, Lapic lapic) {
        Reader reader = new Reader(machine, lapic, lapic.identity());
        Result result = NOTHING;
        for (Routing.MsiRoute route : table.routes()) {
            InterruptMessage message = InterruptMessage.ofMsi(route.address(), route.data(), machine.msiFormat());
            if (message.triggerMode() == TriggerMode.LEVEL) {
                result = reader.with(result, message, Fault.ROUTE_SCAN_FORGETS_PENDING);
            }
        }
        return result;
    }

    /**
     * Scans the table of the IOAPIC in the kernel for the vCPU of {@code lapic}.
     *
     * @param notifiedPins pins whose GSI has an ack notifier, a bit a pin
     */
    public static Result scan(Machine machine, Ioapic ioapic, int notifiedPins, Lapic lapic) {
        Reader reader = new Reader(machine, lapic, lapic.identity());
        int ghost = ioapic.rtc().vectorOf(lapic.vcpu());
        Result result = ghost < 0 ? NOTHING : new Result(VectorBitmap.of(ghost), -1);
        for (int pin = 0; pin < Ioapic.PINS; pin++) {
            RedirectionEntry entry = ioapic.entry(pin);
            boolean notified = (notifiedPins & 1 << pin) != 0;
            boolean level = entry.triggerMode() == TriggerMode.LEVEL;
            if (level || notified || pin == Ioapic.RTC_PIN) {
                Fault forgets = level ? Fault.SCAN_FORGETS_PENDING_LEVEL : Fault.SCAN_FORGETS_PENDING_EDGE;
                result = reader.with(result, InterruptMessage.of(entry), forgets);
            }
        }
        return result;
    }

    /** The vCPU that scans. */
    private record Reader(Machine machine, Lapic lapic, ApicIdentity identity) {
        /**
         * What a pin's message adds: its vector where it is for this vCPU, or as a stale one where it is still pending,
         * unless the machine does {@code forgets} wrong.
         */
        Result with(Result so, InterruptMessage message, Fault forgets) {
            int vector = message.vector();
            if (DestinationMatch.matches(machine, identity, message, OptionalInt.empty())) {
                return new Result(so.handled.with(vector), so.highestStale);
            }
            return lapic.pendingEoi(vector) && !machine.has(forgets)
                    ? new Result(so.handled.with(vector), Math.max(so.highestStale, vector))
                    : so;
        }
    }
}
