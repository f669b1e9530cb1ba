package org.vcpusim.sim;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.TraceSink;

/** Which threads recorded events of a kind, in the order of a trace. */
final class RecordsByThread implements TraceSink {
    private final Threads threads;
    private final Map<String, List<String>> labels = new TreeMap<>();

    RecordsByThread(Threads threads) {
        this.threads = threads;
    }

    @Override
    public void accept(TraceRecord record) {
        labels.computeIfAbsent(record.event().getClass().getSimpleName(), kind -> new ArrayList<>())
                .add(threads.current().label());
    }

    @Override
    public void close() {}

    List<String> of(String kind) {
        return labels.getOrDefault(kind, List.of());
    }
}
