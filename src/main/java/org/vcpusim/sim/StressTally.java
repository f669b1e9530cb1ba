package org.vcpusim.sim;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.vcpusim.check.Invariants;
import org.vcpusim.check.Violation;
import org.vcpusim.kvm.Hazard;
import org.vcpusim.kvm.Machine;
import org.vcpusim.sim.StressReport.Expectation;
import org.vcpusim.sim.StressReport.Group;
import org.vcpusim.sim.StressReport.Outcome;

/** What one thread's schedules have shown; tallies of several threads add up to that of one which ran them all. */
final class StressTally {
    private static final Pattern NUMBERS = Pattern.compile("0x[0-9a-f]+|\\d+");

    private final Coverage coverage;
    private final LongCounts traces = new LongCounts();
    private final LongCounts finalStates = new LongCounts();
    private final long[] cleanCounts = new long[1 << OutcomeSink.Turn.values().length];
    private final long[] cleanFirst = new long[1 << OutcomeSink.Turn.values().length];
    private final Map<String, Outcome> others = new TreeMap<>();
    private final Map<String, Group> groups = new TreeMap<>();
    private long schedules;
    private long cut;
    private long steps;

    /** Of schedules of {@code machine}. */
    StressTally(Machine machine) {
        coverage = new Coverage(machine);
    }

    /** Takes the records of the schedules. */
    Coverage coverage() {
        return coverage;
    }

    /** Schedule {@code index} is over, and took {@code turns}. */
    void add(long index, Exploration exploration, int turns) {
        schedules++;
        RunOutcome outcome = exploration.outcome();
        steps += outcome.steps();
        traces.add(exploration.traceHash());
        boolean wasCut = outcome.end() == RunOutcome.End.STEP_BOUND;
        if (wasCut) {
            cut++;
        } else {
            finalStates.add(exploration.finalStateHash());
        }
        if (!exploration.violations().isEmpty()) {
            addViolations(index, exploration);
        } else if (wasCut) {
            add(new Outcome(
                    "cut short",
                    1,
                    Expectation.INTERESTING,
                    index,
                    "the bound on steps came before the machine was at rest"));
        } else {
            cleanFirst[turns] = cleanCounts[turns] == 0 ? index : Math.min(cleanFirst[turns], index);
            cleanCounts[turns]++;
        }
    }

    /** Schedule {@code index} was left before its end: it counts where it has shown a violation till then. */
    void addStopped(long index, Exploration exploration) {
        if (!exploration.violations().isEmpty()) {
            schedules++;
            steps += exploration.outcome().steps();
            addViolations(index, exploration);
        }
    }

    private void addViolations(long index, Exploration exploration) {
        Map<String, Group> here = new TreeMap<>();
        TreeMap<String, String> meanings = new TreeMap<>();
        for (Violation violation : exploration.violations()) {
            String title = Invariants.title(violation.invariant());
            here.putIfAbsent(cause(violation), new Group(title, 1, index, violation, exploration.picks()));
            if (violation.isFinding() || !exploration.isFinding()) {
                meanings.put(
                        violation.hazard().map(Enum::name).orElse(violation.invariant()),
                        violation.hazard().map(Hazard::title).orElse("violated: " + title));
            }
        }
        here.forEach((cause, group) -> groups.merge(cause, group, StressTally::sum));
        Expectation expectation = exploration.isFinding() ? Expectation.FORBIDDEN : Expectation.INTERESTING;
        add(new Outcome(
                String.join(" ", meanings.keySet()), 1, expectation, index, String.join("; ", meanings.values())));
    }

    private void add(Outcome outcome) {
        others.merge(outcome.expectation() + outcome.label(), outcome, StressTally::sum);
    }

    private static Outcome sum(Outcome a, Outcome b) {
        long first = Math.min(a.firstSchedule(), b.firstSchedule());
        return new Outcome(a.label(), a.count() + b.count(), a.expectation(), first, a.meaning());
    }

    private static Group sum(Group a, Group b) {
        Group first = a.firstSchedule() <= b.firstSchedule() ? a : b;
        return new Group(
                first.title(), a.schedules() + b.schedules(), first.firstSchedule(), first.first(), first.picks());
    }

    /** Violations with equal texts are taken to have one root cause. */
    private static String cause(Violation violation) {
        return violation.invariant() + " " + violation.hazard() + " "
                + NUMBERS.matcher(violation.sentence()).replaceAll("#");
    }

    /** Adds the schedules of {@code other}. */
    void addAll(StressTally other) {
        coverage.addAll(other.coverage);
        traces.addAll(other.traces);
        finalStates.addAll(other.finalStates);
        for (int turns = 0; turns < cleanCounts.length; turns++) {
            if (other.cleanCounts[turns] > 0) {
                cleanFirst[turns] = cleanCounts[turns] == 0
                        ? other.cleanFirst[turns]
                        : Math.min(cleanFirst[turns], other.cleanFirst[turns]);
                cleanCounts[turns] += other.cleanCounts[turns];
            }
        }
        other.others.values().forEach(this::add);
        other.groups.forEach((cause, group) -> groups.merge(cause, group, StressTally::sum));
        schedules += other.schedules;
        cut += other.cut;
        steps += other.steps;
    }

    /** The report of a run of {@code plan} that ended with {@code end}. */
    StressReport report(StressPlan plan, StressReport.End end, StressReport.Timing timing) {
        StressReport.Figures figures = new StressReport.Figures(
                schedules,
                cut,
                steps,
                timing,
                traces.distinct(),
                traces.singletons(),
                traces.isFull(),
                finalStates.distinct());
        return new StressReport(plan, end, figures, coverage.requests(), coverage.orders(), outcomes(), groups());
    }

    private List<Outcome> outcomes() {
        List<Outcome> all = new ArrayList<>(others.values());
        for (int turns = 0; turns < cleanCounts.length; turns++) {
            if (cleanCounts[turns] > 0) {
                all.add(clean(turns));
            }
        }
        all.sort(Comparator.comparing(Outcome::expectation)
                .thenComparing(Outcome::count, Comparator.reverseOrder())
                .thenComparing(Outcome::label));
        return all;
    }

    private Outcome clean(int turns) {
        List<OutcomeSink.Turn> taken = List.copyOf(OutcomeSink.turns(turns));
        String label = taken.stream().map(OutcomeSink.Turn::word).collect(Collectors.joining(" "));
        String meaning = taken.stream().map(OutcomeSink.Turn::meaning).collect(Collectors.joining("; "));
        return new Outcome(
                label.isEmpty() ? "undisturbed" : label,
                cleanCounts[turns],
                Expectation.ACCEPTABLE,
                cleanFirst[turns],
                meaning.isEmpty() ? "nobody was in anybody's way" : meaning);
    }

    private List<Group> groups() {
        List<Group> all = new ArrayList<>(groups.values());
        all.sort(Comparator.comparing(Group::isFinding, Comparator.reverseOrder())
                .thenComparing(Group::schedules, Comparator.reverseOrder())
                .thenComparing(group -> group.invariant().toLowerCase(Locale.ROOT)));
        return all;
    }
}
