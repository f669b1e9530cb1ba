package org.vcpusim.trace;

import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/** How a trace is written. */
public enum TraceFormat {
    /** The text of ftrace's trace file. */
    TEXT {
        @Override
        public LineTraceWriter writer(OutputStream stream, int vcpuCount) {
            return new TextTraceWriter(stream, vcpuCount);
        }
    },
    /** A JSON object a line. */
    JSONL {
        @Override
        public LineTraceWriter writer(OutputStream stream, int vcpuCount) {
            return new JsonLinesTraceWriter(stream);
        }
    };

    /** As the command line has it. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** A sink that writes to {@code stream} and closes it; throws {@link UncheckedIOException} where that fails. */
    public abstract LineTraceWriter writer(OutputStream stream, int vcpuCount);

    /**
     * A sink that writes to {@code file}, emptied if it exists.
     *
     * @throws UncheckedIOException if the file cannot be opened; the sink throws it if it cannot be written
     */
    public LineTraceWriter writer(Path file, int vcpuCount) {
        try {
            return writer(Files.newOutputStream(file), vcpuCount);
        } catch (IOException e) {
            throw new UncheckedIOException(FileFailures.reason(e), e);
        }
    }
}
