package org.vcpusim.trace;

/** Takes trace records in their order: a file, a statistic, an invariant. One thread at a time. */
public interface TraceSink extends AutoCloseable {
    /** The next record. */
    void accept(TraceRecord record);

    /** No more records come; what is buffered is written. */
    @Override
    void close();
}
