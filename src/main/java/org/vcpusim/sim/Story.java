package org.vcpusim.sim;

import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.vcpusim.arch.RedirectionEntry;
import org.vcpusim.check.BitWords;
import org.vcpusim.check.Invariant;
import org.vcpusim.check.Invariants;
import org.vcpusim.check.Violation;
import org.vcpusim.kvm.Fault;
import org.vcpusim.kvm.Fix;
import org.vcpusim.kvm.Ioapic;
import org.vcpusim.kvm.Machine;
import org.vcpusim.scenario.Scenario;

/**
 * How a rule broke, told step by step: who did what in the kernel's words, which two steps raced, and what each side knew.
 *
 * @param title the scenario's
 * @param start what the pins of the IOAPIC are before the first step, a clause each: those that the scenario names, and that of
 *     the RTC where it matters; the others are masked
 * @param columns who takes part, in the order of their first step
 * @param steps in the order in which they were taken
 * @param extent how much of the run is told
 * @param knowledge what each side knew and did not know when the rule broke, a sentence each
 * @param violation what broke
 * @param rule it in words
 * @param fixes those that the machine is without
 * @param faults what it does wrong for that
 * @param others how many other orders of the run were tried that all fail too; 0 where one does not, or some steps race
 * @param cut whether the scenario is cut to what this needs
 * @param token what {@code vcpusim replay} takes to replay it, see {@link ReplayLine}
 */
public record Story(
        String title,
        List<String> start,
        List<String> columns,
        List<Step> steps,
        Extent extent,
        List<String> knowledge,
        Violation violation,
        String rule,
        List<Fix> fixes,
        List<Fault> faults,
        int others,
        boolean cut,
        String token) {

    /**
     * What one of the columns did without anything in between that matters.
     *
     * @param number from 1
     * @param column which of the story's columns
     */
    public record Step(int number, String column, List<Line> lines) {
        public Step {
            lines = List.copyOf(lines);
        }

        /** Whether some of it races. */
        public boolean racing() {
            return lines.stream().anyMatch(Line::racing);
        }
    }

    /**
     * One event, or what the missing fix would have done.
     *
     * @param text a kernel function and what it did; behind {@code with B02} what a machine with that fix does in place of it
     * @param racing its order with what else races decides
     */
    public record Line(String text, boolean racing) {}

    /**
     * How much of a run is told: the events that lead to what broke.
     *
     * @param told how many events the lines of the story are
     * @param events how many there were
     * @param audited whether what broke shows when nothing moves any more
     */
    public record Extent(int told, int events, boolean audited) {}

    /** The story of {@code shrunk}, with the token that replays it. */
    public static Story of(Shrinker.Shrunk shrunk, String token) {
        Narration narration = Narration.of(shrunk);
        Violation violation = shrunk.violation();
        return new Story(
                shrunk.scenario().title(),
                start(shrunk.scenario(), narration),
                narration.columns(),
                narration.steps(),
                narration.extent(),
                narration.knowledge(),
                violation,
                title(violation.invariant()),
                missing(shrunk.scenario().machine()),
                shrunk.scenario().machine().rules().faults(),
                shrunk.others(),
                !shrunk.scenario().cuts().isEmpty(),
                token);
    }

    /** Whether it marks two sides that race. */
    boolean races() {
        return steps.stream().filter(Step::racing).map(Step::column).distinct().count() > 1;
    }

    private static List<String> start(Scenario scenario, Narration narration) {
        Stream<String> entries = scenario.entries().entrySet().stream()
                .map(pin -> "pin " + pin.getKey() + " is " + BitWords.entry(pin.getValue())
                        + Optional.ofNullable(scenario.successiveEois().get(pin.getKey()))
                                .map(count -> ", and " + count + " EOIs in a row have found its line high")
                                .orElse(""));
        return Stream.concat(entries, unset(scenario, narration)).toList();
    }

    /** Why a vCPU handles vector 0, where it does. */
    private static Stream<String> unset(Scenario scenario, Narration narration) {
        return narration.scansVectorZero() && !scenario.entries().containsKey(Ioapic.RTC_PIN)
                ? Stream.of("pin " + Ioapic.RTC_PIN + ", the RTC's, which every scan takes, is "
                        + BitWords.entry(RedirectionEntry.RESET))
                : Stream.empty();
    }

    /** The rule {@code invariant} in words. */
    static String title(String invariant) {
        return Invariants.all().list().stream()
                .filter(each -> each.id().equals(invariant))
                .findFirst()
                .map(Invariant::title)
                .orElse(invariant);
    }

    /** The fixes that {@code machine} lacks all or a part of. */
    static List<Fix> missing(Machine machine) {
        return List.of(Fix.values()).stream()
                .filter(fix -> fix.faults().stream().anyMatch(machine::has))
                .toList();
    }
}
