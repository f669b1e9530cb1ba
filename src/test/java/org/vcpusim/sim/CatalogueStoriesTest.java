package org.vcpusim.sim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.vcpusim.kvm.Fault;
import org.vcpusim.kvm.Fix;
import org.vcpusim.scenario.Scenario;
import org.vcpusim.scenario.ScenarioFile;
import org.vcpusim.schedule.Strategies;

/** The story of every fix of the catalogue that some run shows the absence of. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class CatalogueStoriesTest {
    private static final long MINUTES = 600_000_000_000L;
    private static final int MOST_STEPS = 15;

    /** As trace lines have it, and words never. */
    private static final Pattern TRACED = Pattern.compile("\\b(vcpu|vec|apicid|req) [0-9A-Z]|\\bAPIC_[A-Z]+ = |0{16}");

    /** Bits of which nobody says what they mean. */
    private static final Pattern BITS = Pattern.compile(
            "(requests|entry|inhibits|reasons :=|lines|edges|notifier|from|sources) 0x[0-9a-f]++(?! \\()");

    /** A vector that is not hexadecimal. */
    private static final Pattern DECIMAL = Pattern.compile("(vector|missing \\[|extra \\[|IRR has|should be) ?[1-9]");

    /**
     * Races, whose stories mark the steps of two threads: the order of these, which the kernel leaves open, decides whether it
     * breaks. Elsewhere what comes first leads to what comes behind, or the order only decides whether what is wrong shows.
     */
    private static final Set<Fault> RACES = EnumSet.of(
            Fault.NESTED_LOAD_INTO_VMCS02,
            Fault.LINE_STATE_OUTSIDE_LOCK,
            Fault.READ_ONLY_BITS_WRITTEN,
            Fault.NO_RECHECK,
            Fault.MODE_READ_BEFORE_REQUEST,
            Fault.CLEAR_AFTER_HANDLING,
            Fault.BROADCAST_WITHOUT_WAKE,
            Fault.KICK_WITHOUT_REQUEST,
            Fault.CANCEL_FORGETS_EVENT,
            Fault.IRR_ACK_ORDER,
            Fault.IRR_SEND_ORDER,
            Fault.NO_ON_RECOMPUTE,
            Fault.NESTED_POST_WITHOUT_BARRIER,
            Fault.ASSIGN_WITHOUT_UNBLOCK,
            Fault.PIR_SURVIVES_RESTORE,
            Fault.PIR_CLEARED_AFTER_RESTORE,
            Fault.INHIBIT_STORED_BEFORE_BROADCAST);

    /** Whose stories mark two sides or none, as the failing run that was found has it. */
    private static final Set<Fault> EITHER = EnumSet.of(Fault.SCAN_FORGETS_PENDING_EDGE, Fault.REQUEST_BEFORE_PAYLOAD);

    /** What goes wrong in whatever order. */
    private static final Set<Fault> ALWAYS = EnumSet.of(
            Fault.SCAN_FORGETS_PENDING_LEVEL,
            Fault.ROUTE_SCAN_FORGETS_PENDING,
            Fault.UNINITIALISED_BITMAP,
            Fault.SCAN_MASK_NOT_ZEROED,
            Fault.SCAN_MASK_WITH_GARBAGE_HINT,
            Fault.EOI_ENDS_FIRST_PIN_ONLY,
            Fault.REMOTE_IRR_KEPT_ON_EDGE,
            Fault.NO_NOTIFIERS_WHEN_SUPPRESSED,
            Fault.EOI_SUPPRESSION_MISADVERTISED,
            Fault.EOI_SUPPRESSION_UNRELIABLE,
            Fault.NO_STORM_DELAY,
            Fault.LAZY_EOI_OF_LEVEL,
            Fault.RTC_COUNTS_NO_DESTINATION,
            Fault.UNMASK_WITHOUT_RESAMPLE,
            Fault.IRQCHIP_AFTER_VCPU,
            Fault.SCAN_WITHOUT_PRESENCE_CHECKS,
            Fault.IRR_WITHOUT_EVENT,
            Fault.NESTED_SVI_TO_VMCS02,
            Fault.SOFTWARE_EOI_WITHOUT_SVI);

    /** What the story shows that its title speaks of, and that shortening would cut if the scenario did not keep it. */
    private static final Map<Fault, String> SHOWN = Map.of(
            Fault.NESTED_LOAD_INTO_VMCS02, "pin 17 is vector 0x41 level to 0",
            Fault.RESTORE_WITHOUT_REINJECT, "line 18 goes high, vector 0x51 edge to 1, masked",
            Fault.NO_SVI_ON_ACTIVATION, "a wrong SVI (it is 0x0 and should be 0x81)");

    private Hunt hunt;

    @BeforeAll
    void begin() {
        hunt = new Hunt(Strategies.DEFAULT, 1);
    }

    @AfterAll
    void end() {
        hunt.close();
    }

    /** Every fault that some run shows, with the fix that ended it. */
    private static Stream<Arguments> faults() {
        return Arrays.stream(Fix.values())
                .filter(Fix::isVisible)
                .flatMap(fix -> IntStream.range(0, fix.faults().size())
                        .mapToObj(i -> Arguments.of(fix, fix.faults().get(i), i)));
    }

    private static List<Scenario> scenarios(Fix fix) throws IOException {
        try (Stream<Path> files = Files.list(Path.of("conf", "scenarios", "bugs"))) {
            return files.filter(file ->
                            file.getFileName().toString().startsWith(fix.id().toLowerCase(Locale.ROOT) + "-"))
                    .sorted()
                    .map(ScenarioFile::read)
                    .toList();
        }
    }

    @ParameterizedTest
    @MethodSource("faults")
    void aStoryIsShortAndInWords(Fix fix, Fault fault, int part) throws IOException {
        Hunt.Catch caught = hunt.hunt(Hunt.Prey.of(fix, scenarios(fix)).get(part), MINUTES, () -> false);
        Story story = Story.of(caught.found().orElseThrow(), "TOKEN");
        String text = StoryText.of(story, 120, StoryText.Colour.OFF);
        List<String> lines = story.steps().stream()
                .flatMap(step -> step.lines().stream())
                .map(Story.Line::text)
                .toList();
        assertTrue(story.steps().size() <= MOST_STEPS, text);
        assertTrue(lines.size() > 1, text);
        assertFalse(lines.stream().anyMatch(line -> TRACED.matcher(line).find()), text);
        assertFalse(
                DECIMAL.matcher(story.violation().sentence() + story.violation().detail())
                        .find(),
                text);
        assertEquals(List.of(fix), story.fixes(), text);
        assertEquals(List.of(fault), story.faults(), text);
        assertTrue(lines.contains("without " + fix.id() + ": " + fault.act()), text);
        boolean with = lines.stream().anyMatch(line -> line.startsWith("with " + fix.id()));
        assertEquals(fault != Fault.EOI_SUPPRESSION_MISADVERTISED, with, text);
        long racing = story.steps().stream()
                .filter(Story.Step::racing)
                .map(Story.Step::column)
                .distinct()
                .count();
        String unwrapped = text.replaceAll("\\s+", " ");
        assertFalse(BITS.matcher(unwrapped).find(), text);
        assertTrue(unwrapped.contains(SHOWN.getOrDefault(fault, "")), text);
        assertTrue(racing == 0 || racing == 2, text);
        assertTrue(EITHER.contains(fault) || RACES.contains(fault) == (racing == 2), text);
        assertEquals(ALWAYS.contains(fault), text.contains("It breaks in all of "), text);
        String telling = switch (fault) {
            case EOI_SUPPRESSION_UNRELIABLE -> "E4";
            case NO_EXITING_STATE -> "R4";
            case MODE_READ_BEFORE_REQUEST -> "R3";
            default -> fix.invariants().get(0);
        };
        assertEquals(telling, story.violation().invariant(), text);
    }
}
