package org.vcpusim.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a machine does wrong: by fault, by fix that is left out, or by the release of the kernel that it models. */
class FixTest {
    private static final Fault OTHER = Fault.NO_RECHECK;

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        fault                     | kernel | there | reason
        LAZY_EOI_OF_LEVEL         | 5.5    | false | before it came
        LAZY_EOI_OF_LEVEL         | 5.6    | true  | with the release that brought it
        LAZY_EOI_OF_LEVEL         | 5.7    | false | and not in that which ended it
        RTC_COUNTS_NO_DESTINATION | 2.6.39 | true  | always there
        RTC_COUNTS_NO_DESTINATION | 3.14   | true  | until
        RTC_COUNTS_NO_DESTINATION | 3.15   | false | it was fixed
        """)
    void aReleaseHasTheFaultsThatWereFixedSince(Fault fault, String kernel, boolean there, String reason) {
        Rules rules = Rules.of(KernelVersion.parse(kernel));

        assertEquals(there, rules.has(fault), reason);
        assertEquals(there, rules.faults().contains(fault));
    }

    @Test
    void whatIsModelledHasNone() {
        assertEquals(Rules.UPSTREAM, Rules.of(KernelVersion.MODELLED));
        assertEquals(List.of(), Rules.UPSTREAM.faults());
    }

    @Test
    void aFixThatIsLeftOutBringsItsFaultsAndTakesThemAway() {
        Rules rules = Rules.with(List.of(OTHER)).without(Fix.B01);

        assertEquals(
                List.of(OTHER, Fault.SCAN_FORGETS_PENDING_EDGE, Fault.SCAN_WITHOUT_SYNC).stream()
                        .sorted()
                        .toList(),
                rules.faults());
        assertEquals(Rules.with(List.of(OTHER)), rules.with(Fix.B01));
        assertEquals(
                List.of(Fault.SCAN_FORGETS_PENDING_EDGE),
                rules.without(OTHER).without(Fault.SCAN_WITHOUT_SYNC).faults());
        assertEquals(Rules.UPSTREAM, rules.withoutFaults());
    }

    @Test
    void aCureStaysWhateverTheFaults() {
        Rules cured = Rules.UPSTREAM.with(Hazard.O8).without(Fix.B01).withoutFaults();

        assertEquals(true, cured.cures(Hazard.O8));
        assertNotEquals(Rules.UPSTREAM, cured);
    }

    @Test
    void aMachineThatIsPatchedHasNoFaultAnyMore() {
        boolean[] patched = {false};
        Rules rules = Rules.with(List.of(OTHER)).until(() -> patched[0]);
        assertEquals(true, rules.has(OTHER));

        patched[0] = true;

        assertEquals(List.of(), rules.faults());
    }

    @Test
    void aFixIsFoundByItsNameAndByWhatItEnded() {
        assertEquals(Optional.of(Fix.B27B), Fix.of("b27B"));
        assertEquals("B27b", Fix.B27B.id());
        assertEquals(Optional.empty(), Fix.of("B99"));
        assertEquals(Optional.of(Fix.B01), Fix.of(Fault.SCAN_WITHOUT_SYNC));
        for (Fix fix : Fix.values()) {
            assertEquals(Optional.of(fix), Fix.of(fix.id()));
            assertEquals(fix.isVisible(), !fix.invariants().isEmpty(), fix::id);
            assertEquals(true, Arrays.asList(Fault.values()).containsAll(fix.faults()));
        }
    }
}
