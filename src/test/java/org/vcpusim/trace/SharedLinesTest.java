package org.vcpusim.trace;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.vcpusim.kvm.Event;

class SharedLinesTest {
    private static final int THREADS = 4;
    /** Enough for several rounds through the ring. */
    private static final int EACH = 20_000;

    private static final ObjectMapper JSON = new ObjectMapper();

    /** Keeps what is written, call by call. */
    private static final class Calls extends OutputStream {
        private final List<byte[]> calls = new ArrayList<>();
        private int fails = Integer.MAX_VALUE;

        @Override
        public void write(int b) {
            throw new AssertionError("one byte at a time");
        }

        @Override
        public void write(byte[] bytes, int from, int length) throws IOException {
            if (calls.size() >= fails) {
                throw new IOException("No space left on device");
            }
            if (length > 0) {
                calls.add(Arrays.copyOfRange(bytes, from, from + length));
            }
        }

        String text() {
            ByteArrayOutputStream all = new ByteArrayOutputStream();
            calls.forEach(all::writeBytes);
            return all.toString(StandardCharsets.US_ASCII);
        }
    }

    @Test
    void everyThreadsLinesAreWholeAndOnceInItsOrder() throws Exception {
        Calls calls = new Calls();
        List<Throwable> failures = new ArrayList<>();
        try (LineTraceWriter lines = TraceFormat.JSONL.writer(calls, THREADS);
                SharedLines shared = new SharedLines(lines, failures::add)) {
            writeFromAllThreads(shared, EACH);
            assertEquals(THREADS * EACH, shared.records());
        }
        assertEquals(List.of(), failures);
        int[] next = new int[THREADS];
        long order = 0;
        long time = -1;
        for (String line : calls.text().lines().toList()) {
            JsonNode record = JSON.readTree(line);
            assertEquals(order++, record.get("n").asLong());
            assertTrue(record.get("t").asLong() > time, line);
            time = record.get("t").asLong();
            int thread = Integer.parseInt(record.get("a").asText().replaceAll("\\D", ""));
            assertEquals(next[thread]++, record.get("d").get("vcpu_id").asInt(), line);
        }
        assertEquals(THREADS * EACH, order);
    }

    @Test
    void whatIsWrittenAtAnyTimeEndsWithALine() throws Exception {
        Calls calls = new Calls();
        try (LineTraceWriter lines = TraceFormat.TEXT.writer(calls, THREADS);
                SharedLines shared = new SharedLines(lines, failure -> {})) {
            writeFromAllThreads(shared, EACH);
        }
        assertTrue(calls.calls.size() > 20, "written in " + calls.calls.size() + " parts");
        for (byte[] part : calls.calls) {
            assertEquals('\n', part[part.length - 1]);
        }
    }

    @Test
    void aFullDiskIsToldOnceAndNobodyWaits() throws Exception {
        Calls calls = new Calls();
        calls.fails = 3;
        List<Throwable> failures = new ArrayList<>();
        LineTraceWriter lines = TraceFormat.TEXT.writer(calls, THREADS);
        try (SharedLines shared = new SharedLines(lines, failures::add)) {
            writeFromAllThreads(shared, EACH);
            assertEquals(THREADS * EACH, shared.records());
        }
        assertEquals(1, failures.size());
        assertEquals(
                "cannot write the trace: No space left on device",
                failures.get(0).getMessage());
    }

    @Test
    void linesBehindTheLimitAreCountedAndNotWritten() throws Exception {
        Calls calls = new Calls();
        try (LineTraceWriter lines = TraceFormat.JSONL.writer(calls, THREADS);
                SharedLines shared = new SharedLines(lines, failure -> {})) {
            lines.limit(1_000);
            writeFromAllThreads(shared, 1_000);
            assertEquals(THREADS * 1_000, shared.records());
        }
        assertEquals(1_000, calls.text().lines().count());
    }

    private static void writeFromAllThreads(SharedLines shared, int each) throws InterruptedException {
        List<Thread> all = IntStream.range(0, THREADS)
                .mapToObj(thread -> new Thread(() -> {
                    SharedLines.Writer own = shared.writer();
                    Source source = Source.vcpu(thread);
                    for (int i = 0; i < each; i++) {
                        own.write(source, new Event.VcpuBlocked(i), i);
                    }
                }))
                .toList();
        all.forEach(Thread::start);
        for (Thread thread : all) {
            thread.join();
        }
    }
}
