package org.vcpusim.sim;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.vcpusim.kvm.EntryPhase;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.Machine;
import org.vcpusim.kvm.VcpuRequest;
import org.vcpusim.trace.Source;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.TraceSink;
import org.vcpusim.trace.Tracepoint;

/**
 * Which meetings schedules have shown, and the first schedule of each.
 *
 * <p>Of requests: a request was made of a vCPU whose thread was in a certain phase. Of orders: an event came directly after an
 * event of another actor.
 */
final class Coverage implements TraceSink {
    private static final long NEVER = Long.MAX_VALUE;
    private static final Tracepoint[] EVENTS = Tracepoint.values();
    private static final VcpuRequest[] REQUESTS = VcpuRequest.values();
    private static final EntryPhase[] PHASES = EntryPhase.values();
    private static final int NOTHING = -1;

    private final Machine machine;
    private final long[] requestFirst = new long[REQUESTS.length * PHASES.length];
    private final long[] orderFirst = new long[EVENTS.length * EVENTS.length];
    /** By event, who recorded it. */
    private final Recorders[] recorders = new Recorders[EVENTS.length];

    private long schedule;
    private int last = NOTHING;
    private Source lastSource = Source.USERSPACE;

    /** How many actors record an event: none, this one, or several. */
    private record Recorders(int count, Source one) {
        static final Recorders NONE = new Recorders(0, Source.USERSPACE);

        Recorders and(Source source) {
            return count == 0
                    ? new Recorders(1, source)
                    : count == 1 && !one.equals(source) ? new Recorders(2, one) : this;
        }

        Recorders and(Recorders other) {
            return other.count == 1 ? and(other.one) : other.count > count ? other : this;
        }

        /** Whether an event of these can come directly after one of {@code before}, of another actor. */
        boolean canFollow(Recorders before) {
            return count > 0 && before.count > 0 && (count + before.count > 2 || !one.equals(before.one));
        }
    }

    /** Of schedules of {@code machine}. */
    Coverage(Machine machine) {
        this.machine = machine;
        Arrays.fill(requestFirst, NEVER);
        Arrays.fill(orderFirst, NEVER);
        Arrays.fill(recorders, Recorders.NONE);
    }

    /** The next record is the first of schedule {@code index}. */
    void begin(long index) {
        schedule = index;
        last = NOTHING;
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
        recorders[now] = recorders[now].and(source);
        if (event instanceof Event.RequestMade made) {
            int request = made.flow().request().ordinal();
            covered(requestFirst, request * PHASES.length + made.phase().ordinal());
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
        Arrays.setAll(recorders, i -> recorders[i].and(other.recorders[i]));
    }

    private static void least(long[] mine, long[] others) {
        for (int i = 0; i < mine.length; i++) {
            mine[i] = Math.min(mine[i], others[i]);
        }
    }

    /** The (request, phase of its vCPU) pairs; possible are the requests that were made in all phases of the machine. */
    StressReport.Meetings requests() {
        List<String> made = IntStream.range(0, REQUESTS.length)
                .filter(request -> wasMade(request))
                .mapToObj(request -> REQUESTS[request].toString())
                .toList();
        List<String> phases = Stream.of(PHASES)
                .filter(phase -> phase.isOf(machine))
                .map(EntryPhase::toString)
                .toList();
        List<StressReport.Pair> pairs = new ArrayList<>();
        for (int cell = 0; cell < requestFirst.length; cell++) {
            if (requestFirst[cell] != NEVER) {
                String request = REQUESTS[cell / PHASES.length].toString();
                String phase = PHASES[cell % PHASES.length].toString();
                pairs.add(new StressReport.Pair(request, phase, requestFirst[cell]));
            }
        }
        return new StressReport.Meetings(pairs, (long) made.size() * phases.size(), made, phases);
    }

    private boolean wasMade(int request) {
        int from = request * PHASES.length;
        return Arrays.stream(requestFirst, from, from + PHASES.length).anyMatch(first -> first != NEVER);
    }

    /**
     * The (event, event of another actor after it) pairs; possible are those of the events that came up, unless only one and the
     * same actor records both.
     */
    StressReport.Meetings orders() {
        List<String> seen = IntStream.range(0, EVENTS.length)
                .filter(event -> recorders[event].count > 0)
                .mapToObj(event -> EVENTS[event].traceName())
                .toList();
        List<StressReport.Pair> pairs = new ArrayList<>();
        long possible = 0;
        for (int cell = 0; cell < orderFirst.length; cell++) {
            int before = cell / EVENTS.length;
            int after = cell % EVENTS.length;
            if (recorders[after].canFollow(recorders[before])) {
                possible++;
            }
            if (orderFirst[cell] != NEVER) {
                pairs.add(
                        new StressReport.Pair(EVENTS[before].traceName(), EVENTS[after].traceName(), orderFirst[cell]));
            }
        }
        return new StressReport.Meetings(pairs, possible, seen, seen);
    }
}
