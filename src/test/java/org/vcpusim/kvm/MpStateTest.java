package org.vcpusim.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class MpStateTest {
    @Test
    void theNumbersAreThoseOfTheKernelsInterface() {
        assertEquals(
                List.of(0, 1, 2, 3, 4, 9),
                Arrays.stream(MpState.values()).map(MpState::number).toList());
        assertEquals(
                Arrays.asList(MpState.values()),
                IntStream.range(-1, 11)
                        .mapToObj(MpState::ofNumber)
                        .flatMap(Optional::stream)
                        .toList());
    }

    @Test
    void aVcpuIsHaltedByHltAndByItsFirmware() {
        assertEquals(
                List.of(MpState.HALTED, MpState.AP_RESET_HOLD),
                Arrays.stream(MpState.values()).filter(MpState::isHalted).toList());
    }
}
