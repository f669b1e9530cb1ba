package org.vcpusim.sim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.vcpusim.arch.RedirectionEntry;
import org.vcpusim.check.BitWords;
import org.vcpusim.kvm.Fault;
import org.vcpusim.scenario.ScenarioFile;
import org.vcpusim.schedule.Schedule;

/** Stories tell what leads to a violation, in columns of threads, and nothing else. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class StoryTest {
    private Story late;
    private Story stuck;

    @BeforeAll
    void shrink() {
        late = story(Failure.of("bugs/b25-late-request", Fault.NO_RECHECK));
        stuck = story(Failure.of("bugs/b16-suppressed-eoi", Fault.NO_NOTIFIERS_WHEN_SUPPRESSED));
    }

    private static Story story(Failure failure) {
        Shrinker.Shrunk shrunk =
                Shrinker.shrink(failure.scenario(), failure.schedule(), failure.violation(), () -> false);
        return Story.of(shrunk, "TOKEN");
    }

    private static List<String> texts(Story story) {
        return story.steps().stream()
                .flatMap(step -> step.lines().stream())
                .map(Story.Line::text)
                .toList();
    }

    private static String sum(Story story) {
        return String.join(
                "\n",
                story.steps().stream()
                        .flatMap(step -> step.lines().stream()
                                .map(line -> step.number() + " " + step.column() + (line.racing() ? " > " : " ")
                                        + line.text()))
                        .toList());
    }

    @Test
    void aLateRequestIsAWriteOfOneThreadAndAnEntryOfTheOther() {
        List<String> texts = texts(late);
        assertTrue(late.steps().size() <= 5, () -> sum(late));
        assertTrue(texts.contains("ioapic_write_indirect: pin 16 is vector 0x31 level to 0, write 1"), () -> sum(late));
        assertTrue(texts.contains("kvm_make_request: SCAN_IOAPIC on vcpu0"), () -> sum(late));
        assertEquals(
                "vcpu_enter_guest: vcpu0 enters the guest, requests 0x800000 (SCAN_IOAPIC)",
                texts.get(texts.size() - 3),
                () -> sum(late));
        assertEquals("without B25: " + Fault.NO_RECHECK.act(), texts.get(texts.size() - 2), () -> sum(late));
        assertEquals(Set.of("vcpu0", "vcpu1"), Set.copyOf(late.columns()));
        assertEquals(
                "vcpu1",
                late.steps().stream()
                        .filter(step -> step.lines().get(0).text().startsWith("ioapic_write_indirect"))
                        .findFirst()
                        .orElseThrow()
                        .column());
        assertEquals(3, late.extent().told());
        assertTrue(late.extent().events() > 10, () -> late.extent().toString());
        assertFalse(late.extent().audited());
    }

    @Test
    void theLastStepInWhichTheFixHelpsSaysWhatItDoes() {
        String abandoned = "with B25 here: kvm_vcpu_exit_request: the entry of vcpu0 is abandoned, mode IN_GUEST_MODE,"
                + " requests 0x800000 (SCAN_IOAPIC)";
        List<String> texts = texts(late);
        assertEquals(abandoned, last(texts), () -> sum(late));
        assertEquals("with B16 here, and then: kvm_notify_acked_irq: pin 0 of IOAPIC", last(texts(stuck)));
        assertTrue(
                late.steps().stream()
                        .flatMap(step -> step.lines().stream())
                        .noneMatch(line -> line.racing() && line.text().startsWith("with ")),
                () -> sum(late));
    }

    @Test
    void aStoryBeginsWithThePinsOfItsScenario() {
        String pin = "pin 0 is vector 0x30 edge to 1";
        String text = StoryText.of(stuck, 200, StoryText.Colour.OFF);
        assertTrue(text.contains("\n\nAt the start " + pin + ".\n\n      clock"), text);
        assertTrue(StoryText.markdown(stuck).contains("\n\nAt the start " + pin + ".\n\n| | clock |"));
        assertEquals(pin, StoryText.json(stuck).at("/start/0").asText());
    }

    @Test
    void anEntryIsToldAsScenariosHaveIt() {
        assertEquals(
                "vector 0x31 level lowest priority to logical 0x3",
                BitWords.entry(RedirectionEntry.RESET.withHighHalf(0x3000000).withLowHalf(0x8931)));
        assertEquals(
                "vector 0x31 edge to 3, masked",
                BitWords.entry(RedirectionEntry.RESET.withHighHalf(0x3000000).withLowHalf(0x10031)));
    }

    @Test
    void whatBreaksInAnyOrderSaysSo() {
        String always = "\nIt breaks in all of 32 other orders, drawn at random.\n";
        assertTrue(StoryText.of(stuck, 200, StoryText.Colour.OFF).contains(always));
        assertEquals(32, StoryText.json(stuck).get("others").asInt());
        assertFalse(StoryText.of(late, 200, StoryText.Colour.OFF).contains(always));
        assertEquals(0, StoryText.json(late).get("others").asInt());
    }

    @Test
    void aFixOfSeveralFaultsSaysWhichAreNeeded() {
        Failure both = Failure.of("bugs/b26-stale-mode", Fault.NO_EXITING_STATE, Fault.MODE_READ_BEFORE_REQUEST);
        Shrinker.Shrunk cut = Shrinker.cut(both.scenario(), both.schedule(), both.violation(), () -> false);
        String text = StoryText.of(Story.of(cut, "TOKEN"), 200, StoryText.Colour.OFF);
        assertTrue(
                text.contains("\nOf what was wrong before B26 this needs no-exiting-guest-mode, and not"
                        + " mode-read-before-request-is-visible.\n"),
                text);
    }

    @Test
    void whatRacesIsMarkedInBothThreads() {
        assertEquals(
                Set.of("vcpu0", "vcpu1"),
                late.steps().stream()
                        .filter(Story.Step::racing)
                        .map(Story.Step::column)
                        .collect(Collectors.toSet()),
                () -> sum(late));
    }

    @Test
    void whatEachSideKnewIsToldOfThoseWhoTakePart() {
        assertEquals(
                "The IOAPIC: pin 16 is vector 0x31 level to 0.",
                late.knowledge().get(0));
        assertTrue(
                late.knowledge().get(1).startsWith("vcpu0 had not seen SCAN_IOAPIC, made in step "),
                () -> late.knowledge().toString());
        assertEquals(2, late.knowledge().size(), () -> late.knowledge().toString());
    }

    @Test
    void whatOnlyTheEndShowsIsNoStep() {
        assertTrue(stuck.extent().audited());
        assertTrue(texts(stuck).stream().noneMatch(text -> text.contains("audit")), () -> sum(stuck));
        assertTrue(texts(stuck).contains("kvm_apic_set_eoi: vcpu1 ends vector 0x30"), () -> sum(stuck));
        String text = StoryText.of(stuck, 120, StoryText.Colour.OFF);
        assertTrue(text.contains("\nThat shows when all else has run to its end.\n"), text);
    }

    @Test
    void anUnshortenedRunIsToldAsBriefly() {
        Failure failure = Failure.of("bugs/b25-late-request", Fault.NO_RECHECK);
        Reproduction run = new Reproduction(failure.scenario(), failure.schedule(), true);
        Story whole = Story.of(Shrinker.asItIs(run, failure.violation()), "TOKEN");
        assertTrue(whole.steps().size() <= 6, () -> sum(whole));
        assertEquals(last(texts(late)), last(texts(whole)));
    }

    private static String last(List<String> lines) {
        return lines.get(lines.size() - 1);
    }

    @Test
    void aNarrowTerminalGetsAListAndEveryLineFits() {
        for (int width : new int[] {60, 80, 120, 200}) {
            String text = StoryText.of(late, width, StoryText.Colour.OFF);
            assertTrue(
                    text.lines()
                            .skip(1)
                            .map(String::stripTrailing)
                            .allMatch(line -> line.length() <= width || line.startsWith("Replay: ")),
                    () -> width + ":\n" + text);
        }
        String list = StoryText.of(late, 50, StoryText.Colour.OFF);
        assertTrue(list.contains("\n      vcpu1\n"), list);
    }

    @Test
    void colourIsOnlyAskedFor() {
        assertFalse(StoryText.of(late, 120, StoryText.Colour.OFF).contains("\033"));
        assertTrue(StoryText.of(late, 120, StoryText.Colour.ON).contains("\033[31m"));
    }

    @Test
    void markdownIsATableWhoseRacingLinesAreBold() {
        String markdown = StoryText.markdown(late);
        assertTrue(markdown.startsWith("# A vCPU enters the guest past a request"), markdown);
        assertTrue(markdown.contains(" |\n|---|---|---|\n| 1 | "), markdown);
        assertTrue(markdown.contains("**vcpu\\_") || markdown.contains("**vmx\\_"), markdown);
        assertTrue(markdown.endsWith("\n```console\n$ vcpusim replay TOKEN\n```\n"), markdown);
    }

    @Test
    void jsonHasTheStepsTheRuleAndTheFix() {
        JsonNode json = StoryText.json(late);
        assertEquals("vcpusim.story/3", json.get("schema").asText());
        assertEquals(late.steps().size(), json.get("steps").size());
        assertEquals(
                late.steps().get(0).lines().get(0).text(),
                json.at("/steps/0/lines/0/text").asText());
        assertEquals(
                late.violation().invariant(), json.at("/violation/invariant").asText());
        assertEquals("d4acf7e7abe4", json.at("/fixes/0/repairs/0/commit").asText());
        assertEquals("vcpusim replay TOKEN", json.get("replay").asText());
    }

    @Test
    void stepsOfTheVmAreThoseOfWhomItWorksFor() {
        Threads threads = new Threads();
        Attempt attempt = new Attempt(
                ScenarioAssembly.of(ScenarioFile.read(Path.of("conf", "scenarios", "bugs", "b25-late-request.conf"))
                        .withFaults(EnumSet.noneOf(Fault.class))),
                Attempt.Ending.FINISH,
                new Attempt.Symptom("R2", Optional.empty(), Optional.empty()),
                100_000);
        RecordsByThread byThread = new RecordsByThread(threads);
        attempt.run(Schedule.of().toArray(), threads, byThread);
        assertEquals(List.of("vcpu1"), byThread.of("RedirectionEntryWritten"));
        assertEquals(
                List.of("vcpu0", "vcpu1"),
                byThread.of("IoapicTableRead").stream().distinct().sorted().toList());
        assertTrue(byThread.of("GuestEntered").stream().allMatch(name -> name.startsWith("vcpu")));
        assertEquals(
                List.of("vcpu1"),
                Stream.concat(byThread.of("IpiSent").stream(), byThread.of("IpiElided").stream())
                        .distinct()
                        .toList());
    }
}
