package org.vcpusim.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.vcpusim.kvm.Fault;
import org.vcpusim.kvm.Fix;
import org.vcpusim.kvm.Hazard;
import org.vcpusim.kvm.Protocol;
import org.vcpusim.kvm.Rules;

class ScenarioCutsTest {
    private static final String SMALL = """
            # Two of everything.
            vcpus = 2
            ioapic { 16 = vector 0x31 level to 1 }
            guests { mover { vcpus = 0, do = [sti, { repeat = 4, do = [set-high 16 to 0] }] } }
            devices { nic { line = 16, do = [assert, deassert] } }
            """;

    static List<Path> files() throws IOException {
        try (Stream<Path> files = Files.walk(Path.of("conf", "scenarios"))) {
            return files.filter(file -> file.toString().endsWith(".conf"))
                    .sorted()
                    .toList();
        }
    }

    @ParameterizedTest
    @MethodSource("files")
    void everyScenarioWrittenOutSaysTheSame(Path file) {
        Scenario scenario = ScenarioFile.read(file);
        Scenario again = ScenarioFile.parse(scenario.hocon(), scenario.name() + ".conf");
        assertEquals(scenario.digest(), again.digest());
        assertEquals(scenario.title(), again.title());
        assertEquals(scenario.machine(), again.machine());
    }

    @Test
    void whatIsKeptIsNotCut() {
        Scenario all = ScenarioFile.parse(SMALL, "small.conf");
        Scenario kept = ScenarioFile.parse(SMALL + "keep = [vcpus, guests.mover.do, ioapic]\n", "small.conf");
        List<String> cuts = ScenarioCuts.of(kept).map(Scenario::hocon).toList();
        assertTrue(cuts.stream().allMatch(text -> text.contains("vcpus=2") && text.contains("level to 1")));
        assertTrue(cuts.stream().allMatch(text -> text.contains("repeat=4") && text.contains("sti")));
        assertTrue(cuts.stream().anyMatch(text -> !text.contains("nic")));
        assertTrue(cuts.size() < ScenarioCuts.of(all).count());
        int last = cuts.size() - 1;
        assertEquals(
                cuts.get(last), ScenarioCuts.at(kept, positions(kept).get(last)).hocon());
    }

    private static List<List<Integer>> positions(Scenario scenario) {
        return ScenarioCuts.of(scenario).map(Scenario::cuts).toList();
    }

    @Test
    void eachCutTakesOneThingAway() {
        Scenario scenario = ScenarioFile.parse(SMALL, "small.conf");
        List<String> cuts = ScenarioCuts.of(scenario).map(Scenario::hocon).toList();
        assertTrue(cuts.stream().anyMatch(text -> !text.contains("assert,") && text.contains("deassert")));
        assertTrue(cuts.stream().anyMatch(text -> text.contains("repeat=1")));
        assertTrue(cuts.stream().anyMatch(text -> text.contains("repeat=3")));
        assertTrue(cuts.stream().anyMatch(text -> text.contains("vcpus=1")));
        assertTrue(cuts.stream().anyMatch(text -> !text.contains("nic")));
        assertTrue(cuts.stream().anyMatch(text -> !text.contains("mover")));
        cuts.forEach(text -> assertTrue(text.length() <= scenario.hocon().length(), text));
        cuts.forEach(text -> assertFalse(text.equals(scenario.hocon())));
    }

    @ParameterizedTest
    @MethodSource("files")
    void aFileThatStandsAloneSetsTheRulesItself(Path file) {
        Scenario scenario = ScenarioFile.read(file)
                .withRules(Rules.UPSTREAM.without(Fix.B25).with(Hazard.O8))
                .withGarbageSeed(5)
                .withProtocol(Protocol.SCAN_THEN_LOAD);
        assertEquals(
                scenario.machine(),
                ScenarioFile.parse(scenario.standalone(), "alone.conf").machine());
    }

    @Test
    void aCutIsMadeAgainByItsPosition() {
        Scenario whole = ScenarioFile.parse(SMALL, "small.conf").withVcpus(3);
        for (Scenario once : ScenarioCuts.of(whole).toList()) {
            assertEquals(whole.digest(), once.whole().digest());
            assertEquals(once.hocon(), ScenarioCuts.at(whole, once.cuts()).hocon());
            for (Scenario twice : ScenarioCuts.of(once).toList()) {
                assertEquals(2, twice.cuts().size());
                assertEquals(twice.hocon(), ScenarioCuts.at(whole, twice.cuts()).hocon());
            }
        }
        assertThrows(InputException.class, () -> ScenarioCuts.at(whole, List.of(999)));
    }

    @Test
    void whatMakesItFailIsNotCut() {
        Scenario scenario =
                ScenarioFile.parse(SMALL + "without = [B02, B25]\nfaults = [no-rescan-after-stale-eoi]", "small.conf");
        ScenarioCuts.of(scenario).forEach(cut -> {
            assertTrue(cut.hocon().contains("B02") && cut.hocon().contains("B25"), cut.hocon());
            assertTrue(cut.hocon().contains("no-rescan-after-stale-eoi"), cut.hocon());
        });
    }

    @Test
    void rulesSetFromOutsideStay() {
        Scenario scenario = ScenarioFile.parse(SMALL, "small.conf").withFaults(EnumSet.of(Fault.NO_RECHECK));
        ScenarioCuts.of(scenario)
                .forEach(cut -> assertEquals(
                        List.of(Fault.NO_RECHECK), cut.machine().rules().faults()));
    }

    @Test
    void commentsAndLayoutDoNotCountForTheDigest() {
        Scenario scenario = ScenarioFile.parse(SMALL, "small.conf");
        assertEquals(
                scenario.digest(),
                ScenarioFile.parse("# Another title.\n" + SMALL.substring(SMALL.indexOf('\n')), "small.conf")
                        .digest());
        assertFalse(scenario.digest()
                .equals(ScenarioFile.parse(SMALL.replace("0x31", "0x32"), "small.conf")
                        .digest()));
    }
}
