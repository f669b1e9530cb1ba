package org.vcpusim.junit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.reflect.Method;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.extension.ExtensionConfigurationException;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.slf4j.LoggerFactory;
import org.vcpusim.scenario.ScenarioFile;
import org.vcpusim.sim.ProgramVersion;
import org.vcpusim.sim.ReplayToken;
import org.vcpusim.sim.Reproduction;

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
        assertTrue(failure.toString().contains("vcpusim replay v2."), failure.toString());
        assertTrue(failure.toString().contains("0fc5a36dd6b3"), failure.toString());
    }

    @VcpuSimTest(scenario = RETARGET, schedules = 50)
    void whatIsExpectedAndDoesNotComeIsAFailure(Expect expect) {
        AssertionError failure = assertThrows(AssertionError.class, () -> expect.violationOf("R2"));
        assertTrue(failure.toString().contains("expected a violation of R2, found none"), failure.toString());
    }

    @Retention(RetentionPolicy.RUNTIME)
    @VcpuSimTest(
            scenario = RETARGET,
            schedules = 50,
            kernel = "4.14",
            with = {"B02", "B04"})
    @interface MyRace {}

    @MyRace
    void anAnnotationOfOnesOwnWorksAndAFixCanBeKept(Expect expect) {
        expect.noFindings();
        assertEquals(50, expect.report().figures().schedules());
    }

    @VcpuSimTest(scenario = "src/test/resources/org/vcpusim/junit/endless.conf", schedules = 5)
    void nothingSeenToItsEndIsNoSuccess(Expect expect) {
        AssertionError failure = assertThrows(AssertionError.class, expect::noFindings);
        assertTrue(
                failure.toString().contains("inconclusive: 5 of 5 schedules cut short, at 40 steps"),
                failure.toString());
        assertThrows(AssertionError.class, expect::noHazards);
    }

    @VcpuSimTest(scenario = RETARGET, schedules = 50, without = "B02")
    void theCommandOfAFailureReplaysItFromAnywhere(Expect expect) {
        String failure = assertThrows(AssertionError.class, expect::noFindings).toString();
        String file = " --scenario " + Path.of(RETARGET).toAbsolutePath();
        assertTrue(failure.stripTrailing().endsWith(file), failure);
        String token = failure.replaceAll("(?s).*vcpusim replay (v2\\S+).*", "$1");
        Reproduction run =
                ReplayToken.parse(token).reproduction(ScenarioFile.read(Path.of(RETARGET)), ProgramVersion.running());
        assertEquals(ReplayToken.parse(token).trace(), run.traceDigest());
    }

    @VcpuSimTest(scenario = "retarget-in-service", schedules = 50, without = "B02", shrinkSeconds = 0)
    void aBundledScenarioGoesByItsName(Expect expect) {
        String failure = assertThrows(AssertionError.class, expect::noFindings).toString();
        String token = failure.replaceAll("(?s).*vcpusim replay (v2\\S+).*", "$1");
        assertTrue(failure.stripTrailing().endsWith("vcpusim replay " + token), failure);
        assertTrue(token.contains(".retarget-in-service."), token);
        assertFalse(token.contains("_k"), "nothing is cut in no time: " + token);
    }

    @VcpuSimTest(scenario = "b02-level-eoi-after-move", schedules = 1)
    void aBundledScenarioOfAFixDoesToo() {}

    @VcpuSimTest(scenario = "org/vcpusim/junit/endless.conf", schedules = 1)
    void aResourceGoesByItsPath(Expect expect) {
        assertEquals(1, expect.report().figures().cut());
        assertEquals("endless", expect.report().plan().scenario().name());
    }

    /** Not for JUnit to run: each is wrong. */
    @SuppressWarnings("UnusedMethod") // they are looked up by their names
    private static final class Wrong {
        @VcpuSimTest(scenario = "nowhere.conf")
        void scenario() {}

        @VcpuSimTest(scenario = RETARGET, shrinkSeconds = -1)
        void shrink() {}

        @VcpuSimTest(scenario = RETARGET, schedules = 0)
        void schedules() {}

        @VcpuSimTest(scenario = RETARGET, strategy = "foo")
        void strategy() {}

        @VcpuSimTest(scenario = RETARGET, kernel = "99.9")
        void kernel() {}

        @VcpuSimTest(scenario = RETARGET, jobs = 0)
        void jobs() {}

        @VcpuSimTest(scenario = RETARGET, without = "B99")
        void without() {}

        @VcpuSimTest(scenario = RETARGET, without = "B02", with = "b02")
        void both() {}
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            scenario  | nowhere.conf: must be a scenario file that exists, a resource on the class path, or the name
            shrink    | shrinkSeconds = -1: must be at least 0
            schedules | schedules = 0: must be at least 1
            strategy  | strategy = foo: must be one of random, pct,
            kernel    | kernel = 99.9: must be at most 7.0, which is modelled where no release is named
            jobs      | jobs = 0: must be at least 1
            without   | without = B99: must be one of B01,
            both      | without and with = B02: must be one of them
            """)
    void whatIsWrongIsSaidWithTheTest(String method, String message) throws NoSuchMethodException {
        Method wrong = Wrong.class.getDeclaredMethod(method);
        String thrown = assertThrows(ExtensionConfigurationException.class, () -> VcpuSimExtension.run(wrong))
                .toString();
        assertTrue(thrown.contains("@VcpuSimTest of Wrong." + method + ": " + message), thrown);
    }

    /** Where a project configures no logging, Logback logs everything. */
    @ParameterizedTest
    @CsvSource({", WARN", "ERROR, ERROR"})
    void stepsAreLoggedOnlyWhereTheProjectAsksForThem(@Nullable String before, String after) throws Exception {
        Logger logger = (Logger) LoggerFactory.getLogger("vcpusim");
        Level was = logger.getLevel();
        try {
            logger.setLevel(before == null ? null : Level.valueOf(before));
            VcpuSimExtension.run(
                    VcpuSimExtensionTest.class.getDeclaredMethod("aMethodWithoutParametersPassesWhereNothingBreaks"));
            assertEquals(Level.valueOf(after), logger.getLevel());
        } finally {
            logger.setLevel(was);
        }
    }
}
