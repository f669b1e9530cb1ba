package org.vcpusim.sim;

import java.util.ArrayList;
import java.util.List;
import org.vcpusim.check.Invariant;
import org.vcpusim.check.Invariants;
import org.vcpusim.check.Violation;
import org.vcpusim.kvm.Fix;
import org.vcpusim.kvm.Machine;
import org.vcpusim.scenario.Scenario;
import org.vcpusim.search.PlainMachine;
import org.vcpusim.trace.Source;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.TraceSink;

/**
 * How a rule broke, told step by step: who did what in the kernel's words, which two steps raced, and what each side knew.
 *
 * @param title the scenario's
 * @param columns who takes part, in the order of their first step
 * @param steps in the order in which they were taken
 * @param knowledge what each side knew and did not know when the rule broke, a sentence each
 * @param violation what broke
 * @param rule it in words
 * @param fixes those that the machine is without
 * @param token replays it
 */
public record Story(
        String title,
        List<String> columns,
        List<Step> steps,
        List<String> knowledge,
        Violation violation,
        String rule,
        List<Fix> fixes,
        String token) {

    /**
     * What one of the columns did without being interrupted by another.
     *
     * @param number from 1
     * @param column which of the story's columns
     * @param lines what happened, a kernel function and a sentence each
     * @param racing its order with another racing step decides
     */
    public record Step(int number, String column, List<String> lines, boolean racing) {}

    /** The story of {@code shrunk}, with the token that replays it. */
    public static Story of(Shrinker.Shrunk shrunk, String token) {
        Narrator narrator = new Narrator(shrunk);
        narrator.listen();
        Violation violation = shrunk.violation();
        return new Story(
                shrunk.scenario().title(),
                narrator.columns,
                narrator.told(),
                narrator.knowledge.sentences(),
                violation,
                title(violation.invariant()),
                missing(shrunk.scenario().machine()),
                token);
    }

    /** The rule {@code invariant} in words. */
    static String title(String invariant) {
        return Invariants.all().list().stream()
                .filter(each -> each.id().equals(invariant))
                .findFirst()
                .map(Invariant::title)
                .orElse(invariant);
    }

    private static List<Fix> missing(Machine machine) {
        return List.of(Fix.values()).stream()
                .filter(fix -> fix.faults().stream().anyMatch(machine::has))
                .toList();
    }

    /** Listens to a run and cuts it into steps. */
    private static final class Narrator {
        private final Shrinker.Shrunk shrunk;
        private final List<String> columns = new ArrayList<>();
        private final List<Turn> turns = new ArrayList<>();
        private final Knowledge knowledge = new Knowledge();
        private int taken;

        /** Consecutive picks of one column. */
        private static final class Turn {
            private final String column;
            private final List<TraceRecord> records = new ArrayList<>();
            private boolean racing;

            Turn(String column) {
                this.column = column;
            }
        }

        Narrator(Shrinker.Shrunk shrunk) {
            this.shrunk = shrunk;
        }

        void listen() {
            Scenario scenario = shrunk.scenario();
            Attempt.Ending ending = shrunk.finishes() ? Attempt.Ending.FINISH : Attempt.Ending.STOP;
            Attempt attempt = new Attempt(
                    ScenarioAssembly.of(scenario), ending, Attempt.Symptom.of(shrunk.violation()), shrunk.steps() + 1);
            attempt.run(shrunk.picks().toArray(), this::begins, new TraceSink() {
                @Override
                public void accept(TraceRecord record) {
                    if (!turns.isEmpty()) { // what is announced before the start is in the scenario
                        last().records.add(record);
                    }
                }

                @Override
                public void close() {}
            });
        }

        private void begins(Attempt.Step step) {
            PlainMachine machine = step.machine();
            int component = machine.ready().actor(step.position());
            String column = column(machine.source(component));
            boolean races = step.picked() && races(taken);
            taken++;
            boolean goesOn = !turns.isEmpty() && last().column.equals(column) && last().racing == races;
            if (!goesOn) {
                turns.add(new Turn(column));
                last().racing = races;
            }
        }

        private Turn last() {
            return turns.get(turns.size() - 1);
        }

        private boolean races(int pick) {
            return shrunk.critical()
                    .filter(pair -> pick >= pair.first() && pick < pair.end())
                    .isPresent();
        }

        /** A vCPU's thread, its guest and what is on its way to it are one column. */
        private String column(Source source) {
            return switch (source.kind()) {
                case GUEST, VCPU, WIRE -> "vcpu" + source.index();
                case DEVICE -> shrunk.scenario().devices().get(source.index()).name();
                default -> source.label();
            };
        }

        List<Step> told() {
            List<Step> steps = new ArrayList<>();
            for (Turn turn : joined()) {
                List<String> lines = new ArrayList<>();
                for (TraceRecord record : turn.records) {
                    StoryWords.of(record.event()).ifPresent(lines::add);
                }
                turn.records.forEach(record -> knowledge.learn(record, steps.size() + 1));
                if (lines.isEmpty()) {
                    continue;
                }
                if (!columns.contains(turn.column)) {
                    columns.add(turn.column);
                }
                steps.add(new Step(steps.size() + 1, turn.column, List.copyOf(lines), turn.racing));
            }
            return List.copyOf(steps);
        }

        /** Turns with nothing to tell go, and what they stood between is one turn. */
        private List<Turn> joined() {
            List<Turn> joined = new ArrayList<>();
            for (Turn turn : turns) {
                boolean told = turn.records.stream()
                        .anyMatch(record -> StoryWords.of(record.event()).isPresent());
                Turn before = joined.isEmpty() ? null : joined.get(joined.size() - 1);
                if (before != null && before.column.equals(turn.column) && before.racing == turn.racing) {
                    before.records.addAll(turn.records);
                } else if (told || before == null) {
                    joined.add(turn);
                } else {
                    before.records.addAll(turn.records);
                }
            }
            return joined;
        }
    }
}
