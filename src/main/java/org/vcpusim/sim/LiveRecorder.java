package org.vcpusim.sim;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.vcpusim.kvm.Event;
import org.vcpusim.trace.LineTraceWriter;
import org.vcpusim.trace.Recorder;
import org.vcpusim.trace.SharedLines;
import org.vcpusim.trace.Source;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.TraceSink;

/**
 * Orders the events of actors that run in parallel.
 *
 * <p>An actor takes the next number with one atomic addition, at the moment of the event, so that an event that caused
 * another always has the smaller number, and puts the event into the lane of its thread. Every so many records, one of the
 * threads takes out what is there in all lanes, in the order of the numbers, and gives it to the sinks, unless another is at
 * it: a thread of its own for that would take its time from the actors. Lanes are bounded: an actor whose lane is full takes records out or waits for the one that does; nothing is
 * dropped. Lines of a trace do not go through lanes: {@link SharedLines} numbers events as it writes them.
 *
 * <p>Time is real time since the start. {@link #elapse} does nothing: work inside a guest takes no time of the host.
 */
final class LiveRecorder implements Recorder, AutoCloseable {
    private static final long PARK_NANOS = 20_000;
    private static final int LARGEST_CHUNK = 64;

    private final @Nullable SharedLines lines;
    private final List<TraceSink> sinks;
    private final Consumer<Throwable> onFailure;
    private final int capacity;
    /** The records after which one is due to hand over. */
    private final int batch;

    private final ThreadLocal<Own> own = ThreadLocal.withInitial(this::newThread);
    private final List<RecordLane> lanes = new CopyOnWriteArrayList<>();

    private final AtomicLong next = new AtomicLong();
    private final long start = System.nanoTime();
    private final Lock handover = new ReentrantLock();

    // Of whoever holds the lock.
    private long taken;
    private long last = -1;
    private @Nullable Throwable failure;

    /**
     * A recorder that gives records to {@code wanted}, from one thread at a time.
     *
     * @param capacity how many records of one thread may wait, a power of two
     * @param onFailure is told what the sink throws; the records behind it are counted and not written
     */
    LiveRecorder(List<? extends TraceSink> wanted, int capacity, Consumer<Throwable> onFailure) {
        if (capacity < 1 || Integer.bitCount(capacity) != 1) {
            throw new IllegalArgumentException("recorder-capacity = " + capacity + ": must be a power of two");
        }
        LineTraceWriter writer = wanted.stream()
                .filter(LineTraceWriter.class::isInstance)
                .map(LineTraceWriter.class::cast)
                .findFirst()
                .orElse(null);
        lines = writer == null ? null : new SharedLines(writer, onFailure);
        sinks = wanted.stream().filter(sink -> sink != writer).collect(Collectors.toUnmodifiableList());
        this.onFailure = onFailure;
        this.capacity = capacity;
        batch = Math.min(capacity, LARGEST_CHUNK);
    }

    /** What one thread records with. */
    private record Own(RecordLane lane, SharedLines.@Nullable Writer lines) {}

    private Own newThread() {
        RecordLane lane = new RecordLane(capacity, batch);
        lanes.add(lane);
        return new Own(lane, lines == null ? null : lines.writer());
    }

    @Override
    public void record(Source source, Event event) {
        Own thread = own.get();
        boolean handed = !sinks.isEmpty();
        if (handed) {
            awaitRoom(thread.lane);
        }
        long number;
        long nanos = System.nanoTime() - start;
        if (thread.lines == null) {
            number = next.getAndIncrement();
        } else {
            thread.lines.write(source, event, nanos);
            number = thread.lines.order();
            nanos = thread.lines.nanos();
        }
        if (handed) {
            thread.lane.add(number, nanos, source, event);
            if (number % batch == batch - 1) {
                handOver();
            }
        }
    }

    private void awaitRoom(RecordLane lane) {
        while (!lane.hasRoom()) {
            if (!handOver()) {
                LockSupport.parkNanos(this, PARK_NANOS);
            }
        }
    }

    @Override
    public void elapse(long nanos) {
        // Live time is real time.
    }

    /** How many events were recorded. */
    long records() {
        return lines == null ? next.get() : lines.records();
    }

    /** Hands over what is there unless another thread is at it; returns whether there was anything. */
    private boolean handOver() {
        if (!handover.tryLock()) {
            return false;
        }
        try {
            return handOver(capacity);
        } finally {
            handover.unlock();
        }
    }

    /** With the lock: hands over the records up to the first that is in no lane yet, at most {@code most}. */
    private boolean handOver(long most) {
        long first = taken;
        for (RecordLane lane = laneOfNext(); lane != null && taken - first < most; lane = laneOfNext()) {
            for (RecordLane.Chunk chunk = lane.at(taken); chunk != null; chunk = lane.at(taken)) {
                int index = lane.index();
                last = Math.max(last + 1, chunk.nanos[index]);
                if (failure == null) {
                    failure = accepted(chunk, index);
                }
                lane.took();
                taken++;
            }
        }
        return taken > first;
    }

    private @Nullable RecordLane laneOfNext() {
        for (RecordLane lane : lanes) {
            if (lane.at(taken) != null) {
                return lane;
            }
        }
        return null;
    }

    private @Nullable Throwable accepted(RecordLane.Chunk chunk, int index) {
        try {
            TraceRecord record = new TraceRecord(taken, last, chunk.sources[index], chunk.events[index]);
            for (TraceSink sink : sinks) {
                sink.accept(record);
            }
            return null;
        } catch (RuntimeException | Error e) {
            onFailure.accept(e);
            return e;
        }
    }

    /** Hands over the rest. No actor may record any more. */
    @Override
    public void close() {
        handover.lock();
        try {
            handOver(Long.MAX_VALUE);
        } finally {
            handover.unlock();
            if (lines != null) {
                lines.close();
            }
        }
    }
}
