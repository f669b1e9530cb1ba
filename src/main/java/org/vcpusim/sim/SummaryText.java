package org.vcpusim.sim;

import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import org.vcpusim.kvm.Event;

/** A run's summary as tables for a terminal. The exits have the columns of {@code perf kvm stat report}. */
public final class SummaryText {
    private static final double NANOS_PER_SECOND = 1e9;
    private static final double NANOS_PER_MICROSECOND = 1e3;
    private static final int LONGEST_LIST = 16;

    private final StringBuilder out = new StringBuilder();

    private SummaryText() {}

    /** The text, which ends with a line end. */
    public static String of(RunSummary run) {
        SummaryText text = new SummaryText();
        RunFigures figures = run.figures();
        text.head(run);
        text.requests(figures.requests());
        text.exits(figures.exits());
        text.lines(figures);
        return text.out.toString();
    }

    private void head(RunSummary run) {
        line(
                "scenario %s  %s  executor %s  seed %d",
                run.scenario(), Counted.of(run.vcpus(), "vCPU"), run.executor(), run.seed());
        String time = run.executor() == ScenarioRun.Executor.LIVE
                ? ""
                : String.format(Locale.ROOT, "%.6f s virtual  ", run.figures().nanos() / NANOS_PER_SECOND);
        line(
                "%s  %s  %s%.1f s",
                Counted.of(run.steps(), "step"),
                Counted.of(run.events(), "event"),
                time,
                run.elapsedNanos() / NANOS_PER_SECOND);
    }

    private void requests(List<RunFigures.RequestRow> rows) {
        line("");
        line(
                "%-20s %12s %12s %12s %9s %12s %12s %12s",
                "Requests", "made", "coalesced", "applied", "pending", "p50", "p99", "max");
        for (RunFigures.RequestRow row : rows) {
            boolean measured = row.latency().maxNanos() > 0;
            line(
                    "%-20s %,12d %,12d %,12d %,9d %12s %12s %12s",
                    row.request().name(),
                    row.made(),
                    row.coalesced(),
                    row.applied(),
                    row.pending(),
                    measured ? micros((double) row.latency().p50Nanos()) : "-",
                    measured ? micros((double) row.latency().p99Nanos()) : "-",
                    measured ? micros((double) row.latency().maxNanos()) : "-");
        }
    }

    private void exits(List<RunFigures.ExitRow> rows) {
        long samples = rows.stream().mapToLong(RunFigures.ExitRow::samples).sum();
        long nanos = rows.stream().mapToLong(RunFigures.ExitRow::totalNanos).sum();
        line("");
        line(
                "%-20s %12s %9s %8s %12s %12s %12s",
                "VM-EXIT", "Samples", "Samples%", "Time%", "Min Time", "Max Time", "Avg time");
        for (RunFigures.ExitRow row : rows) {
            line(
                    "%-20s %,12d %8.2f%% %7.2f%% %12s %12s %12s ( +- %6.2f%% )",
                    row.reason().traceName(),
                    row.samples(),
                    percent((double) row.samples(), (double) samples),
                    percent((double) row.totalNanos(), (double) nanos),
                    micros((double) row.minNanos()),
                    micros((double) row.maxNanos()),
                    micros(row.meanNanos()),
                    percent(row.standardErrorNanos(), row.meanNanos()));
        }
    }

    private void lines(RunFigures figures) {
        RunFigures.Eois eois = figures.eois();
        RunFigures.Entries entries = figures.entries();
        line("");
        line(
                "EOIs       %,d with exit (%,d EOI-induced, %,d software), %,d without",
                eois.withExit(), eois.induced(), eois.software(), eois.virtualized());
        line("Entries    %,d, and %,d cancelled", entries.entered(), entries.cancelled());
        line("IPIs       %,d sent, %,d elided", entries.ipisSent(), entries.ipisElided());
        bitmaps(figures.bitmaps());
        line("Level pins %s", pins(figures));
        if (!figures.lostInterrupts().isEmpty()) {
            line("Interrupts LOST: %s", listed("vCPU", figures.lostInterrupts()));
        }
    }

    private static String pins(RunFigures figures) {
        if (figures.bitmaps().audited() == 0) {
            return "not audited";
        }
        return figures.stuckPins().isEmpty() ? "none stuck" : "STUCK: " + listed("pin", figures.stuckPins());
    }

    private void bitmaps(RunFigures.Bitmaps bitmaps) {
        line(
                "Bitmaps    %,d scans, %,d loads, skipped %,d (APIC disabled), %,d (APICv inactive)",
                bitmaps.scans(),
                bitmaps.loads(),
                bitmaps.skipped().getOrDefault(Event.LoadSkipped.APIC_HW_DISABLED, 0L),
                bitmaps.skipped().getOrDefault(Event.LoadSkipped.APICV_INACTIVE, 0L));
        if (bitmaps.audited() == 0) {
            line("           not audited");
            return;
        }
        long unused = bitmaps.count(Event.BitmapVerdict.UNUSED);
        long read = bitmaps.audited() - unused;
        if (read > 0) {
            line("           %,d of %,d equal a fresh scan", bitmaps.count(Event.BitmapVerdict.EQUAL), read);
        }
        if (unused > 0) {
            line("           %,d that nothing reads (APICv inactive, or APIC disabled)", unused);
        }
        found("WRONG", bitmaps.wrong());
        found("with stale vectors", bitmaps.stale());
        found("with a request pending", bitmaps.pending());
    }

    private void found(String what, List<Integer> vcpus) {
        if (!vcpus.isEmpty()) {
            line("           %,d %s: %s", vcpus.size(), what, listed("vcpu", vcpus));
        }
    }

    private static String listed(String prefix, List<Integer> indices) {
        String list = indices.stream().limit(LONGEST_LIST).map(i -> prefix + i).collect(Collectors.joining(", "));
        int more = indices.size() - LONGEST_LIST;
        return more > 0 ? String.format(Locale.ROOT, "%s and %,d more", list, more) : list;
    }

    private static String micros(double nanos) {
        return String.format(Locale.ROOT, "%,.2fus", nanos / NANOS_PER_MICROSECOND);
    }

    private static double percent(double part, double whole) {
        return whole == 0 ? 0 : 100 * part / whole;
    }

    private void line(String format, Object... arguments) {
        out.append(String.format(Locale.ROOT, format, arguments).stripTrailing())
                .append('\n');
    }
}
