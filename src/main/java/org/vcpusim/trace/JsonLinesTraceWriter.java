package org.vcpusim.trace;

import java.io.OutputStream;

/**
 * Writes a trace as JSON lines, one object a record: {@code n} order, {@code t} virtual nanoseconds, {@code a} actor,
 * {@code e} tracepoint, {@code d} fields. docs/trace.schema.json describes them.
 */
public final class JsonLinesTraceWriter implements TraceSink {
    private final LineOutput out;
    private final JsonFields fields;
    private final EventJson json;
    private final SourceLabels labels = new SourceLabels();

    /** Writes to {@code stream}, which {@link #close} closes. */
    public JsonLinesTraceWriter(OutputStream stream) {
        out = new LineOutput(stream);
        fields = new JsonFields(out.line());
        json = new EventJson(fields);
    }

    @Override
    public void accept(TraceRecord record) {
        fields.open()
                .number("n", record.order())
                .number("t", record.nanos())
                .string("a", labels.of(record.source()))
                .string("e", Tracepoint.of(record.event()).traceName())
                .key("d");
        fields.open();
        record.event().accept(json);
        fields.close();
        fields.close();
        out.end();
    }

    @Override
    public void close() {
        out.close();
    }
}
