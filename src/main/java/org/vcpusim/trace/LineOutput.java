package org.vcpusim.trace;

import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;

/**
 * Lines on their way to a stream. Only whole lines are handed on, so that a run which is cut short leaves a file that every
 * reader accepts; what it lacks is its last lines.
 */
final class LineOutput {
    private static final int BLOCK = 1 << 16;
    private static final int LONGEST_USUAL_LINE = 1 << 10;

    private final OutputStream out;
    private final AsciiBuffer buffer = new AsciiBuffer(BLOCK + LONGEST_USUAL_LINE);

    LineOutput(OutputStream out) {
        this.out = out;
    }

    /** Writes {@code line}, which ends with its line feed. */
    void line(AsciiBuffer line) {
        buffer.append(line);
        if (buffer.size() >= BLOCK) {
            drain();
        }
    }

    /** Writes whole lines, {@code length} bytes from {@code from}. */
    void write(byte[] lines, int from, int length) {
        if (buffer.size() > 0) {
            drain();
        }
        try {
            out.write(lines, from, length);
        } catch (IOException e) {
            throw notWritten(e);
        }
    }

    /** Writes what is left and closes the stream. */
    void close() {
        try (OutputStream closing = out) {
            buffer.drainTo(closing);
        } catch (IOException e) {
            throw notWritten(e);
        }
    }

    private void drain() {
        try {
            buffer.drainTo(out);
        } catch (IOException e) {
            throw notWritten(e);
        }
    }

    private static UncheckedIOException notWritten(IOException e) {
        return new UncheckedIOException("cannot write the trace: " + e.getMessage(), e);
    }
}
