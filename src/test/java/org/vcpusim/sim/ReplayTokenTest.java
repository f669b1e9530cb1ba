package org.vcpusim.sim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.zip.CRC32;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.vcpusim.check.Violation;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.Fix;
import org.vcpusim.kvm.Hazard;
import org.vcpusim.kvm.KernelVersion;
import org.vcpusim.kvm.Rules;
import org.vcpusim.scenario.InputException;
import org.vcpusim.scenario.Scenario;
import org.vcpusim.scenario.ScenarioFile;
import org.vcpusim.schedule.MisfitException;
import org.vcpusim.schedule.Schedule;
import org.vcpusim.trace.Source;
import org.vcpusim.trace.TraceRecord;

/** A token gives back the run that it was made of, or says why it cannot. */
class ReplayTokenTest {
    private static final String PROGRAM = "0.1.0";
    private static final String SMALL = """
            # One pin moves.
            vcpus = 2
            ioapic { 16 = vector 0x31 level to 1 }
            guests { mover { vcpus = 0, do = [sti, { repeat = 4, do = [set-high 16 to 0] }] } }
            """;

    private static Scenario scenario(String name) {
        return ScenarioFile.parse(SMALL, name + ".conf");
    }

    private static String token(Scenario scenario) {
        return ReplayToken.of(new Reproduction(scenario, Schedule.of(), true), PROGRAM)
                .toString();
    }

    /** {@code token} with part {@code index} replaced and its check made right again. */
    private static String with(String token, int index, String part) {
        String[] parts = token.split("\\.");
        parts[index] = part;
        String said = String.join(".", Arrays.copyOf(parts, parts.length - 1));
        CRC32 crc = new CRC32();
        crc.update(said.getBytes(StandardCharsets.UTF_8));
        return said + String.format(Locale.ROOT, ".%04x", crc.getValue() >>> 16);
    }

    private static String refusal(String token) {
        return String.valueOf(assertThrows(InputException.class, () -> ReplayToken.parse(token))
                .getMessage());
    }

    private static String refusal(String token, Scenario given) {
        return String.valueOf(assertThrows(
                        InputException.class, () -> ReplayToken.parse(token).reproduction(given, PROGRAM))
                .getMessage());
    }

    @Test
    void theRulesAndTheNumberOfVcpusComeBackToo() {
        Rules rules = Rules.UPSTREAM.without(Fix.B02).with(Hazard.O8);
        Scenario played = scenario("small").withVcpus(3).withRules(rules).withGarbageSeed(-1);
        Reproduction run = new Reproduction(played, Schedule.of(), true);
        String token = ReplayToken.of(run, PROGRAM).toString();
        Reproduction again = ReplayToken.parse(token).reproduction(scenario("small"), PROGRAM);
        assertEquals(played.machine(), again.scenario().machine());
        assertEquals(run.picks(), again.picks());
        assertEquals(run.traceDigest(), again.traceDigest());
    }

    @Test
    void aNameWithPointsAndBlanksIsWrittenWithoutThem() {
        Scenario named = scenario("my vm.v2");
        assertTrue(token(named).contains(".my_vm_v2."), token(named));
        assertEquals(named.digest(), ReplayToken.parse(token(named)).digest());
        assertTrue(refusal(token(named), ScenarioFile.parse(SMALL.replace("0x31", "0x32"), "my vm.v2.conf"))
                .contains("the file of that name says something else by now"));
    }

    @Test
    void cutAnywhereItIsNoToken() {
        String token = token(scenario("small"));
        for (int length = "v2.".length(); length < token.length(); length++) {
            String cut = token.substring(0, length);
            assertTrue(ReplayToken.looksLike(cut), cut);
            String refusal = refusal(cut);
            assertTrue(
                    refusal.startsWith("token is cut: ") || refusal.startsWith("token: PICKS: "), cut + ": " + refusal);
        }
    }

