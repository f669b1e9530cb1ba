package org.vcpusim.sim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.vcpusim.arch.ExitReason;
import org.vcpusim.arch.RedirectionEntry;
import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.kvm.EntryPhase;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.RequestSet;
import org.vcpusim.kvm.VcpuMode;
import org.vcpusim.kvm.VcpuRequest;
import org.vcpusim.trace.Source;
import org.vcpusim.trace.TraceRecord;

/** Golden files: {@code mvn test -Dtest=SummaryTest -Dgolden.rewrite=true} writes them anew. */
class SummaryTest {
    private static final Path GOLDEN = Path.of("src/test/resources/org/vcpusim/sim");
    private static final int VCPUS = 40;

    private final RunStatistics statistics = new RunStatistics(VCPUS);
    private long order;

    @Test
    void aRequestIsMeasuredFromTheMakeThatSetItsBit() {
        at(1_000, new Event.RequestMade(3, scan(1), false, EntryPhase.RUN_LOOP));
        at(1_500, new Event.RequestMade(3, scan(1), true, EntryPhase.RUN_LOOP));
        at(2_000, new Event.RequestSeen(3, scan(1)));
        at(2_100, new Event.RequestMade(3, scan(2), false, EntryPhase.RUN_LOOP));
        at(3_000, new Event.RequestApplied(3, scan(1)));
        at(3_100, new Event.RequestSeen(3, scan(2)));
        at(3_600, new Event.RequestApplied(3, scan(2)));
        at(4_000, new Event.RequestMade(4, scan(1), false, EntryPhase.RUN_LOOP));
        at(4_000, new Event.RequestMade(5, scan(1), false, EntryPhase.RUN_LOOP));
        at(4_001, new Event.RequestSeen(5, scan(1)));
        RunFigures.RequestRow row = statistics.figures().requests().get(0);
        assertEquals(
                new RunFigures.RequestRow(
                        VcpuRequest.SCAN_IOAPIC, 4, 1, 2, 2, new RunFigures.Latency(1_500, 2_000, 2_000)),
                row);
    }

    @Test
    void anExitLastsUntilTheNextEntryOfItsVcpu() {
        exit(1, 100, ExitReason.HLT);
        exit(2, 150, ExitReason.HLT);
        enter(2, 250);
        enter(1, 400);
        exit(1, 500, ExitReason.HLT);
        enter(1, 700);
        exit(1, 900, ExitReason.CPUID);
        RunFigures.ExitRow row = statistics.figures().exits().get(0);
        assertEquals(new RunFigures.ExitRow(ExitReason.HLT, 3, 600, 100, 300, 200, Math.sqrt(20_000 / 2.0 / 3)), row);
        assertEquals(1, statistics.figures().exits().size(), "no entry follows the exit for CPUID");
    }

    @Test
    void eoisAreToldApartByTheExitBeforeThem() {
        exit(1, 1, ExitReason.EOI_INDUCED);
        at(2, new Event.EoiReceived(1, 48));
        exit(2, 3, ExitReason.APIC_ACCESS);
        at(4, new Event.EoiReceived(2, 48));
        at(5, new Event.EoiReceived(3, -1));
        at(6, new Event.EoiVirtualized(1, 49));
        assertEquals(new RunFigures.Eois(1, 2, 1), statistics.figures().eois());
        assertEquals(3, statistics.figures().eois().withExit());
    }

    @Test
    void anAuditTellsWhichVcpusDiffer() {
        audit(9, Event.BitmapVerdict.WRONG);
        audit(2, Event.BitmapVerdict.WRONG);
        audit(1, Event.BitmapVerdict.STALE_EXTRA);
        audit(8, Event.BitmapVerdict.STALE_SINCE_INHIBIT);
        audit(5, Event.BitmapVerdict.PENDING);
        audit(6, Event.BitmapVerdict.EQUAL);
        audit(7, Event.BitmapVerdict.UNUSED);
        RunFigures.Bitmaps bitmaps = statistics.figures().bitmaps();
        assertEquals(
                List.of(List.of(2, 9), List.of(1, 8), List.of(5)),
                List.of(bitmaps.wrong(), bitmaps.stale(), bitmaps.pending()));
        assertEquals(
                Map.of(
                        Event.BitmapVerdict.EQUAL, 1L,
                        Event.BitmapVerdict.STALE_EXTRA, 1L,
                        Event.BitmapVerdict.STALE_SINCE_INHIBIT, 1L,
                        Event.BitmapVerdict.PENDING, 1L,
                        Event.BitmapVerdict.UNUSED, 1L,
                        Event.BitmapVerdict.WRONG, 2L),
                bitmaps.verdicts());
        assertEquals(7, bitmaps.audited());
    }

    @Test
    void aBitmapThatNothingReadsIsNotComparedInTheSummary() {
        audit(1, Event.BitmapVerdict.UNUSED);
        audit(2, Event.BitmapVerdict.UNUSED);
        String inactive = SummaryText.of(summary());
        assertFalse(inactive.contains("equal a fresh scan"), inactive);
        assertTrue(inactive.contains("2 that nothing reads"), inactive);
        audit(3, Event.BitmapVerdict.EQUAL);
        String mixed = SummaryText.of(summary());
        assertTrue(mixed.contains("1 of 1 equal a fresh scan"), mixed);
    }

