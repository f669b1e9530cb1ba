package org.vcpusim.trace;

import java.io.OutputStream;
import java.util.function.Supplier;
import org.vcpusim.kvm.Event;

/**
 * Writes a trace as lines, a record each.
 *
 * <p>What a line says of its event does not depend on the record's place in the order. So it can be made ahead, as a
 * part of {@link Bodies}, by the thread that reports the event; the one thread that writes lines then has little to do.
 */
public abstract class LineTraceWriter implements TraceSink {
    private static final int USUAL_LENGTH = 256;

    /** Where lines are put together. */
    final LineOutput out;

    private final Supplier<Bodies> bodies;
    private final Bodies own;
    private long most = Long.MAX_VALUE;

    /** Writes to {@code stream}, which {@link #close} closes; {@code bodies} makes empty ones in the writer's format. */
    LineTraceWriter(OutputStream stream, Supplier<Bodies> bodies) {
        out = new LineOutput(stream);
        this.bodies = bodies;
        own = bodies.get();
    }

    /** Writes the first {@code records} records of the trace and no more. */
    public final void limit(long records) {
        most = records;
    }

    /** What lines say of their events, one behind the other; used again and again, by one thread at a time. */
    public abstract static class Bodies {
        /** The bytes. */
        final AsciiBuffer text = new AsciiBuffer(USUAL_LENGTH);

        /** Forgets all. */
        public final void clear() {
            text.clear();
        }

        /** Adds what there is to say of {@code event}, reported by {@code source}; returns where it ends. */
        public final int add(Source source, Event event) {
            write(source, event);
            return text.size();
        }

        abstract void write(Source source, Event event);
    }

    /** Bodies in this writer's format, none yet. */
    public final Bodies bodies() {
        return bodies.get();
    }

    @Override
    public final void accept(TraceRecord record) {
        own.clear();
        int end = own.add(record.source(), record.event());
        accept(record.order(), record.nanos(), record.source(), own, 0, end);
    }

    /** Writes the line of record {@code order}, whose body was made ahead and goes from {@code from} to {@code to}. */
    public final void accept(long order, long nanos, Source source, Bodies bodies, int from, int to) {
        if (order >= most) {
            return;
        }
        head(order, nanos, source);
        out.line().append(bodies.text, from, to);
        out.end();
    }

    /** Writes what comes before the body. */
    abstract void head(long order, long nanos, Source source);

    @Override
    public final void close() {
        out.close();
    }
}
