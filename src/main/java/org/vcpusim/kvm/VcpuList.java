package org.vcpusim.kvm;

import java.util.Arrays;
import java.util.stream.IntStream;

/** Indices of vCPUs, ascending and without repetition. Source: the vCPU bitmaps of {@code kvm_make_vcpus_request_mask}. */
final class VcpuList {
    private final int[] indices;

    private VcpuList(int[] indices) {
        this.indices = indices;
    }

    /** vCPUs 0 to {@code count} - 1. */
    static VcpuList all(int count) {
        return new VcpuList(IntStream.range(0, count).toArray());
    }

    static VcpuList of(int... indices) {
        return new VcpuList(Arrays.stream(indices).sorted().distinct().toArray());
    }

    VcpuList or(VcpuList other) {
        return new VcpuList(IntStream.concat(Arrays.stream(indices), Arrays.stream(other.indices))
                .sorted()
                .distinct()
                .toArray());
    }

    int size() {
        return indices.length;
    }

    int get(int position) {
        return indices[position];
    }

    @Override
    public String toString() {
        return Arrays.toString(indices);
    }
}
