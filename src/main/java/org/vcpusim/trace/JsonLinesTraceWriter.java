package org.vcpusim.trace;

import java.io.OutputStream;
import org.vcpusim.kvm.Event;

/**
 * Writes a trace as JSON lines, one object a record: {@code n} order, {@code t} virtual nanoseconds, {@code a} actor,
 * {@code e} tracepoint, {@code d} fields. docs/trace.schema.json describes them.
 */
public final class JsonLinesTraceWriter extends LineTraceWriter {
    private final JsonFields fields = new JsonFields(out.line());
    private final SourceLabels labels = new SourceLabels();

    /** Writes to {@code stream}, which {@link #close} closes. */
    public JsonLinesTraceWriter(OutputStream stream) {
        super(stream, JsonBodies::new);
    }

    private static final class JsonBodies extends Bodies {
        private final JsonFields members = new JsonFields(text);
        private final EventJson json = new EventJson(members);

        @Override
        void write(Source source, Event event) {
            text.character(',');
            members.restart().string("e", Tracepoint.of(event).traceName()).key("d");
            members.open();
            event.accept(json);
            members.close();
            members.close();
        }
    }

    @Override
    void head(long order, long nanos, Source source) {
        fields.open().number("n", order).number("t", nanos).string("a", labels.of(source));
    }
}
