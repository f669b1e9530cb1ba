package org.vcpusim.sim;

import java.util.ArrayList;
import java.util.List;
import org.vcpusim.kvm.Event;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.TraceSink;

/** Keeps what a run recorded. */
final class Trace implements TraceSink {
    final List<TraceRecord> records = new ArrayList<>();
    boolean closed;

    @Override
    public void accept(TraceRecord record) {
        records.add(record);
    }

    @Override
    public void close() {
        closed = true;
    }

    <E extends Event> List<E> events(Class<E> type) {
        return records.stream()
                .map(TraceRecord::event)
                .filter(type::isInstance)
                .map(type::cast)
                .toList();
    }
}
