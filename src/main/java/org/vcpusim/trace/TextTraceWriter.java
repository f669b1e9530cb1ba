package org.vcpusim.trace;

import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import org.vcpusim.kvm.Event;

/**
 * Writes a trace as the text that ftrace's {@code trace} file has.
 *
 * <p>A vCPU is a thread named {@code CPU 3/KVM}, as QEMU names it, alone on the processor with its index; its guest runs on
 * the same thread. All other actors are threads on one more processor. Times are virtual seconds from 0 with nine
 * decimals, where the kernel has six, because the order of records must survive a sort by time. How many entries there
 * will be is not known when the header is written: it has dashes there.
 *
 * <p>Source: {@code print_event_info}, kernel/trace/trace.c; {@code trace_print_context}, kernel/trace/trace_output.c.
 */
public final class TextTraceWriter extends LineTraceWriter {
    private static final int PROCESS = 4300;
    private static final long NANOS_PER_SECOND = 1_000_000_000;
    private static final int DECIMALS = 9;
    private static final int HEADER_LENGTH = 1024;
    private static final byte[][] NAME_COLUMNS = Arrays.stream(Tracepoint.values())
            .map(tracepoint -> (": " + tracepoint.traceName() + ": ").getBytes(StandardCharsets.US_ASCII))
            .toArray(byte[][]::new);

    private final int vcpuCount;
    private final byte[][] vcpuColumns;

    /** Writes the header to {@code stream}, which {@link #close} closes; sources are of {@code vcpuCount} vCPUs. */
    public TextTraceWriter(OutputStream stream, int vcpuCount) {
        super(stream);
        this.vcpuCount = vcpuCount;
        vcpuColumns = new byte[vcpuCount][];
        for (int index = 0; index < vcpuCount; index++) {
            vcpuColumns[index] = columns("CPU " + index + "/KVM", PROCESS + 1 + index, index);
        }
        header();
    }

    @Override
    Line line() {
        return new TextLine();
    }

    private final class TextLine extends Line {
        private final EventText fields = new EventText(rest);
        private final Map<Source, byte[]> otherColumns = new HashMap<>();

        @Override
        void before(Source source) {
            text.copy(
                    switch (source.kind()) {
                        case VCPU, GUEST -> vcpuColumns[source.index()];
                        case VM, USERSPACE, TIMER, DEVICE, PCPU, WIRE ->
                            otherColumns.computeIfAbsent(source, TextTraceWriter.this::otherColumns);
                    });
        }

        @Override
        int stampLength(long order, long nanos) {
            return AsciiBuffer.digits(nanos / NANOS_PER_SECOND) + 1 + DECIMALS;
        }

        @Override
        void writeStamp(long order, long nanos) {
            long seconds = nanos / NANOS_PER_SECOND;
            text.decimal(seconds).character('.').nineDigits((int) (nanos - seconds * NANOS_PER_SECOND));
        }

        @Override
        void after(Source source, Event event) {
            rest.copy(NAME_COLUMNS[Tracepoint.of(event).ordinal()]);
            event.accept(fields);
        }
    }

    private void header() {
        AsciiBuffer header = new AsciiBuffer(HEADER_LENGTH);
        header.text("""
                # tracer: nop
                #
                # entries-in-buffer/entries-written: -/-   #P:\
                """).decimal(vcpuCount + 1).text("""

                #
                #                                _-----=> irqs-off/BH-disabled
                #                               / _----=> need-resched
                #                              | / _---=> hardirq/softirq
                #                              || / _--=> preempt-depth
                #                              ||| / _-=> migrate-disable
                #                              |||| /     delay
                #           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION
                #              | |         |   |||||     |         |
                """);
        out.line(header);
    }

    private byte[] otherColumns(Source source) {
        int afterVcpus = PROCESS + 1 + vcpuCount;
        int thread = switch (source.kind()) {
            case VM -> PROCESS;
            case USERSPACE -> afterVcpus;
            case TIMER -> afterVcpus + 1;
            case DEVICE -> afterVcpus + 2 + source.index();
            case PCPU, WIRE -> 1 + source.index();
            case VCPU, GUEST -> throw new IllegalArgumentException(source.label() + " runs on a vCPU's thread");
        };
        return columns("sim-" + source.label(), thread, vcpuCount);
    }

    private static byte[] columns(String command, int thread, int processor) {
        return String.format(Locale.ROOT, "%16s-%-7d [%03d] ..... ", command, thread, processor)
                .getBytes(StandardCharsets.US_ASCII);
    }
}
