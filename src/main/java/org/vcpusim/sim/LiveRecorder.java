package org.vcpusim.sim;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.vcpusim.kvm.Event;
import org.vcpusim.trace.LineTraceWriter;
import org.vcpusim.trace.Recorder;
import org.vcpusim.trace.Source;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.TraceSink;

/**
 * Orders the events of actors that run in parallel.
 *
 * <p>An actor takes the next number with one atomic addition, at the moment of the event, and puts the event into the slot of
 * a ring that belongs to the number; so an event that caused another always has the smaller number. Where a trace is written,
 * the actor writes the body of its line too. One thread takes the events out in the order of their numbers and gives them to
 * the sinks. The ring is bounded: when it is full, actors wait;
 * nothing is dropped.
 *
 * <p>Time is real time since the start. {@link #elapse} does nothing: work inside a guest takes no time of the host.
 */
final class LiveRecorder implements Recorder, AutoCloseable {
    private static final VarHandle FILLED;

    static {
        try {
            FILLED = MethodHandles.lookup().findVarHandle(Slot.class, "filled", long.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private static final long PARK_NANOS = 50_000;
    private static final int SPINS = 200;
    private static final int MOST_UNPUBLISHED = 256;

    private final @Nullable LineTraceWriter lines;
    private final List<TraceSink> sinks;
    private final Consumer<Throwable> onFailure;
    private final int capacity;
    /** The writer says how far it is after so many records less one, so that actors seldom lose the word to it. */
    private final int published;

    private final Slot[] ring;

    private final AtomicLong next = new AtomicLong();
    private final AtomicLong taken = new AtomicLong();
    private final long start = System.nanoTime();
    private final Thread writer;
    private volatile boolean closing;

    /**
     * What is known of one record. All of it is in one object, so that two processors that fill neighbouring slots do not wait
     * for the same cache line.
     */
    private static final class Slot {
        /** What a line says of the event; null where no lines are written. */
        private final LineTraceWriter.@Nullable Body body;

        private long nanos;
        private @Nullable Source source;
        /** Null where there are only lines to be written. */
        private @Nullable Event event;

        /** Number of the record, plus one; written through FILLED when the rest is there. */
        @SuppressWarnings({"FieldMayBeFinal", "UnusedVariable"})
        private long filled;

        private Slot(LineTraceWriter.@Nullable Body body) {
            this.body = body;
        }
    }

    /**
     * A recorder that writes to {@code wanted} by a thread of its own.
     *
     * @param capacity of the ring, a power of two
     * @param onFailure is told what the sink throws; the records behind it are counted and not written
     */
    LiveRecorder(List<? extends TraceSink> wanted, int capacity, Consumer<Throwable> onFailure) {
        if (capacity < 1 || Integer.bitCount(capacity) != 1) {
            throw new IllegalArgumentException("recorder-capacity = " + capacity + ": must be a power of two");
        }
        lines = wanted.stream()
                .filter(LineTraceWriter.class::isInstance)
                .map(LineTraceWriter.class::cast)
                .findFirst()
                .orElse(null);
        sinks = wanted.stream().filter(sink -> sink != lines).collect(Collectors.toUnmodifiableList());
        this.onFailure = onFailure;
        this.capacity = capacity;
        published = Math.min(capacity, MOST_UNPUBLISHED) - 1;
        ring = new Slot[capacity];
        Arrays.setAll(ring, slot -> new Slot(lines == null ? null : lines.body()));
        writer = new Thread(this::write, "vcpusim-recorder");
        writer.setDaemon(true);
        writer.start();
    }

    @Override
    public void record(Source source, Event event) {
        long number = next.getAndIncrement();
        Slot slot = ring[(int) number & capacity - 1];
        while (number - taken.get() >= capacity) {
            LockSupport.parkNanos(this, PARK_NANOS);
        }
        slot.nanos = System.nanoTime() - start;
        slot.source = source;
        if (slot.body != null) {
            slot.body.set(source, event);
        }
        if (!sinks.isEmpty()) {
            slot.event = event;
        }
        FILLED.setRelease(slot, number + 1);
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
            Slot slot = ring[(int) number & capacity - 1];
            if ((long) FILLED.getAcquire(slot) != number + 1) {
                idle++;
                await(idle);
                continue;
            }
            idle = 0;
            last = Math.max(last + 1, slot.nanos);
            if (failure == null) {
                failure = accepted(number, last, slot);
            }
            number++;
            if ((number & published) == 0) {
                taken.setRelease(number);
            }
        }
    }

    private @Nullable Throwable accepted(long number, long time, Slot slot) {
        try {
            Source source = Objects.requireNonNull(slot.source);
            if (lines != null && slot.body != null) {
                lines.accept(number, time, source, slot.body);
            }
            if (!sinks.isEmpty()) {
                TraceRecord record = new TraceRecord(number, time, source, Objects.requireNonNull(slot.event));
                for (TraceSink sink : sinks) {
                    sink.accept(record);
                }
            }
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
