package org.vcpusim.arch;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ExitReasonTest {

    private static final String TABLE = """
        0, EXCEPTION_NMI
        1, EXTERNAL_INTERRUPT
        3, INIT_SIGNAL
        4, SIPI_SIGNAL
        7, INTERRUPT_WINDOW
        8, NMI_WINDOW
        10, CPUID
        12, HLT
        18, VMCALL
        24, VMRESUME
        25, VMWRITE
        28, CR_ACCESS
        30, IO_INSTRUCTION
        31, MSR_READ
        32, MSR_WRITE
        40, PAUSE_INSTRUCTION
        43, TPR_BELOW_THRESHOLD
        44, APIC_ACCESS
        45, EOI_INDUCED
        48, EPT_VIOLATION
        49, EPT_MISCONFIG
        52, PREEMPTION_TIMER
        56, APIC_WRITE
        """;

    @ParameterizedTest
    @CsvSource(textBlock = TABLE)
    void aReasonHasTheNumberOfTheManualAndTheNameOfTheTraceEvent(int number, String traceName) {
        ExitReason reason = ExitReason.ofNumber(number).orElseThrow();
        assertEquals(number, reason.number());
        assertEquals(traceName, reason.traceName());
    }

    @Test
    void noOtherNumberIsAReason() {
        long found = 0;
        for (int number = -1; number <= 0xffff; number++) {
            found += ExitReason.ofNumber(number).isPresent() ? 1 : 0;
        }
        assertEquals(TABLE.lines().count(), found);
        assertEquals(TABLE.lines().count(), ExitReason.values().length);
    }

    @ParameterizedTest
    @ValueSource(ints = {Integer.MIN_VALUE, 0x8000_0021, 0x1_002d, Integer.MAX_VALUE})
    void aWholeExitReasonFieldWithFlagsIsNotABasicReason(int number) {
        assertEquals(Optional.empty(), ExitReason.ofNumber(number));
    }
}
