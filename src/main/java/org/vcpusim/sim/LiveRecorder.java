package org.vcpusim.sim;

import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.vcpusim.kvm.Event;
import org.vcpusim.trace.Recorder;
import org.vcpusim.trace.Source;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.TraceSink;

/**
 * Orders the events of actors that run in parallel.
 *
 * <p>An actor takes the next number with one atomic addition, at the moment of the event, and puts the event into the slot of
 * a ring that belongs to the number; so an event that caused another always has the smaller number. One thread takes the
 * events out in the order of their numbers and gives them to the sink. The ring is bounded: when it is full, actors wait;
 * nothing is dropped.
 *
 * <p>Time is real time since the start. {@link #elapse} does nothing: work inside a guest takes no time of the host.
 */
final class LiveRecorder implements Recorder, AutoCloseable {
    private static final long PARK_NANOS = 50_000;
    private static final int SPINS = 200;

    private final TraceSink sink;
    private final Consumer<Throwable> onFailure;
    private final int capacity;
    private final Source[] sources;
    private final Event[] events;
    private final long[] nanos;
    /** Number of the record in each slot, plus one; set when the slot is filled. */
    private final AtomicLongArray filled;

    private final AtomicLong next = new AtomicLong();
    private final AtomicLong taken = new AtomicLong();
    private final long start = System.nanoTime();
    private final Thread writer;
    private volatile boolean closing;

    /**
     * A recorder that writes to {@code sink} by a thread of its own.
     *
     * @param capacity of the ring, a power of two
     * @param onFailure is told what the sink throws; the records behind it are counted and not written
     */
    LiveRecorder(TraceSink sink, int capacity, Consumer<Throwable> onFailure) {
        if (capacity < 1 || Integer.bitCount(capacity) != 1) {
            throw new IllegalArgumentException("recorder-capacity = " + capacity + ": must be a power of two");
        }
        this.sink = sink;
        this.onFailure = onFailure;
        this.capacity = capacity;
        sources = new Source[capacity];
        events = new Event[capacity];
        nanos = new long[capacity];
        filled = new AtomicLongArray(capacity);
        writer = new Thread(this::write, "vcpusim-recorder");
        writer.setDaemon(true);
        writer.start();
    }

    @Override
    public void record(Source source, Event event) {
        long number = next.getAndIncrement();
        int slot = (int) number & capacity - 1;
        while (number - taken.get() >= capacity) {
            LockSupport.parkNanos(this, PARK_NANOS);
        }
        sources[slot] = source;
        events[slot] = event;
        nanos[slot] = System.nanoTime() - start;
        filled.setRelease(slot, number + 1);
    }

    @Override
    public void elapse(long nanos) {
        // Live time is real time.
    }

    /** How many events were recorded. */
    long records() {
        return next.get();
    }

    private void write() {
        @Nullable Throwable failure = null;
        long last = -1;
        int idle = 0;
        for (long number = 0; !closing || number < next.get(); ) {
            int slot = (int) number & capacity - 1;
            if (filled.getAcquire(slot) != number + 1) {
                idle++;
                await(idle);
                continue;
            }
            idle = 0;
            last = Math.max(last + 1, nanos[slot]);
            TraceRecord record = new TraceRecord(number, last, sources[slot], events[slot]);
            number++;
            taken.setRelease(number);
            if (failure == null) {
                failure = accepted(record);
            }
        }
    }

    private @Nullable Throwable accepted(TraceRecord record) {
        try {
            sink.accept(record);
            return null;
        } catch (RuntimeException | Error e) {
            onFailure.accept(e);
            return e;
        }
    }

    private static void await(int idle) {
        if (idle < SPINS) {
            Thread.onSpinWait();
        } else {
            LockSupport.parkNanos(PARK_NANOS);
        }
    }

    /** Waits until everything recorded is written. No actor may record any more. */
    @Override
    public void close() {
        closing = true;
        LockSupport.unpark(writer);
        boolean interrupted = false;
        while (writer.isAlive()) {
            try {
                writer.join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
