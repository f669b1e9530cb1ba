package org.vcpusim.sim;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Deque;
import java.util.concurrent.ConcurrentLinkedDeque;
import org.jspecify.annotations.Nullable;
import org.vcpusim.kvm.Event;
import org.vcpusim.trace.Source;

/**
 * What one thread has recorded and nobody has taken out yet.
 *
 * <p>The thread fills one chunk after the other; another, one at a time, takes records out in the same order. Nothing that the
 * one writes is next to what the other thread of another lane writes: processors that record at the same time do not wait
 * for each other's caches.
 */
final class RecordLane {
    private final int chunks;
    private final int chunkSize;
    /** Chunks to be filled again, the last one first: it is what the caches hold. */
    private final Deque<Chunk> free = new ConcurrentLinkedDeque<>();

    // Of the thread that records.
    private Chunk filling;
    private int made = 1;

    // Of the thread that takes out.
    private Chunk taking;

    /** A lane for {@code capacity} records, in chunks of {@code chunkSize}. */
    RecordLane(int capacity, int chunkSize) {
        this.chunkSize = chunkSize;
        chunks = Math.max(2, capacity / chunkSize);
        filling = new Chunk(chunkSize);
        taking = filling;
    }

    /** Some records in the order of their numbers. */
    static final class Chunk {
        private static final VarHandle FILLED;
        private static final VarHandle NEXT;

        static {
            try {
                MethodHandles.Lookup lookup = MethodHandles.lookup();
                FILLED = lookup.findVarHandle(Chunk.class, "filled", int.class);
                NEXT = lookup.findVarHandle(Chunk.class, "next", Chunk.class);
            } catch (ReflectiveOperationException e) {
                throw new ExceptionInInitializerError(e);
            }
        }

        final long[] numbers;
        final long[] nanos;
        final Source[] sources;
        final Event[] events;

        /** How many are there; written through FILLED when the record is. */
        private int filled;

        private int taken;

        /** What is filled after this; written through NEXT. */
        @SuppressWarnings("UnusedVariable")
        private @Nullable Chunk next;

        private Chunk(int size) {
            numbers = new long[size];
            nanos = new long[size];
            sources = new Source[size];
            events = new Event[size];
        }

        private void empty() {
            filled = 0;
            taken = 0;
            NEXT.set(this, null);
        }
    }

    /** Whether another record can be added: there is room in the chunk, or another chunk. */
    boolean hasRoom() {
        if (filling.filled < chunkSize) {
            return true;
        }
        Chunk chunk = free.poll();
        if (chunk == null) {
            if (made == chunks) {
                return false;
            }
            made++;
            chunk = new Chunk(chunkSize);
        } else {
            chunk.empty();
        }
        Chunk.NEXT.setRelease(filling, chunk);
        filling = chunk;
        return true;
    }

    /** Adds a record, for which there is room. */
    void add(long number, long nanos, Source source, Event event) {
        Chunk chunk = filling;
        int index = chunk.filled;
        chunk.numbers[index] = number;
        chunk.nanos[index] = nanos;
        chunk.sources[index] = source;
        chunk.events[index] = event;
        Chunk.FILLED.setRelease(chunk, index + 1);
    }

    /** The chunk whose next record, {@link #index}, has {@code number}; null where that is not the next one of this lane. */
    @Nullable Chunk at(long number) {
        Chunk chunk = taking;
        if (chunk.taken == chunkSize) {
            Chunk after = (Chunk) Chunk.NEXT.getAcquire(chunk);
            if (after == null) {
                return null;
            }
            taking = after;
            free.push(chunk);
            chunk = after;
        }
        boolean there = chunk.taken < (int) Chunk.FILLED.getAcquire(chunk);
        return there && chunk.numbers[chunk.taken] == number ? chunk : null;
    }

    /** Where the next record is in its chunk. */
    int index() {
        return taking.taken;
    }

    /** The next record is taken out. */
    void took() {
        taking.taken++;
    }
}
