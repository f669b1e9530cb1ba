package org.vcpusim.check;

import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.ApicIdentity;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.VcpuRequest;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * What a vCPU handles beyond the pins that lead to it was pending when it scanned, and goes away.
 *
 * <p>It goes away because the EOI of the highest such vector asks for a new scan, which has to come before the guest is entered;
 * of several the lower ones may stay for longer, hazard O6, which is no violation. And it goes away because a write of an entry
 * tells those whom the old entry led to: who was a target of a write and did not scan keeps the old vector. Models
 * {@code highest_stale_pending_ioapic_eoi} and {@code ioapic_write_indirect}, arch/x86/kvm/lapic.c and ioapic.c.
 */
public final class StaleVectorsGo extends Invariant {
    private final ObservedMachine machine;
    /** The EOI of the highest stale vector that no scan has followed yet, by vCPU. */
    private @Nullable TraceRecord[] ended = new @Nullable TraceRecord[4];

    /** One that has seen nothing but what {@code machine} has. */
    StaleVectorsGo(ObservedMachine machine) {
        super(
                "I5",
                "What a vCPU handles beyond the pins that lead to it was pending when it scanned, and goes away",
                Tracepoint.IOAPIC_SCAN,
                Tracepoint.KVM_EOI,
                Tracepoint.KVM_ENTRY);
        this.machine = machine;
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.and(
                Thing.and(Thing.its(Kind.HANDLED), Thing.any(Kind.ENTRY)),
                List.of(Thing.request(Thing.ITS, VcpuRequest.SCAN_IOAPIC)));
    }

    @Override
    public void accept(TraceRecord record) {
        if (record.event() instanceof Event.IoapicScanned scan) {
            setEnded(scan.vcpu(), null);
            scanned(scan, record);
        } else if (record.event() instanceof Event.EoiReceived eoi) {
            ObservedVcpu v = machine.vcpu(eoi.vcpu());
            if (eoi.vector() >= 0 && eoi.vector() == v.highestStale && v.handled.get(eoi.vector())) {
                setEnded(eoi.vcpu(), record);
            }
        } else if (record.event() instanceof Event.GuestEntered entry) {
            entered(machine.vcpu(entry.vcpu()), record);
        }
    }

    private void scanned(Event.IoapicScanned scan, TraceRecord record) {
        ObservedVcpu v = machine.vcpu(scan.vcpu());
        ObservedTable.Needs read = v.read;
        if (read == null) {
            return;
        }
        VectorBitmap right = read.own.or(scan.pending());
        right = v.readGhost < 0 ? right : right.with(v.readGhost);
        VectorBitmap extra = scan.handled().andNot(right);
        if (!extra.andNot(extra.andNot(read.others)).isEmpty()) {
            violated(
                    record,
                    "vcpu" + v.index + " scanned and handles a vector that neither leads to it nor is pending",
                    BitmapDifference.of(scan.handled(), scan.handled().andNot(extra)));
        }
    }

    private void entered(ObservedVcpu v, TraceRecord record) {
        TraceRecord eoi = v.index < ended.length ? ended[v.index] : null;
        if (eoi != null) {
            setEnded(v.index, null);
            if (v.isPresent()) {
                violated(
                        record,
                        eoi,
                        "vcpu" + v.index
                                + " entered the guest and has not scanned since the EOI of its highest stale vector",
                        "vector " + Vectors.hex(v.highestStale));
            }
        }
        ApicIdentity apic = v.identity;
        boolean owed = v.scannedVersion < v.owedVersion && v.owedVersion <= machine.toldVersion;
        if (owed && machine.isKnown() && v.scanned && v.isPresent() && apic != null) {
            ObservedTable.Needs needs = machine.told.needs(apic, machine.rule(), machine.isSplit());
            VectorBitmap held = v.posted.or(v.irr).or(v.isr);
            VectorBitmap extra = v.handled.andNot(needs.own).andNot(held);
            if (!extra.isEmpty() && machine.rtc().vectorOf(v.index) < 0) {
                violated(
                        record,
                        v.scan,
                        "vcpu" + v.index + " entered the guest with a vector that a write of the table took from it",
                        BitmapDifference.of(v.handled, v.handled.andNot(extra)));
            }
        }
    }

    private void setEnded(int vcpu, @Nullable TraceRecord eoi) {
        if (vcpu >= ended.length) {
            ended = Arrays.copyOf(ended, Math.max(vcpu + 1, 2 * ended.length));
        }
        ended[vcpu] = eoi;
    }
}
