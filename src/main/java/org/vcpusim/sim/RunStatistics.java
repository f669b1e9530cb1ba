package org.vcpusim.sim;

import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.vcpusim.arch.ExitReason;
import org.vcpusim.kvm.Event;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.TraceSink;

/** Adds up a trace while it is written. A record allocates nothing; the memory is a few hundred bytes a vCPU. */
public final class RunStatistics implements TraceSink {
    private final RequestStatistics requests;
    private final ExitStatistics exits;
    private final long[] skipped = new long[Event.LoadSkipped.values().length];
    private final long[] verdicts = new long[Event.BitmapVerdict.values().length];
    private final List<Integer> wrong = new ArrayList<>();
    private final List<Integer> stale = new ArrayList<>();
    private final List<Integer> pending = new ArrayList<>();
    private final List<Integer> stuckPins = new ArrayList<>();
    private final List<Integer> lostInterrupts = new ArrayList<>();
    private long records;
    private long nanos;
    private long inducedEois;
    private long softwareEois;
    private long virtualizedEois;
    private long entered;
    private long cancelled;
    private long ipisSent;
    private long ipisElided;
    private long scans;
    private long loads;

    /** Statistics of a machine with {@code vcpuCount} vCPUs. */
    public RunStatistics(int vcpuCount) {
        requests = new RequestStatistics(vcpuCount);
        exits = new ExitStatistics(vcpuCount);
    }

    @Override
    public void accept(TraceRecord record) {
        records++;
        nanos = record.nanos();
        Event event = record.event();
        if (!acceptRequest(event) && !acceptBitmap(event)) {
            acceptEntry(event);
        }
    }

    @Override
    public void close() {}

    /** What the records so far add up to. */
    public RunFigures figures() {
        return new RunFigures(
                records,
                nanos,
                requests.rows(),
                exits.rows(),
                new RunFigures.Eois(inducedEois, softwareEois, virtualizedEois),
                new RunFigures.Entries(entered, cancelled, ipisSent, ipisElided),
                bitmaps(),
                stuckPins,
                lostInterrupts);
    }

    private boolean acceptRequest(Event event) {
        if (event instanceof Event.RequestMade made) {
            requests.made(made, nanos);
        } else if (event instanceof Event.RequestSeen seen) {
            requests.seen(seen);
        } else if (event instanceof Event.RequestApplied applied) {
            requests.applied(applied, nanos);
        } else if (event instanceof Event.IpiSent) {
            ipisSent++;
        } else if (event instanceof Event.IpiElided) {
            ipisElided++;
        } else {
            return false;
        }
        return true;
    }

    private boolean acceptBitmap(Event event) {
        if (event instanceof Event.IoapicScanned) {
            scans++;
        } else if (event instanceof Event.EoiExitmapLoaded) {
            loads++;
        } else if (event instanceof Event.EoiExitmapLoadSkipped load) {
            skipped[load.why().ordinal()]++;
        } else if (event instanceof Event.EoiExitBitmapAudited audit) {
            audited(audit);
        } else if (event instanceof Event.LevelPinStuck stuck) {
            stuckPins.add(stuck.pin());
        } else if (event instanceof Event.InterruptLost lost) {
            lostInterrupts.add(lost.vcpu());
        } else {
            return false;
        }
        return true;
    }

    private void acceptEntry(Event event) {
        if (event instanceof Event.GuestEntered entry) {
            entered++;
            exits.entered(entry.vcpu(), nanos);
        } else if (event instanceof Event.GuestExited exit) {
            exits.exited(exit.vcpu(), exit.reason(), nanos);
        } else if (event instanceof Event.EntryCancelled) {
            cancelled++;
        } else if (event instanceof Event.EoiVirtualized) {
            virtualizedEois++;
        } else if (event instanceof Event.EoiReceived eoi) {
            if (exits.isOutsideFor(eoi.vcpu(), ExitReason.EOI_INDUCED)) {
                inducedEois++;
            } else {
                softwareEois++;
            }
        }
    }

    private void audited(Event.EoiExitBitmapAudited audit) {
        verdicts[audit.verdict().ordinal()]++;
        switch (audit.verdict()) {
            case WRONG -> wrong.add(audit.vcpu());
            case STALE_EXTRA, STALE_SINCE_INHIBIT -> stale.add(audit.vcpu());
            case PENDING -> pending.add(audit.vcpu());
            case EQUAL, UNUSED -> {}
        }
    }

    private RunFigures.Bitmaps bitmaps() {
        Map<Event.LoadSkipped, Long> loadsSkipped = new EnumMap<>(Event.LoadSkipped.class);
        for (Event.LoadSkipped why : Event.LoadSkipped.values()) {
            loadsSkipped.put(why, skipped[why.ordinal()]);
        }
        Map<Event.BitmapVerdict, Long> counts = new EnumMap<>(Event.BitmapVerdict.class);
        for (Event.BitmapVerdict verdict : Event.BitmapVerdict.values()) {
            counts.put(verdict, verdicts[verdict.ordinal()]);
        }
        return new RunFigures.Bitmaps(
                scans,
                loads,
                Collections.unmodifiableMap(loadsSkipped),
                Collections.unmodifiableMap(counts),
                wrong.stream().sorted().toList(),
                stale.stream().sorted().toList(),
                pending.stream().sorted().toList());
    }
}
