package org.vcpusim.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class KernelVersionTest {
    @Test
    void theNewestThatIsKnownIsTheReleaseOfTheLastFix() {
        assertEquals(
                Optional.of(KernelVersion.MODELLED),
                Arrays.stream(Fix.values())
                        .flatMap(fix -> fix.repairs().stream())
                        .flatMap(repair -> repair.release().stream())
                        .max(KernelVersion::compareTo));
    }
}
