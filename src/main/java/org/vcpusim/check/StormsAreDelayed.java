package org.vcpusim.check;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.vcpusim.arch.RedirectionEntry;
import org.vcpusim.arch.TriggerMode;
import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.Event;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * A guest that never acknowledges a level interrupt goes on with its program all the same: the interrupt does not come back
 * at its EOI when there have been {@value #MOST} of those in a row.
 *
 * <p>Models {@code IOAPIC_SUCCESSIVE_IRQ_MAX_COUNT} and {@code kvm_ioapic_eoi_inject_work}, arch/x86/kvm/ioapic.c. A line that
 * changes, a written entry and a pause begin a new row, and there is no pause after fewer EOIs that found the line high; a storm that was under way at the start counts with what it had then.
 */
public final class StormsAreDelayed extends Invariant {
    /** How often KVM injects again at once. */
    static final int MOST = 10_000;

    private static final int NONE = -1;
    private static final int VECTORS = 256;

    private final List<Row> byVcpu = new ArrayList<>();
    /** EOIs before the start of the trace, by vector. */
    private final Map<Integer, Integer> before = new TreeMap<>();
    /** EOIs that have reached the IOAPIC since the last pause or a line that was found low, those before the start among them, by vector. */
    private final int[] eois = new int[VECTORS];

    /** The entries of pins whose line is high, by pin. */
    private final Map<Integer, RedirectionEntry> high = new TreeMap<>();

    /** The trace has its beginning. */
    private boolean known;

    private static final class Row {
        private int vector = NONE;
        private boolean ended;
        private int length;
        private VectorBitmap reported = VectorBitmap.EMPTY;

        /** The next interrupt is none that its EOI brings. */
        private void over() {
            length = 0;
            ended = false;
        }
    }

    /** One that has seen nothing. */
    public StormsAreDelayed() {
        super(
                "L4",
                "A level interrupt that is never acknowledged does not keep its guest from going on, and no other is delayed",
                Tracepoint.VM_CREATED,
                Tracepoint.STORM_UNDER_WAY,
                Tracepoint.EOI_FORWARDED,
                Tracepoint.KVM_EOI,
                Tracepoint.KVM_APIC_ACCEPT_IRQ,
                Tracepoint.KVM_SET_IRQ,
                Tracepoint.KVM_IOAPIC_SET_IRQ,
                Tracepoint.REMOTE_IRR_CLEARED,
                Tracepoint.IOAPIC_STATE_RESTORED,
                Tracepoint.KVM_IOAPIC_DELAYED_EOI_INJ,
                Tracepoint.IOAPIC_REDIR_WRITE);
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.its(Kind.LINE, Kind.VECTOR);
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        if (event instanceof Event.StormUnderWay storm) {
            before.put(storm.entry().vector(), storm.eois());
            eois[storm.entry().vector()] += storm.eois();
        } else if (event instanceof Event.VmCreated) {
            known = true;
        } else if (event instanceof Event.IoapicStateRestored) {
            known = false; // rows of EOIs go on with other entries
        } else if (event instanceof Event.IoapicIrqSet set) {
            high.remove(set.pin());
            if (set.raised()) {
                high.put(set.pin(), set.entry());
            }
        } else if (event instanceof Event.RemoteIrrCleared ended) {
            foundLow(ended.entry().vector());
        } else if (event instanceof Event.EoiForwarded eoi) {
            eois[eoi.vector()]++;
        } else if (event instanceof Event.EoiReceived eoi) {
            Row row = of(eoi.vcpu());
            row.length = row.vector == eoi.vector() ? row.length : 0;
            row.vector = eoi.vector();
            row.ended = true;
        } else if (event instanceof Event.InterruptAccepted accepted) {
            accepted(record, of(accepted.vcpu()), accepted);
        } else {
            byVcpu.forEach(Row::over);
            paused(record, event);
            boolean rises = event instanceof Event.IrqLineSet line && line.level() != 0;
            if (!rises) {
                before.clear();
            }
        }
    }

    /** An EOI of {@code vector} has ended a pin: where every line of its is low or masked, the row of EOIs is over. */
    private void foundLow(int vector) {
        if (high.values().stream().noneMatch(entry -> entry.vector() == vector && !entry.masked())) {
            eois[vector] = 0;
        }
    }

    /** No pin can have counted more EOIs than there were since its last pause; one EOI may have ended several pins. */
    private void paused(TraceRecord record, Event event) {
        if (event instanceof Event.IoapicEoiInjectDelayed delayed) {
            int vector = delayed.entry().vector();
            if (known && eois[vector] < MOST) {
                violated(record, "vector " + Vectors.hex(vector) + " is delayed after " + eois[vector] + " EOIs", "");
            }
            eois[vector] = 0;
        } else if (event instanceof Event.RedirectionEntryWritten write) {
            int from = write.before().vector();
            int to = write.after().vector();
            eois[to] += from == to ? 0 : eois[from];
            high.computeIfPresent(write.pin(), (pin, entry) -> write.after());
        }
    }

    private void accepted(TraceRecord record, Row row, Event.InterruptAccepted accepted) {
        boolean again = row.ended && accepted.vector() == row.vector && accepted.triggerMode() == TriggerMode.LEVEL;
        row.length = again ? row.length + 1 : 0;
        row.ended = false;
        int eois = row.length + before.getOrDefault(row.vector, 0);
        if (again && eois >= MOST && !row.reported.get(row.vector)) {
            row.reported = row.reported.with(row.vector);
            violated(
                    record,
                    "vector " + Vectors.hex(row.vector) + " came back to vcpu" + accepted.vcpu() + " at each of " + eois
                            + " EOIs in a row",
                    "");
        }
    }

    private Row of(int vcpu) {
        while (byVcpu.size() <= vcpu) {
            byVcpu.add(new Row());
        }
        return byVcpu.get(vcpu);
    }
}
