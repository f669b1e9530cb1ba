package org.vcpusim.kvm;

import java.util.Arrays;
import java.util.stream.IntStream;

/** Indices of vCPUs, ascending and without repetition. Source: the vCPU bitmaps of {@code kvm_make_vcpus_request_mask}. */
final class VcpuList {
    private final int[] indices;

    private VcpuList(int[] indices) {
        this.indices = indices;
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

    boolean contains(int vcpu) {
        return Arrays.binarySearch(indices, vcpu) >= 0;
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
