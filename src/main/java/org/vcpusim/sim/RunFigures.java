package org.vcpusim.sim;

import java.util.List;
import java.util.Map;
import org.vcpusim.arch.ExitReason;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.VcpuRequest;

/**
 * What a trace adds up to. All times are virtual.
 *
 * @param records how many the trace has
 * @param nanos time of the last record
 * @param requests a row for each kind of request that was made, in the order of {@link VcpuRequest}
 * @param exits a row for each reason, those with most samples first
 * @param lostInterrupts vCPUs that sleep at the end and would take an interrupt
 */
public record RunFigures(
        long records,
        long nanos,
        List<RequestRow> requests,
        List<ExitRow> exits,
        Eois eois,
        Entries entries,
        Bitmaps bitmaps,
        List<Integer> stuckPins,
        List<Integer> lostInterrupts) {

    /** Copies the lists. */
    public RunFigures {
        requests = List.copyOf(requests);
        exits = List.copyOf(exits);
        stuckPins = List.copyOf(stuckPins);
        lostInterrupts = List.copyOf(lostInterrupts);
    }

    /**
     * One kind of request.
     *
     * @param made makes that set the bit
     * @param coalesced makes that found it set
     * @param applied requests carried out
     * @param pending requests made and not carried out when the trace ends
     * @param latency from made to applied
     */
    public record RequestRow(
            VcpuRequest request, long made, long coalesced, long applied, long pending, Latency latency) {}

    /** Percentiles in nanoseconds, 0 where nothing was measured; a thousandth apart from the true ones at most. */
    public record Latency(long p50Nanos, long p99Nanos, long maxNanos) {}

    /**
     * One exit reason, as {@code perf kvm stat} counts: from kvm_exit to the next kvm_entry of that vCPU. Exits that no
     * entry follows are not samples.
     *
     * @param standardErrorNanos of the mean
     */
    public record ExitRow(
            ExitReason reason,
            long samples,
            long totalNanos,
            long minNanos,
            long maxNanos,
            double meanNanos,
            double standardErrorNanos) {}

    /**
     * How EOIs were carried out.
     *
     * @param induced by the processor, which left the guest because the vector's bit was set
     * @param software by KVM, after an exit for the access
     * @param virtualized by the processor, without an exit
     */
    public record Eois(long induced, long software, long virtualized) {
        /** EOIs with an exit. */
        public long withExit() {
            return induced + software;
        }
    }

    /** VM entries, entries abandoned, and the IPIs of requesters. */
    public record Entries(long entered, long cancelled, long ipisSent, long ipisElided) {}

    /**
     * How the EOI-exit bitmaps were kept, and what the audit found.
     *
     * @param skipped loads that wrote nothing, by reason; every reason is a key
     * @param verdicts how many vCPUs got each verdict; every verdict is a key
     * @param wrong vCPUs whose verdict is WRONG, in order; the next two likewise
     */
    public record Bitmaps(
            long scans,
            long loads,
            Map<Event.LoadSkipped, Long> skipped,
            Map<Event.BitmapVerdict, Long> verdicts,
            List<Integer> wrong,
            List<Integer> stale,
            List<Integer> pending) {

        /** Copies the lists. */
        public Bitmaps {
            wrong = List.copyOf(wrong);
            stale = List.copyOf(stale);
            pending = List.copyOf(pending);
        }

        /** vCPUs audited. */
        public long audited() {
            return verdicts.values().stream().mapToLong(Long::longValue).sum();
        }

        /** vCPUs with this verdict. */
        public long count(Event.BitmapVerdict verdict) {
            return verdicts.getOrDefault(verdict, 0L);
        }
    }
}
