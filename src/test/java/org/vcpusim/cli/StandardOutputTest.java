package org.vcpusim.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class StandardOutputTest {
    private static Optional<String> lostBy(String failure) {
        StandardOutput stdout = new StandardOutput(new OutputStream() {
            @Override
            public void write(int b) throws IOException {
                throw new IOException(failure);
            }
        });
        PrintWriter writer = new PrintWriter(stdout, false, StandardCharsets.UTF_8);
        writer.print("text");
        writer.flush();
        return stdout.lost();
    }

    @Test
    void whatCouldNotBeWrittenIsLostForTheReasonThatTheSystemGives() {
        assertEquals(Optional.of("No space left on device"), lostBy("No space left on device"));
    }

    @Test
    void nothingIsLostToAReaderThatHasGone() {
        assertEquals(Optional.empty(), lostBy("Broken pipe"));
    }

    @Test
    void whatIsWrittenIsNotLost() throws IOException {
        try (StandardOutput stdout = new StandardOutput(OutputStream.nullOutputStream())) {
            stdout.write('x');
            assertEquals(Optional.empty(), stdout.lost());
        }
    }
}
