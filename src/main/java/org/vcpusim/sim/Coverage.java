package org.vcpusim.sim;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.VcpuRequest;
import org.vcpusim.trace.Source;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.TraceSink;
import org.vcpusim.trace.Tracepoint;

/**
 * Which meetings schedules have shown, and the first schedule of each.
 *
 * <p>Of requests: a request was made of a vCPU whose own last event was a certain one, which tells where on its way into the
 * guest and out it was. Of orders: an event came directly after an event of another actor.
 */
final class Coverage implements TraceSink {
    private static final long NEVER = Long.MAX_VALUE;
    private static final Tracepoint[] EVENTS = Tracepoint.values();
    private static final VcpuRequest[] REQUESTS = VcpuRequest.values();
    private static final int NOTHING = EVENTS.length;

    private final long[] requestFirst = new long[REQUESTS.length * (EVENTS.length + 1)];
    private final long[] orderFirst = new long[EVENTS.length * EVENTS.length];
    private final int[] lastOfVcpu;
    private long schedule;
    private int last = NOTHING;
    private Source lastSource = Source.USERSPACE;

    Coverage(int vcpuCount) {
        lastOfVcpu = new int[vcpuCount];
        Arrays.fill(requestFirst, NEVER);
        Arrays.fill(orderFirst, NEVER);
    }

    /** The next record is the first of schedule {@code index}. */
    void begin(long index) {
        schedule = index;
        last = NOTHING;
        Arrays.fill(lastOfVcpu, NOTHING);
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        int now = Tracepoint.of(event).ordinal();
        Source source = record.source();
        if (last != NOTHING && !source.equals(lastSource)) {
            covered(orderFirst, last * EVENTS.length + now);
        }
        last = now;
        lastSource = source;
        if (event instanceof Event.RequestMade made) {
            int request = made.flow().request().ordinal();
            covered(requestFirst, request * (EVENTS.length + 1) + lastOfVcpu[made.vcpu()]);
        } else if (source.kind() == Source.Kind.VCPU) {
            lastOfVcpu[source.index()] = now;
        }
    }

    private void covered(long[] first, int cell) {
        if (schedule < first[cell]) {
            first[cell] = schedule;
        }
    }

    @Override
    public void close() {}

    /** What {@code other} has seen is seen here too. */
    void addAll(Coverage other) {
        least(requestFirst, other.requestFirst);
        least(orderFirst, other.orderFirst);
    }

    private static void least(long[] mine, long[] others) {
        for (int i = 0; i < mine.length; i++) {
            mine[i] = Math.min(mine[i], others[i]);
        }
    }

    /** The (request, event of its vCPU before) pairs that were seen. */
    List<StressReport.Pair> requests() {
        return pairs(requestFirst, EVENTS.length + 1);
    }

    /** The (event, event of another actor after it) pairs that were seen. */
    List<StressReport.Pair> orders() {
        return pairs(orderFirst, EVENTS.length);
    }

    private List<StressReport.Pair> pairs(long[] first, int width) {
        List<StressReport.Pair> pairs = new ArrayList<>();
        for (int cell = 0; cell < first.length; cell++) {
            if (first[cell] != NEVER) {
                int one = cell / width;
                int other = cell % width;
                String before = width == EVENTS.length ? EVENTS[one].traceName() : REQUESTS[one].toString();
                String after = other == NOTHING ? "start" : EVENTS[other].traceName();
                pairs.add(new StressReport.Pair(before, after, first[cell]));
            }
        }
        return pairs;
    }
}
