package org.vcpusim.trace;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.vcpusim.kvm.Event;

/**
 * Lines of a trace that many threads write at the same time, each its own.
 *
 * <p>A thread puts a line together, then takes in one short critical section the next number, a time later than the last one,
 * and as many bytes of the trace as the line has. It copies the line to that place of a ring, where nobody else writes, so that
 * no thread ever reads what another has just written. The ring consists of segments. Each thread counts the bytes that it has
 * copied into each; a segment is complete when the counts add up to its size. Whoever goes on to another segment writes what is
 * complete, whole lines only, unless another thread is at it. A thread that finds no room in the ring does the same, or waits
 * for the one that does: nothing is dropped.
 */
public final class SharedLines implements AutoCloseable {
    private static final int SEGMENT = 1 << 16;
    private static final int SEGMENTS = 8;
    private static final int RING = SEGMENT * SEGMENTS;
    private static final long PARK_NANOS = 20_000;
    private static final int SPINS = 200;
    /** Longs between what different threads write: two cache lines of 64 bytes, since processors fetch them in pairs. */
    private static final int APART = 16;

    private static final VarHandle BUSY;
    private static final VarHandle COUNT = MethodHandles.arrayElementVarHandle(long[].class);

    static {
        try {
            BUSY = MethodHandles.lookup().findVarHandle(Tail.class, "busy", int.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final LineTraceWriter lines;
    private final Consumer<Throwable> onFailure;
    private final byte[] ring = new byte[RING];
    private final Tail tail = new Tail();
    private final List<Writer> writers = new CopyOnWriteArrayList<>();
    private final Lock draining = new ReentrantLock();

    // Of whoever drains. Positions count the bytes of the trace.
    private long complete;
    private long drained;
    private @Nullable Throwable failure;

    /** The position up to which the ring may be written. */
    private volatile long free = RING;

    /** What threads take from in turn. */
    private static final class Tail {
        /** 1 while a thread is at it; written through BUSY. */
        @SuppressWarnings("UnusedVariable")
        private int busy;

        private long order;
        private long nanos = -1;
        private long position;

        @SuppressWarnings("ThreadPriorityCheck") // the thread that is at it may have lost its processor
        void acquire() {
            for (int spins = 1; !BUSY.weakCompareAndSetAcquire(this, 0, 1); spins++) {
                if (spins % SPINS == 0) {
                    Thread.yield();
                }
                Thread.onSpinWait();
            }
        }

        void release() {
            BUSY.setRelease(this, 0);
        }
    }

    /**
     * Lines that go where {@code lines} writes, which is closed by its owner and written by nobody else meanwhile.
     *
     * @param onFailure is told once when writing fails; what comes after is counted and not written
     */
    public SharedLines(LineTraceWriter lines, Consumer<Throwable> onFailure) {
        this.lines = lines;
        this.onFailure = onFailure;
    }

    /** How many lines there are. */
    public long records() {
        tail.acquire();
        long records = tail.order;
        tail.release();
        return records;
    }

    /** What one thread writes with. */
    public Writer writer() {
        Writer writer = new Writer();
        writers.add(writer);
        return writer;
    }

    /** The lines of one thread. */
    public final class Writer {
        private final LineTraceWriter.Line line = lines.line();
        private final long[] counts = new long[APART + SEGMENTS + APART];
        private long freeAsSeen = RING;
        private long order;
        private long nanos;

        /** Writes the line of {@code event}, which was reported by {@code source} at {@code now}, in ns since the start. */
        public void write(Source source, Event event, long now) {
            line.begin(source, event);
            tail.acquire();
            order = tail.order++;
            nanos = Math.max(tail.nanos + 1, now);
            tail.nanos = nanos;
            long from = tail.position;
            boolean written = lines.writes(order);
            tail.position += written ? line.length(order, nanos) : 0;
            tail.release();
            if (written) {
                line.stamp(order, nanos);
                copy(from);
            }
        }

        /** The place of the last line in the order, from 0. */
        public long order() {
            return order;
        }

        /** The time of the last line. */
        public long nanos() {
            return nanos;
        }

        private void copy(long from) {
            int length = line.text.size();
            int copied = 0;
            while (copied < length) {
                long position = from + copied;
                int at = (int) (position & RING - 1);
                int part = Math.min(length - copied, SEGMENT - (at & SEGMENT - 1));
                awaitFree(position + part);
                line.text.copyTo(copied, ring, at, part);
                copied += part;
                int slot = APART + at / SEGMENT;
                COUNT.setRelease(counts, slot, counts[slot] + part);
            }
            if (from / SEGMENT != (from + length) / SEGMENT) {
                drain();
            }
        }

        private void awaitFree(long end) {
            while (end > freeAsSeen) {
                freeAsSeen = free;
                if (end > freeAsSeen && !drain()) {
                    LockSupport.parkNanos(SharedLines.this, PARK_NANOS);
                }
            }
        }
    }

    /** Writes what is complete unless another thread is at it; returns whether there was anything. */
    private boolean drain() {
        if (!draining.tryLock()) {
            return false;
        }
        try {
            long before = complete;
            while (isComplete(complete / SEGMENT)) {
                complete += SEGMENT;
            }
            writeLines();
            return complete > before;
        } finally {
            draining.unlock();
        }
    }

    /** Whether all bytes of segment {@code number}, counted from the start of the trace, have been copied. */
    private boolean isComplete(long number) {
        int slot = APART + (int) (number % SEGMENTS);
        long bytes = 0;
        for (Writer writer : writers) {
            bytes += (long) COUNT.getAcquire(writer.counts, slot);
        }
        return bytes == (number / SEGMENTS + 1) * SEGMENT;
    }

    /** Writes the whole lines of what is complete, and a part of one that fills the ring. */
    private void writeLines() {
        long end = complete;
        while (end > drained && ring[(int) (end - 1 & RING - 1)] != '\n') {
            end--;
        }
        if (end == drained && complete - drained > RING - SEGMENT) {
            end = complete;
        }
        int from = (int) (drained & RING - 1);
        int length = (int) (end - drained);
        int first = Math.min(length, RING - from);
        if (first == length) {
            write(ring, from, length);
        } else {
            byte[] joined = new byte[length];
            System.arraycopy(ring, from, joined, 0, first);
            System.arraycopy(ring, 0, joined, first, length - first);
            write(joined, 0, length);
        }
        drained = end;
        free = drained + RING;
    }

    private void write(byte[] bytes, int from, int length) {
        if (failure == null && length > 0) {
            try {
                lines.out.write(bytes, from, length);
            } catch (RuntimeException | Error e) {
                failure = e;
                onFailure.accept(e);
            }
        }
    }

    /** Writes the rest. No thread may write any more. */
    @Override
    public void close() {
        draining.lock();
        try {
            tail.acquire();
            complete = tail.position;
            tail.release();
            writeLines();
        } finally {
            draining.unlock();
        }
    }
}
