package org.vcpusim.cli;

import java.util.Optional;
import java.util.OptionalInt;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/** Shows on a terminal that long work goes on; silent where stderr is none. */
final class Progress implements AutoCloseable {
    /** A total that nobody knows. */
    static final long UNKNOWN = -1;

    private static final long FIRST_SHOWN_NANOS = 1_000_000_000L;
    private static final int REFRESH_MILLIS = 250;

    private final String task;
    private final String unit;
    private final long total;
    private final OptionalInt width;
    private final long start = System.nanoTime();
    private Optional<ProgressBar> bar = Optional.empty();

    private Progress(String task, String unit, long total, OptionalInt width) {
        this.task = task;
        this.unit = unit;
        this.total = total;
        this.width = width;
    }

    /** Progress of {@code task}, of so many steps as nobody knows, unless it is not wanted or the launcher found stderr to be no terminal. */
    static Progress of(String task, boolean unwanted) {
        return of(task, " steps", UNKNOWN, unwanted);
    }

    /** The same, counting up to {@code total}, or {@link #UNKNOWN}, in {@code unit}, which begins with a space. */
    static Progress of(String task, String unit, long total, boolean unwanted) {
        return new Progress(task, unit, total, unwanted ? OptionalInt.empty() : Terminal.progressWidth());
    }

    /** So much is done. */
    void at(long count) {
        if (width.isEmpty() || System.nanoTime() - start < FIRST_SHOWN_NANOS) {
            return;
        }
        if (bar.isEmpty()) {
            // Asked for the width itself, the library would take SIGINT over, and Ctrl-C would end the JVM at once.
            bar = Optional.of(new ProgressBarBuilder()
                    .setConsumer(new ConsoleProgressBarConsumer(System.err, width.getAsInt() - 1))
                    .setTaskName(task)
                    .setInitialMax(total)
                    .setStyle(ProgressBarStyle.ASCII)
                    .setUnit(unit, 1)
                    .setUpdateIntervalMillis(REFRESH_MILLIS)
                    .showSpeed()
                    .build());
        }
        bar.get().stepTo(count);
    }

    @Override
    public void close() {
        bar.ifPresent(ProgressBar::close);
    }
}