    @Test
    void wrongBitmapsAndStuckPinsAreFindings() {
        assertFalse(summary().isFinding());
        audit(1, Event.BitmapVerdict.STALE_EXTRA);
        audit(2, Event.BitmapVerdict.PENDING);
        audit(4, Event.BitmapVerdict.STALE_SINCE_INHIBIT);
        assertFalse(summary().isFinding(), "legal verdicts");
        audit(3, Event.BitmapVerdict.WRONG);
        assertTrue(summary().isFinding());
    }

    @Test
    void aStuckPinAloneIsAFinding() {
        at(1, new Event.LevelPinStuck(10, new RedirectionEntry(0xc030)));
        assertTrue(summary().isFinding());
    }

    @ParameterizedTest
    @ValueSource(strings = {"clean", "finding", "empty"})
    void aSummaryReadsAsItsGoldenFiles(String kind) throws IOException {
        if (!kind.equals("empty")) {
            busyRun();
        }
        if (kind.equals("finding")) {
            faults();
        }
        golden("summary-" + kind + ".txt", SummaryText.of(summary()));
        golden("summary-" + kind + ".json", SummaryJson.of(summary()));
    }

    @Test
    void theJsonSummaryKeepsItsKeys() throws IOException {
        JsonNode json = new ObjectMapper().readTree(SummaryJson.of(summary()));
        StringBuilder keys = new StringBuilder();
        json.fieldNames().forEachRemaining(key -> keys.append(key).append(' '));
        assertEquals(
                "schema scenario executor seed vcpus steps events virtualNanos elapsedNanos finding requests exits eois "
                        + "entries ipis bitmaps stuckPins lostInterrupts ",
                keys.toString());
        assertEquals("vcpusim.run/1", json.get("schema").asText());
    }

    private void busyRun() {
        for (int round = 0; round < 2_000; round++) {
            long start = round * 100_000L;
            int vcpu = round % VCPUS;
            at(start, new Event.RequestMade(vcpu, scan(round), false, EntryPhase.RUN_LOOP));
            at(start + 10, new Event.IpiSent(vcpu, Event.HostVector.CALL_FUNCTION));
            exit(vcpu, start + 500, round % 3 == 0 ? ExitReason.EOI_INDUCED : ExitReason.EXTERNAL_INTERRUPT);
            at(start + 600, new Event.EoiReceived(vcpu, 48));
            at(start + 700, new Event.RequestMade(vcpu, scan(round), true, EntryPhase.RUN_LOOP));
            at(start + 900, new Event.RequestSeen(vcpu, scan(round)));
            at(start + 950, new Event.IoapicScanned(vcpu, VectorBitmap.of(48), round, VectorBitmap.EMPTY));
            at(start + 960, new Event.EoiExitmapLoaded(vcpu, VectorBitmap.of(48)));
            at(start + 1_000 + round, new Event.RequestApplied(vcpu, scan(round)));
            enter(vcpu, start + 4_000 + 3L * round);
            at(start + 50_000, new Event.EoiVirtualized(vcpu, 49));
        }
        at(900_000_000, new Event.EntryCancelled(1, VcpuMode.EXITING_GUEST_MODE, 0));
        at(900_000_001, new Event.IpiElided(1, VcpuMode.OUTSIDE_GUEST_MODE));
        at(900_000_002, new Event.EoiExitmapLoadSkipped(1, Event.LoadSkipped.APICV_INACTIVE));
        at(
                900_000_003,
                new Event.RequestMade(0, new RequestSet.Flow(VcpuRequest.EVENT, 1, 0), false, EntryPhase.RUN_LOOP));
        for (int vcpu = 0; vcpu < VCPUS / 2; vcpu++) {
            audit(vcpu, Event.BitmapVerdict.EQUAL);
        }
    }

    private void faults() {
        for (int vcpu = VCPUS / 2; vcpu < VCPUS - 1; vcpu++) {
            audit(vcpu, Event.BitmapVerdict.WRONG);
        }
        audit(VCPUS - 1, Event.BitmapVerdict.PENDING);
        at(950_000_000, new Event.LevelPinStuck(10, new RedirectionEntry(0xc030)));
        at(950_000_001, new Event.LevelPinStuck(11, new RedirectionEntry(0xc031)));
        at(950_000_002, new Event.InterruptLost(2, 49));
    }

    private RunSummary summary() {
        return new RunSummary(
                "retarget", ScenarioRun.Executor.CONTROLLED, 7, VCPUS, 12_345, 1_900_000_000L, statistics.figures());
    }

    private static void golden(String name, String text) throws IOException {
        Path file = GOLDEN.resolve(name);
        if (Boolean.getBoolean("golden.rewrite")) {
            Files.writeString(file, text);
        }
        assertEquals(Files.readString(file), text);
    }

    private static RequestSet.Flow scan(int flow) {
        return new RequestSet.Flow(VcpuRequest.SCAN_IOAPIC, flow, 1);
    }

    private void exit(int vcpu, long nanos, ExitReason reason) {
        at(nanos, new Event.GuestExited(vcpu, reason, 0, 0, 0, 0));
    }

    private void enter(int vcpu, long nanos) {
        at(nanos, new Event.GuestEntered(vcpu, 0, 0, 0, Event.ApicvAtEntry.ACTIVE));
    }

    private void audit(int vcpu, Event.BitmapVerdict verdict) {
        at(930_000_000 + vcpu, new Event.EoiExitBitmapAudited(vcpu, VectorBitmap.EMPTY, VectorBitmap.EMPTY, verdict));
    }

    private void at(long nanos, Event event) {
        statistics.accept(new TraceRecord(order++, nanos, Source.VM, event));
    }
}
