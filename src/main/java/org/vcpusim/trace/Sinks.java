package org.vcpusim.trace;

import java.util.List;

/** Several sinks as one. */
public final class Sinks implements TraceSink {
    private final TraceSink[] sinks;

    private Sinks(List<? extends TraceSink> sinks) {
        this.sinks = sinks.toArray(TraceSink[]::new);
    }

    /** All of {@code sinks}, each given every record, in this order. */
    public static TraceSink of(List<? extends TraceSink> sinks) {
        return sinks.size() == 1 ? sinks.get(0) : new Sinks(sinks);
    }

    @Override
    public void accept(TraceRecord record) {
        for (TraceSink sink : sinks) {
            sink.accept(record);
        }
    }

    /** Closes all of them, also those behind one that fails. */
    @Override
    public void close() {
        RuntimeException failure = null;
        for (TraceSink sink : sinks) {
            try {
                sink.close();
            } catch (RuntimeException e) {
                if (failure == null) {
                    failure = e;
                } else {
                    failure.addSuppressed(e);
                }
            }
        }
        if (failure != null) {
            throw failure;
        }
    }
}
