package org.vcpusim.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class VcpuListTest {
    private static List<Integer> indices(VcpuList list) {
        return IntStream.range(0, list.size()).map(list::get).boxed().toList();
    }

    @Test
    void theIndicesAreAscendingAndEachIsThereOnce() {
        assertEquals(List.of(1, 3, 5), indices(VcpuList.of(1, 3, 5)));
        assertEquals(List.of(1, 3, 5), indices(VcpuList.of(5, 1, 3)));
        assertEquals(List.of(1, 3), indices(VcpuList.of(1, 1, 3, 3)));
        assertEquals(List.of(), indices(VcpuList.of()));
        assertEquals(List.of(1, 2, 5), indices(VcpuList.of(2, 5).or(VcpuList.of(1, 5))));
    }

    @Test
    void laterChangesOfTheArrayDoNotShow() {
        int[] indices = {1, 3};
        VcpuList list = VcpuList.of(indices);
        indices[0] = 2;

        assertEquals(List.of(1, 3), indices(list));
    }

    @Test
    void aWordHasABitForEachOfTheFirst64() {
        assertEquals(List.of(0, 2, 63), indices(VcpuList.ofWord(1L << 63 | 5, 64)));
        assertEquals(List.of(0, 2), indices(VcpuList.ofWord(1L << 63 | 5, 63)));
        assertEquals(List.of(0, 2, 63), indices(VcpuList.ofWord(1L << 63 | 5, 100)));
        assertEquals(List.of(1, 63), indices(VcpuList.of(1, 63, 64, 70).inOneWord()));
    }

    @Test
    void itKnowsWhatItContains() {
        VcpuList list = VcpuList.of(0, 3);

        assertEquals(
                List.of(true, false, false, true, false),
                IntStream.range(0, 5).mapToObj(list::contains).toList());
    }
}
