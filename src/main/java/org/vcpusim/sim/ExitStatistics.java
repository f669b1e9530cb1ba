package org.vcpusim.sim;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.vcpusim.arch.ExitReason;

/** Measures VM exits as {@code perf kvm stat} does: from kvm_exit to the next kvm_entry of that vCPU. */
final class ExitStatistics {
    private static final ExitReason[] REASONS = ExitReason.values();

    private final @Nullable ExitReason[] lastReason;
    private final boolean[] outside;
    private final long[] exitNanos;
    private final long[] samples = new long[REASONS.length];
    private final long[] total = new long[REASONS.length];
    private final long[] min = new long[REASONS.length];
    private final long[] max = new long[REASONS.length];
    private final double[] mean = new double[REASONS.length];
    private final double[] squares = new double[REASONS.length];

    ExitStatistics(int vcpuCount) {
        lastReason = new @Nullable ExitReason[vcpuCount];
        outside = new boolean[vcpuCount];
        exitNanos = new long[vcpuCount];
        Arrays.fill(min, Long.MAX_VALUE);
    }

    void exited(int vcpu, ExitReason reason, long nanos) {
        lastReason[vcpu] = reason;
        outside[vcpu] = true;
        exitNanos[vcpu] = nanos;
    }

    void entered(int vcpu, long nanos) {
        ExitReason reason = lastReason[vcpu];
        if (reason == null || !outside[vcpu]) {
            return;
        }
        outside[vcpu] = false;
        sample(reason.ordinal(), nanos - exitNanos[vcpu]);
    }

    /** Whether the vCPU has left the guest, and last did so for {@code reason}. */
    boolean isOutsideFor(int vcpu, ExitReason reason) {
        return outside[vcpu] && lastReason[vcpu] == reason;
    }

    List<RunFigures.ExitRow> rows() {
        List<RunFigures.ExitRow> rows = new ArrayList<>();
        for (ExitReason reason : REASONS) {
            int r = reason.ordinal();
            if (samples[r] > 0) {
                rows.add(new RunFigures.ExitRow(
                        reason, samples[r], total[r], min[r], max[r], mean[r], standardError(r)));
            }
        }
        rows.sort(Comparator.comparingLong(RunFigures.ExitRow::samples).reversed());
        return rows;
    }

    /** Welford's update of mean and sum of squares. */
    private void sample(int reason, long nanos) {
        samples[reason]++;
        total[reason] += nanos;
        min[reason] = Math.min(min[reason], nanos);
        max[reason] = Math.max(max[reason], nanos);
        double delta = nanos - mean[reason];
        mean[reason] += delta / samples[reason];
        squares[reason] += delta * (nanos - mean[reason]);
    }

    private double standardError(int reason) {
        long n = samples[reason];
        return n < 2 ? 0 : Math.sqrt(squares[reason] / (n - 1) / n);
    }
}
