package org.vcpusim.cli;

import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Standard output, which remembers that something could not be written: writers of text only say that something failed. */
final class StandardOutput extends FilterOutputStream {
    /** What the system says where the reader has gone, as head does when it has seen enough. */
    private static final String READER_GONE = "Broken pipe";

    private @Nullable IOException failure;

    StandardOutput(OutputStream out) {
        super(out);
    }

    @Override
    public void write(int b) throws IOException {
        write(new byte[] {(byte) b}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int from, int length) throws IOException {
        try {
            out.write(bytes, from, length);
        } catch (IOException e) {
            failure = failure == null ? e : failure;
            throw e;
        }
    }

    /** Why something was lost that somebody wanted. */
    Optional<String> lost() {
        return Optional.ofNullable(failure).map(IOException::getMessage).filter(why -> !why.contains(READER_GONE));
    }
}
