package org.vcpusim.trace;

import java.io.OutputStream;
import org.jspecify.annotations.Nullable;
import org.vcpusim.kvm.Event;

/**
 * Writes a trace as lines, a record each.
 *
 * <p>Of a line only the stamp, the record's place in the order and its time, depends on the other records. The rest can be put
 * together ahead by the thread that reports the event: see {@link SharedLines}.
 */
public abstract class LineTraceWriter implements TraceSink {
    private static final int USUAL_LENGTH = 256;

    /** Where lines go. */
    final LineOutput out;

    private @Nullable Line own;
    private long most = Long.MAX_VALUE;

    /** Writes to {@code stream}, which {@link #close} closes. */
    LineTraceWriter(OutputStream stream) {
        out = new LineOutput(stream);
    }

    /** Writes the first {@code records} records of the trace and no more. */
    public final void limit(long records) {
        most = records;
    }

    /** A line under construction, used again and again by one thread. */
    abstract static class Line {
        /** The line so far: what stands before the stamp; once it is {@link #stamp}ed, all of it. */
        final AsciiBuffer text = new AsciiBuffer(USUAL_LENGTH);

        /** What stands behind the stamp. */
        final AsciiBuffer rest = new AsciiBuffer(USUAL_LENGTH);

        /** Starts the line of {@code event}, reported by {@code source}. */
        final void begin(Source source, Event event) {
            text.clear();
            before(source);
            rest.clear();
            after(source, event);
            rest.character('\n');
        }

        /** The length of the line once it has that stamp. */
        final int length(long order, long nanos) {
            return text.size() + stampLength(order, nanos) + rest.size();
        }

        /** Completes the line. */
        final void stamp(long order, long nanos) {
            writeStamp(order, nanos);
            text.append(rest);
        }

        abstract void before(Source source);

        abstract int stampLength(long order, long nanos);

        abstract void writeStamp(long order, long nanos);

        abstract void after(Source source, Event event);
    }

    /** An empty line in this writer's format. */
    abstract Line line();

    /** Whether record {@code order} is one of those that are written. */
    final boolean writes(long order) {
        return order < most;
    }

    @Override
    public final void accept(TraceRecord record) {
        if (!writes(record.order())) {
            return;
        }
        Line line = own == null ? line() : own;
        own = line;
        line.begin(record.source(), record.event());
        line.stamp(record.order(), record.nanos());
        out.line(line.text);
    }

    @Override
    public final void close() {
        out.close();
    }
}