    @Test
    void withAnyOneCharacterChangedItIsNoToken() {
        String token = token(scenario("small"));
        for (int at = "v2.".length(); at < token.length(); at++) {
            char other = token.charAt(at) == '0' ? '1' : '0';
            refusal(token.substring(0, at) + other + token.substring(at + 1));
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            v1.0-1-0.small.x        | a token of version 1: this program reads v2
            v2.                     | token is cut: it ends in PROGRAM ''
            v2.0-1-0.small          | token is cut: DIGEST is missing
            v2.0-1-0.small.0123     | token is cut: it ends in DIGEST '0123'
            v2.0-1-0.small.xy.n     | token: DIGEST = 'xy': must be 12 hexadecimal digits
            first                   | token 'first': must begin with v2., as 'stress' and 'hunt' print it
            """)
    void whatIsWrongIsSaid(String token, String refusal) {
        assertEquals(refusal, refusal(token));
    }

    @Test
    void aChangedOptionIsNotTakenForAChangeOfTheRules() {
        String token = token(scenario("small"));
        String refusal = refusal(token.replace(".n2_g0", ".n2_B01_g0"));
        assertTrue(refusal.endsWith("a character was changed since it was printed"), refusal);
    }

    @Test
    void rulesAreNamedInIt() {
        Scenario played = scenario("small")
                .withRules(Rules.of(KernelVersion.parse("6.19")).without(Fix.B02));
        assertEquals("n2_B02_B11_eoi-suppression-unreliable_g0_e", token(played).split("\\.", -1)[4]);
        assertEquals(
                "n2_O8_g0_e",
                token(scenario("small").withRules(Rules.UPSTREAM.with(Hazard.O8)))
                        .split("\\.", -1)[4]);
    }

    /** Of the oldest kernel, which has most of the faults. */
    @Test
    void namesStayShort() {
        Scenario oldest = scenario("small").withRules(Rules.of(KernelVersion.parse("2.6.22")));
        assertTrue(token(oldest).length() < 400, token(oldest));
        assertEquals(
                oldest.machine(),
                ReplayToken.parse(token(oldest))
                        .reproduction(scenario("small"), PROGRAM)
                        .scenario()
                        .machine());
    }

    @ParameterizedTest
    @ValueSource(strings = {"B99", "O3", "no-such-fault"})
    void aRuleThatNobodyKnowsIsRefusedByItsName(String name) {
        assertEquals(
                "token with '" + name + "': this program knows no fix, fault or hazard with a cure of that name",
                refusal(with(token(scenario("small")), 4, "n2_B02_" + name + "_g0_e")));
    }

    @Test
    void vcpusThatTheScenarioCannotHaveAreRefused() {
        String token = with(token(scenario("small")), 4, "n0_g0_e");
        String refusal = refusal(token, scenario("small"));
        assertTrue(refusal.startsWith("token with 0 vCPUs: must be "), refusal);
    }

    @Test
    void whatARunIsShownForIsInItsToken() {
        ReplayToken token = ReplayToken.parse(token(scenario("small")));
        TraceRecord record = new TraceRecord(0, 0, Source.VM, new Event.IoapicTableRead(0));
        Violation hazard = new Violation("I7", "", record, Optional.empty(), "", Optional.of(Hazard.O4));
        ReplayToken again = ReplayToken.parse(token.showing(hazard).toString());
        assertTrue(again.toString().contains("_rI7-O4_"), again::toString);
        assertEquals(token.showing(hazard), again);
        Attempt.Symptom symptom = again.symptom().orElseThrow();
        assertTrue(symptom.matches(hazard));
        assertFalse(symptom.matches(new Violation("I7", "", record, Optional.empty(), "", Optional.empty())));
        assertEquals(Optional.empty(), token.symptom());
    }

    @Test
    void anotherScenarioIsNamed() {
        Scenario other = ScenarioFile.parse(SMALL.replace("0x31", "0x32"), "other.conf");
        String token = token(scenario("small"));
        assertEquals(
                "token of scenario 'small', digest " + scenario("small").digest()
                        + ": the scenario given is 'other', digest " + other.digest(),
                refusal(token, other));
        assertEquals(
                scenario("small").digest(),
                ReplayToken.parse(token)
                        .reproduction(scenario("other"), PROGRAM)
                        .scenario()
                        .digest());
    }

    @Test
    void anotherVersionOfTheProgramIsNamed() {
        String token = token(scenario("small"));
        assertEquals(
                "token of vcpusim 0.1.0: this is vcpusim 0.2.0",
                assertThrows(
                                InputException.class,
                                () -> ReplayToken.parse(token).reproduction(scenario("small"), "0.2.0"))
                        .getMessage());
    }

    @Test
    void picksOfAnotherMachineAreAMisfit() {
        Reproduction run = new Reproduction(scenario("small"), Schedule.of(99), false);
        assertThrows(MisfitException.class, () -> run.run(Reproduction.Executor.PLAIN, List.of()));
        assertThrows(MisfitException.class, () -> run.run(Reproduction.Executor.CONTROLLED, List.of()));
    }

    @Test
    void aFileIsNotTakenForAToken() {
        assertFalse(ReplayToken.looksLike("findings/first-I3-1.json"));
        assertFalse(ReplayToken.looksLike("v.json"));
    }
}
