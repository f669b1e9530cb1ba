package org.vcpusim.junit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The extension as another project uses it. */
class VcpuSimExtensionTest {
    private static final String RETARGET = "conf/scenarios/retarget-in-service.conf";

    @VcpuSimTest(scenario = RETARGET, schedules = 50)
    void aMethodWithoutParametersPassesWhereNothingBreaks() {}

    @VcpuSimTest(scenario = RETARGET, schedules = 50, strategy = "pos", seed = 7)
    void aMethodAsksForMore(Expect expect) {
        expect.noFindings().everyScheduleEnds().distinctTraces(40);
        assertEquals(7, expect.report().plan().rootSeed());
    }

    @VcpuSimTest(scenario = RETARGET, schedules = 50, kernel = "4.14")
    void anOldKernelBreaksARule(Expect expect) {
        expect.violationOf("I7");
    }

    @VcpuSimTest(scenario = RETARGET, schedules = 50, without = "B02")
    void aFailureTellsTheStoryAndTheToken(Expect expect) {
        AssertionError failure = assertThrows(AssertionError.class, expect::noFindings);
        assertTrue(failure.toString().contains("vcpusim replay v1."), failure.toString());
        assertTrue(failure.toString().contains("0fc5a36dd6b3"), failure.toString());
    }

    @VcpuSimTest(scenario = RETARGET, schedules = 50)
    void whatIsExpectedAndDoesNotComeIsAFailure(Expect expect) {
        AssertionError failure = assertThrows(AssertionError.class, () -> expect.violationOf("R2"));
        assertTrue(failure.toString().contains("expected a violation of R2, found none"), failure.toString());
    }
}
