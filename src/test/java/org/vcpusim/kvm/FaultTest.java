package org.vcpusim.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class FaultTest {
    @ParameterizedTest
    @EnumSource
    void anActIsAKernelFunctionAndWhatItDoes(Fault fault) {
        assertTrue(fault.act().matches("[a-z_0-9]+: .*[^.]"), fault.act());
    }

    @Test
    void noTwoFaultsHaveTheSameAct() {
        long acts = Arrays.stream(Fault.values()).map(Fault::act).distinct().count();
        assertEquals(Fault.values().length, acts);
    }
}
