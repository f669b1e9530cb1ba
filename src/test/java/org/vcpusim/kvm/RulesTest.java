package org.vcpusim.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class RulesTest {
    private static Rules named(List<String> names) {
        Rules rules = Rules.UPSTREAM;
        for (String name : names) {
            Rules before = rules;
            rules = before.without(name).or(() -> before.with(name)).orElseThrow();
        }
        return rules;
    }

    @ParameterizedTest
    @EnumSource(Fault.class)
    void aFaultAloneIsNamedByItsFixOrByItself(Fault fault) {
        Rules rules = Rules.with(List.of(fault));
        boolean all = Fix.of(fault).filter(fix -> fix.faults().size() == 1).isPresent();
        assertEquals(List.of(all ? Fix.of(fault).orElseThrow().id() : fault.key()), rules.names());
        assertEquals(rules, named(rules.names()));
        assertEquals(Optional.of(Rules.UPSTREAM), rules.with(fault.key().toUpperCase(java.util.Locale.ROOT)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"2.6.22", "3.10", "4.4", "4.14", "5.4", "5.15", "6.1", "6.12", "7.0"})
    void theNamesOfAKernelGiveItBack(String release) {
        Rules rules = Rules.of(KernelVersion.parse(release)).with(Hazard.O8).with(Hazard.O1);
        assertEquals(rules, named(rules.names()));
        assertTrue(rules.names().containsAll(List.of("O1", "O8")));
    }

    @Test
    void theFaultsOfAFixTogetherAreNamedByIt() {
        assertEquals(List.of("B17"), Rules.UPSTREAM.without(Fix.B17).names());
        assertEquals(List.of(), Rules.UPSTREAM.names());
    }

    /** A kernel between the two releases of a fix has one of its faults only. */
    @Test
    void eachRepairOfAFixHasAReleaseOfItsOwn() {
        assertEquals(
                Optional.of("irr-hint-untouched"),
                Rules.of(KernelVersion.parse("6.1")).names().stream()
                        .filter(name -> name.startsWith("irr-hint"))
                        .findFirst());
        assertTrue(Rules.of(KernelVersion.parse("5.4")).has(Fault.IRR_HINT_RECOMPUTED));
    }

    @Test
    void whatHasNoNameIsNothing() {
        assertEquals(Optional.empty(), Rules.UPSTREAM.without("B99"));
        assertEquals(Optional.empty(), Rules.UPSTREAM.without("O8"));
        assertEquals(Optional.empty(), Rules.UPSTREAM.with("O3"));
    }

    @Test
    void aFaultIsOfOneFixAndFitsIntoTheMask() {
        List<Fault> repaired = Arrays.stream(Fix.values())
                .flatMap(fix -> fix.faults().stream())
                .toList();
        assertEquals(repaired.size(), new HashSet<>(repaired).size());
        assertTrue(Fault.values().length <= Long.SIZE);
    }
}
