package org.vcpusim.trace;

import org.vcpusim.kvm.Event;

/** Numbers and stamps the events of a run that handles one message at a time, and hands them on at once. */
public final class SequentialRecorder implements Recorder {
    private final VirtualClock clock;
    private TraceSink sink;
    private long order;
    private long last = -1;

    /** A recorder that stamps with {@code clock} and writes to {@code sink}, which the caller closes. */
    public SequentialRecorder(VirtualClock clock, TraceSink sink) {
        this.clock = clock;
        this.sink = sink;
    }

    @Override
    public void record(Source source, Event event) {
        last = Math.max(last + 1, clock.now());
        sink.accept(new TraceRecord(order, last, source, event));
        order++;
    }

    @Override
    public void elapse(long nanos) {
        clock.elapse(nanos);
    }

    /** The next events go to {@code other}. */
    public void goOn(TraceSink other) {
        sink = other;
    }

    /** The run begins again, with another sink. */
    public void beginAgain(TraceSink other) {
        clock.beginAgain();
        sink = other;
        order = 0;
        last = -1;
    }

    /** How many events were recorded. */
    public long records() {
        return order;
    }
}
