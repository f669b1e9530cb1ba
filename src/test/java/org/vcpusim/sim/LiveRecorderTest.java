package org.vcpusim.sim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.vcpusim.kvm.Event;
import org.vcpusim.trace.Source;
import org.vcpusim.trace.TraceFormat;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.TraceSink;

class LiveRecorderTest {
    private static final int THREADS = 4;
    private static final int EACH = 20_000;

    private static final class Kept implements TraceSink {
        private final List<TraceRecord> records = new ArrayList<>();

        @Override
        public void accept(TraceRecord record) {
            records.add(record);
        }

        @Override
        public void close() {
            // Nothing is held.
        }
    }

    @Test
    void whatThreadsRecordAtTheSameTimeComesOutOnceAndInEachThreadsOrder() throws InterruptedException {
        Kept kept = new Kept();
        recorded(List.of(kept), 8);
        List<TraceRecord> records = kept.records;
        assertEquals(
                LongStream.range(0, THREADS * EACH).boxed().toList(),
                records.stream().map(TraceRecord::order).toList());
        assertTrue(IntStream.range(1, records.size())
                .allMatch(i -> records.get(i - 1).nanos() < records.get(i).nanos()));
        for (int thread = 0; thread < THREADS; thread++) {
            Source source = Source.vcpu(thread);
            assertEquals(
                    IntStream.range(0, EACH).mapToObj(Event.VcpuBlocked::new).toList(),
                    records.stream()
                            .filter(record -> record.source().equals(source))
                            .map(TraceRecord::event)
                            .toList());
        }
    }

    @Test
    void anEventThatComesAfterOneOfAnotherThreadStandsBehindIt() throws InterruptedException {
        Kept kept = new Kept();
        Lock turn = new ReentrantLock();
        int[] events = new int[1];
        try (LiveRecorder recorder = new LiveRecorder(List.of(kept), 64, failure -> {})) {
            run(thread -> {
                for (int i = 0; i < EACH; i++) {
                    turn.lock();
                    try {
                        recorder.record(Source.vcpu(thread), new Event.VcpuBlocked(events[0]++));
                    } finally {
                        turn.unlock();
                    }
                }
            });
        }
        assertEquals(
                IntStream.range(0, THREADS * EACH)
                        .mapToObj(Event.VcpuBlocked::new)
                        .toList(),
                kept.records.stream().map(TraceRecord::event).toList());
    }

    @Test
    void linesMadeAheadByEachThreadStandBehindTheirOwnHeads() throws InterruptedException {
        ByteArrayOutputStream text = new ByteArrayOutputStream();
        try (TraceSink lines = TraceFormat.TEXT.writer(text, THREADS)) {
            recorded(List.of(lines), 512);
        }
        List<String> lines = text.toString(StandardCharsets.US_ASCII)
                .lines()
                .filter(line -> !line.startsWith("#"))
                .toList();
        for (int thread = 0; thread < THREADS; thread++) {
            String command = "CPU " + thread + "/KVM-";
            List<String> own =
                    lines.stream().filter(line -> line.contains(command)).toList();
            assertEquals(EACH, own.size());
            for (int i = 0; i < EACH; i++) {
                assertTrue(own.get(i).endsWith("vcpu " + i), own.get(i));
            }
        }
    }

    private static void recorded(List<TraceSink> sinks, int capacity) throws InterruptedException {
        try (LiveRecorder recorder = new LiveRecorder(sinks, capacity, failure -> {})) {
            run(thread -> {
                for (int i = 0; i < EACH; i++) {
                    recorder.record(Source.vcpu(thread), new Event.VcpuBlocked(i));
                }
            });
        }
    }

    /** Runs {@code body} in each thread, which is told its number, and waits for them. */
    private static void run(IntConsumer body) throws InterruptedException {
        List<Thread> all = IntStream.range(0, THREADS)
                .mapToObj(thread -> new Thread(() -> body.accept(thread)))
                .toList();
        all.forEach(Thread::start);
        for (Thread thread : all) {
            thread.join();
        }
    }
}
