package org.vcpusim.sim;

import java.util.ArrayList;
import java.util.List;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.VcpuRequest;

/**
 * Counts requests and measures them from made to applied.
 *
 * <p>For each vCPU and request there is room for two flows: one whose bit is set, and one that is being carried out, because
 * a request may be made anew in between. An array cell holds the time of the make plus 1, or 0.
 */
final class RequestStatistics {
    private static final VcpuRequest[] REQUESTS = VcpuRequest.values();
    private static final int SIGNIFICANT_DIGITS = 3;

    private final long[] pendingSince;
    private final long[] handledSince;
    private final long[] made = new long[REQUESTS.length];
    private final long[] coalesced = new long[REQUESTS.length];
    private final long[] applied = new long[REQUESTS.length];
    private final @Nullable Histogram[] latencies = new @Nullable Histogram[REQUESTS.length];

    RequestStatistics(int vcpuCount) {
        pendingSince = new long[vcpuCount * REQUESTS.length];
        handledSince = new long[vcpuCount * REQUESTS.length];
    }

    void made(Event.RequestMade event, long nanos) {
        VcpuRequest request = event.flow().request();
        if (event.coalesced()) {
            coalesced[request.ordinal()]++;
            return;
        }
        made[request.ordinal()]++;
        if (request.isRecorded()) {
            pendingSince[cell(event.vcpu(), request)] = nanos + 1;
        }
    }

    void seen(Event.RequestSeen event) {
        int cell = cell(event.vcpu(), event.flow().request());
        handledSince[cell] = pendingSince[cell];
        pendingSince[cell] = 0;
    }

    void applied(Event.RequestApplied event, long nanos) {
        VcpuRequest request = event.flow().request();
        applied[request.ordinal()]++;
        int cell = cell(event.vcpu(), request);
        if (handledSince[cell] != 0) {
            latency(request).recordValue(nanos + 1 - handledSince[cell]);
            handledSince[cell] = 0;
        }
    }

    List<RunFigures.RequestRow> rows() {
        List<RunFigures.RequestRow> rows = new ArrayList<>();
        for (VcpuRequest request : REQUESTS) {
            int kind = request.ordinal();
            if (made[kind] + coalesced[kind] + applied[kind] > 0) {
                rows.add(new RunFigures.RequestRow(
                        request, made[kind], coalesced[kind], applied[kind], pending(request), percentiles(request)));
            }
        }
        return rows;
    }

    private long pending(VcpuRequest request) {
        long count = 0;
        for (int cell = request.ordinal(); cell < pendingSince.length; cell += REQUESTS.length) {
            count += (pendingSince[cell] == 0 ? 0 : 1) + (handledSince[cell] == 0 ? 0 : 1);
        }
        return count;
    }

    private RunFigures.Latency percentiles(VcpuRequest request) {
        Histogram histogram = latencies[request.ordinal()];
        return histogram == null
                ? new RunFigures.Latency(0, 0, 0)
                : new RunFigures.Latency(
                        histogram.getValueAtPercentile(50),
                        histogram.getValueAtPercentile(99),
                        histogram.getMaxValue());
    }

    private Histogram latency(VcpuRequest request) {
        Histogram known = latencies[request.ordinal()];
        if (known == null) {
            known = new Histogram(SIGNIFICANT_DIGITS);
            latencies[request.ordinal()] = known;
        }
        return known;
    }

    private static int cell(int vcpu, VcpuRequest request) {
        return vcpu * REQUESTS.length + request.ordinal();
    }
}
