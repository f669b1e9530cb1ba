package org.vcpusim.trace;

import java.io.OutputStream;
import org.vcpusim.kvm.Event;

/**
 * Writes a trace as lines, a record each.
 *
 * <p>What a line says of its event does not depend on the record's place in the order. So it can be made ahead, as a
 * {@link Body}, by the thread that reports the event; the one thread that writes lines then has little to do.
 */
public abstract class LineTraceWriter implements TraceSink {
    private static final int USUAL_LENGTH = 256;

    /** Where lines are put together. */
    final LineOutput out;

    private long most = Long.MAX_VALUE;

    /** Writes to {@code stream}, which {@link #close} closes. */
    LineTraceWriter(OutputStream stream) {
        out = new LineOutput(stream);
    }

    /** Writes the first {@code records} records of the trace and no more. */
    public final void limit(long records) {
        most = records;
    }

    /** What a line says of an event; used again and again, by one thread at a time. */
    public abstract static class Body {
        /** The bytes. */
        final AsciiBuffer text = new AsciiBuffer(USUAL_LENGTH);

        /** Holds what there is to say of {@code event}, reported by {@code source}, and nothing else. */
        public final void set(Source source, Event event) {
            text.clear();
            write(source, event);
        }

        abstract void write(Source source, Event event);
    }

    /** A body in this writer's format, empty. */
    public abstract Body body();

    /** Writes the line of record {@code order}, whose body was made ahead. */
    public final void accept(long order, long nanos, Source source, Body body) {
        if (order >= most) {
            return;
        }
        head(order, nanos, source);
        out.line().append(body.text);
        out.end();
    }

    /** Writes what comes before the body. */
    abstract void head(long order, long nanos, Source source);

    @Override
    public final void close() {
        out.close();
    }
}
