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
        return new VcpuList(
                isAscending(indices)
                        ? indices.clone()
                        : Arrays.stream(indices).sorted().distinct().toArray());
    }

    private static boolean isAscending(int[] indices) {
        for (int i = 1; i < indices.length; i++) {
            if (indices[i - 1] >= indices[i]) {
                return false;
            }
        }
        return true;
    }

    /** Those of vCPUs 0 to {@code count} - 1 whose bit of {@code word} is set. */
    static VcpuList ofWord(long word, int count) {
        return new VcpuList(IntStream.range(0, Math.min(count, Long.SIZE))
                .filter(vcpu -> (word & 1L << vcpu) != 0)
                .toArray());
    }

    /** Those that a word of 64 bits has room for. */
    VcpuList inOneWord() {
        return new VcpuList(
                Arrays.stream(indices).filter(vcpu -> vcpu < Long.SIZE).toArray());
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
