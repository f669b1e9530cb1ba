package org.vcpusim.trace;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.vcpusim.kvm.Event;

/** Golden files: {@code mvn test -Dtest=TraceFilesTest -Dgolden.rewrite=true} writes them anew. */
class TraceFilesTest {
    private static final Path GOLDEN = Path.of("src/test/resources/org/vcpusim/trace");
    private static final ObjectMapper JSON = new ObjectMapper();

    private static Stream<Class<?>> kinds(Class<?> type) {
        return type.isSealed()
                ? Arrays.stream(type.getPermittedSubclasses()).flatMap(TraceFilesTest::kinds)
                : Stream.of(type);
    }

    @Test
    void theSampleHasEveryKindOfEvent() {
        Set<Class<?>> inSample =
                SampleTrace.records().stream().map(r -> r.event().getClass()).collect(Collectors.toSet());
        assertEquals(kinds(Event.class).collect(Collectors.toSet()), inSample);
    }

    @Test
    void everyKindOfEventHasATracepointOfItsOwn() {
        Set<Tracepoint> used = SampleTrace.records().stream()
                .map(r -> Tracepoint.of(r.event()))
                .collect(Collectors.toSet());
        assertEquals(new HashSet<>(Arrays.asList(Tracepoint.values())), used);
        assertEquals(kinds(Event.class).count(), Tracepoint.values().length);
    }

    @ParameterizedTest
    @EnumSource(TraceFormat.class)
    void aTraceReadsAsItsGoldenFile(TraceFormat format) throws IOException {
        Path golden = GOLDEN.resolve(format == TraceFormat.TEXT ? "every-kind.ftrace.txt" : "every-kind.jsonl");
        String written = written(format);
        if (Boolean.getBoolean("golden.rewrite")) {
            Files.writeString(golden, written);
        }
        assertEquals(Files.readString(golden), written);
    }

    @Test
    void theTextOfAnEventStandsBehindItsTracepointInTheTrace() {
        List<String> lines = written(TraceFormat.TEXT)
                .lines()
                .filter(line -> !line.startsWith("#"))
                .toList();
        List<TraceRecord> records = SampleTrace.records();
        assertEquals(records.size(), lines.size());
        for (TraceRecord record : records) {
            String end = ": " + Tracepoint.of(record.event()).traceName() + ": " + EventText.of(record.event());
            String line = lines.get((int) record.order());
            assertTrue(line.endsWith(end), line);
        }
    }

    @Test
    void everyJsonLineGivesItsRecordBack() throws IOException {
        List<TraceRecord> read = new ArrayList<>();
        for (String line : written(TraceFormat.JSONL).lines().toList()) {
            read.add(JsonRecords.record(JSON.readTree(line)));
        }
        assertEquals(SampleTrace.records(), read);
    }

    @Test
    void theSchemaNamesTheFieldsOfEveryTracepoint() throws IOException {
        JsonNode schema = JSON.readTree(Path.of("docs/trace.schema.json").toFile());
        for (String line : written(TraceFormat.JSONL).lines().toList()) {
            JsonNode record = JSON.readTree(line);
            JsonNode described = schema.at("/$defs/" + record.get("e").asText());
            assertEquals(names(record.get("d")), names(described.get("properties")), line);
            Set<String> required = new TreeSet<>();
            described.get("required").forEach(name -> required.add(name.asText()));
            assertEquals(names(record.get("d")), required, line);
        }
    }

    @Test
    void longTracesAreHandedOnInWholeLines() {
        List<Integer> lastBytes = new ArrayList<>();
        OutputStream stream = new ByteArrayOutputStream() {
            @Override
            public synchronized void write(byte[] bytes, int offset, int length) {
                lastBytes.add((int) bytes[offset + length - 1]);
            }
        };
        try (TraceSink sink = TraceFormat.JSONL.writer(stream, SampleTrace.VCPUS)) {
            for (int round = 0; round < 100; round++) {
                SampleTrace.records().forEach(sink::accept);
            }
        }
        assertTrue(lastBytes.size() > 5, () -> lastBytes.size() + " writes");
        assertEquals(Set.of((int) '\n'), new HashSet<>(lastBytes));
    }

    @Test
    void aStreamThatCannotBeWrittenIsReported() {
        OutputStream full = new OutputStream() {
            @Override
            public void write(int b) throws IOException {
                throw new IOException("No space left on device");
            }
        };
        TraceSink sink = TraceFormat.TEXT.writer(full, 1);
        UncheckedIOException thrown = assertThrows(UncheckedIOException.class, sink::close);
        assertEquals("cannot write the trace: No space left on device", thrown.getMessage());
    }

    @Test
    void aFileThatCannotBeOpenedIsReported(@TempDir Path folder) {
        UncheckedIOException thrown =
                assertThrows(UncheckedIOException.class, () -> TraceFormat.TEXT.writer(folder, 1));
        assertEquals("Is a directory", thrown.getMessage());
    }

    private static String written(TraceFormat format) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (TraceSink sink = format.writer(bytes, SampleTrace.VCPUS)) {
            SampleTrace.records().forEach(sink::accept);
        }
        return bytes.toString(StandardCharsets.US_ASCII);
    }

    private static Set<String> names(JsonNode object) {
        Set<String> names = new TreeSet<>();
        object.fieldNames().forEachRemaining(names::add);
        return names;
    }
}
