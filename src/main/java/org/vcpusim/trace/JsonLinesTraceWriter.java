package org.vcpusim.trace;

import java.io.OutputStream;
import org.vcpusim.kvm.Event;

/**
 * Writes a trace as JSON lines, one object a record: {@code n} order, {@code t} virtual nanoseconds, {@code a} actor,
 * {@code e} tracepoint, {@code d} fields. docs/trace.schema.json describes them.
 */
public final class JsonLinesTraceWriter extends LineTraceWriter {
    private static final String BEFORE_TIME = ",\"t\":";

    /** Writes to {@code stream}, which {@link #close} closes. */
    public JsonLinesTraceWriter(OutputStream stream) {
        super(stream);
    }

    @Override
    Line line() {
        return new JsonLine();
    }

    private static final class JsonLine extends Line {
        private final JsonFields record = new JsonFields(text);
        private final JsonFields members = new JsonFields(rest);
        private final EventJson json = new EventJson(members);
        private final SourceLabels labels = new SourceLabels();

        @Override
        void before(Source source) {
            record.open().key("n");
        }

        @Override
        int stampLength(long order, long nanos) {
            return AsciiBuffer.digits(order) + BEFORE_TIME.length() + AsciiBuffer.digits(nanos);
        }

        @Override
        void writeStamp(long order, long nanos) {
            text.decimal(order).text(BEFORE_TIME).decimal(nanos);
        }

        @Override
        void after(Source source, Event event) {
            rest.character(',');
            members.restart()
                    .string("a", labels.of(source))
                    .string("e", Tracepoint.of(event).traceName())
                    .key("d");
            members.open();
            event.accept(json);
            members.close();
            members.close();
        }
    }
}
