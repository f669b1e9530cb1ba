package org.vcpusim.sim;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Deque;
import java.util.concurrent.ConcurrentLinkedDeque;
import org.jspecify.annotations.Nullable;
import org.vcpusim.kvm.Event;
import org.vcpusim.trace.LineTraceWriter;
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
    private final @Nullable LineTraceWriter lines;
    /** Chunks to be filled again, the last one first: it is what the caches hold. */
    private final Deque<Chunk> free = new ConcurrentLinkedDeque<>();

    // Of the thread that records.
    private Chunk filling;
    private int made = 1;

    // Of the thread that takes out.
    private Chunk taking;

    /**
     * A lane for {@code capacity} records, in chunks of {@code chunkSize}.
     *
     * @param lines whose lines are made ahead, null for none
     */
    RecordLane(int capacity, int chunkSize, @Nullable LineTraceWriter lines) {
        this.chunkSize = chunkSize;
        this.lines = lines;
        chunks = Math.max(2, capacity / chunkSize);
        filling = new Chunk(chunkSize, lines);
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
        /** Null where there are only lines to be written. */
        final @Nullable Event[] events;
        /** Where the body of a record's line ends; the next one's begins there. */
        final int[] ends;
        /** What lines say of the events; null where no lines are written. */
        final LineTraceWriter.@Nullable Bodies bodies;

        /** How many are there; written through FILLED when the record is. */
        private int filled;

        private int taken;

        /** What is filled after this; written through NEXT. */
        @SuppressWarnings("UnusedVariable")
        private @Nullable Chunk next;

        private Chunk(int size, @Nullable LineTraceWriter lines) {
            numbers = new long[size];
            nanos = new long[size];
            sources = new Source[size];
            events = new Event[size];
            ends = new int[size];
            bodies = lines == null ? null : lines.bodies();
        }

        private void empty() {
            filled = 0;
            taken = 0;
            NEXT.set(this, null);
            if (bodies != null) {
                bodies.clear();
            }
        }

        /** Where the body of record {@code index} begins. */
        int begin(int index) {
            return index == 0 ? 0 : ends[index - 1];
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
            chunk = new Chunk(chunkSize, lines);
        } else {
            chunk.empty();
        }
        Chunk.NEXT.setRelease(filling, chunk);
        filling = chunk;
        return true;
    }

    /** Adds a record, for which there is room; {@code event} is kept if {@code keepsEvent}. */
    void add(long number, long nanos, Source source, Event event, boolean keepsEvent) {
        Chunk chunk = filling;
        int index = chunk.filled;
        chunk.numbers[index] = number;
        chunk.nanos[index] = nanos;
        chunk.sources[index] = source;
        if (chunk.bodies != null) {
            chunk.ends[index] = chunk.bodies.add(source, event);
        }
        if (keepsEvent) {
            chunk.events[index] = event;
        }
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
