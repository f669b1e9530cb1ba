package org.vcpusim.sim;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.Fault;
import org.vcpusim.kvm.Fix;
import org.vcpusim.kvm.Machine;
import org.vcpusim.scenario.Scenario;
import org.vcpusim.search.PlainMachine;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.TraceSink;

/**
 * The last step of a failing run in which the fixes that its machine lacks still help, and what they do then: put into the running
 * machine before that step they mend it, and behind it they come too late.
 *
 * @param step of the run, from 0
 * @param instead the first that the mended machine does and the failing one does not, if there are words for it
 * @param atOnce whether it does that in this very step
 * @param left what it only leaves out, as it is told behind "with B25", if it does nothing else instead
 */
record Remedy(int step, Optional<String> instead, boolean atOnce, Optional<String> left) {
    private static final int MOST_REPLAYS = 400;
    /** Steps of all replays together, for runs that are not short. */
    private static final long MOST_REPLAYED = 2_000_000;
    /** Steps that the mended machine goes on for behind those of the failing one. */
    private static final int MOST_MORE = 24;

    /**
     * Of {@code shrunk}, which takes the steps of {@code components}; empty where its machine has no fault, or the fixes help in
     * none of the steps.
     */
    static Optional<Remedy> of(Shrinker.Shrunk shrunk, int[] components) {
        if (shrunk.scenario().machine().rules().faults().isEmpty()) {
            return Optional.empty();
        }
        Patch patch = new Patch(shrunk.scenario());
        Attempt attempt = new Attempt(
                patch.assembly,
                Attempt.Ending.FINISH,
                Attempt.Symptom.of(shrunk.violation()),
                Shrinker.PATIENCE * (shrunk.steps() + 1));
        int[] picks = shrunk.picks().toArray();
        return IntStream.iterate(components.length - 1, step -> step >= 0, step -> step - 1)
                .limit(Math.min(MOST_REPLAYS, 1 + MOST_REPLAYED / (1 + components.length)))
                .filter(step -> {
                    patch.before = step;
                    return attempt.run(picks, patch, PlainSimulation.NOWHERE)
                            .violation()
                            .isEmpty();
                })
                .boxed()
                .findFirst()
                .map(step -> told(shrunk, components, step));
    }

    /** The fixes, put into a running machine before a certain step. */
    private static final class Patch implements Attempt.Watcher, BooleanSupplier {
        private final Assembly assembly;
        private int before;
        private int step;

        Patch(Scenario scenario) {
            assembly = ScenarioAssembly.of(
                    scenario.withRules(scenario.machine().rules().until(this)));
        }

        @Override
        public void starts(PlainMachine machine) {
            step = -1;
        }

        @Override
        public void steps(PlainMachine machine, int component) {
            step++;
        }

        @Override
        public boolean getAsBoolean() {
            return step >= before;
        }
    }

    private static Remedy told(Shrinker.Shrunk shrunk, int[] components, int step) {
        Patch patch = new Patch(shrunk.scenario());
        patch.before = step;
        patch.step = -1;
        Side failing = new Side(ScenarioAssembly.of(shrunk.scenario()));
        Side mended = new Side(patch.assembly);
        int here = 0;
        for (int at = 0; at < components.length; at++) {
            patch.step = at;
            failing.step(components[at]);
            mended.step(components[at]);
            if (at == step) {
                here = mended.events.size();
            }
        }
        List<Event> wrong = without(failing.events, mended.events);
        Optional<Event> instead = first(without(mended.events, failing.events), wrong);
        for (int more = 0; more < MOST_MORE && instead.isEmpty(); more++) {
            OptionalInt next = differing(failing, mended);
            if (next.isEmpty() && !wrong.isEmpty()) {
                break;
            }
            int component = next.orElse(components[components.length - 1]);
            if (mended.machine.position(component) < 0) {
                break;
            }
            mended.step(component);
            instead = first(without(mended.events, failing.events), wrong);
        }
        boolean atOnce = instead.isPresent() && mended.events.subList(0, here).contains(instead.get());
        Event shows = shrunk.violation().at().event();
        return new Remedy(step, instead.map(StoryWords::always), atOnce, left(wrong, shows, failing, step));
    }

    /** Of {@code wrong}, which the mended machine does not do: something told in this step, or else behind it. */
    private static Optional<String> left(List<Event> wrong, Event shows, Side failing, int step) {
        return wrong.stream().anyMatch(event -> isTold(event) && failing.isOf(step, event))
                ? Optional.of(" this does not happen")
                : wrong.stream()
                        .filter(event -> isTold(event) || event.equals(shows))
                        .findFirst()
                        .map(event -> " here, and then not: " + StoryWords.always(event));
    }

    /** Lines for what the faults of {@code machine} do in the step, and for what happens with the fixes that it lacks. */
    Stream<String> words(Machine machine) {
        Stream<String> acts = machine.rules().faults().stream().map(Remedy::act);
        String fixes = Story.missing(machine).stream().map(Fix::id).collect(Collectors.joining(" and "));
        Optional<String> with = instead.map(said -> (atOnce ? " here: " : " here, and then: ") + said)
                .or(() -> left)
                .filter(said -> !fixes.isEmpty())
                .map(said -> "with " + fixes + said);
        return Stream.concat(acts, with.stream());
    }

    private static String act(Fault fault) {
        String without = Fix.of(fault).map(fix -> "without " + fix.id()).orElse("fault " + fault.key());
        return without + ": " + fault.act();
    }

    /** The first of {@code events} that is told, and not as one of {@code wrong} is; else the first that is usually not told. */
    private static Optional<Event> first(List<Event> events, List<Event> wrong) {
        List<String> said = wrong.stream().map(StoryWords::always).toList();
        List<Event> others = events.stream()
                .filter(event -> !StoryWords.isAudit(event) && !said.contains(StoryWords.always(event)))
                .toList();
        return others.stream()
                .filter(Remedy::isTold)
                .findFirst()
                .or(() -> others.stream()
                        .filter(event -> wrong.stream()
                                .anyMatch(other -> other.getClass().equals(event.getClass())))
                        .findFirst());
    }

    private static boolean isTold(Event event) {
        return StoryWords.of(event).isPresent();
    }

    private static List<Event> without(List<Event> some, List<Event> others) {
        List<Event> rest = new ArrayList<>(some);
        others.forEach(rest::remove);
        return rest;
    }

    /** The first component of {@code mended} that has a message to handle, and another one than in {@code failing}. */
    private static OptionalInt differing(Side failing, Side mended) {
        return IntStream.range(0, mended.machine.components())
                .filter(component -> mended.machine.position(component) >= 0)
                .filter(component -> !failing.next(component).equals(mended.next(component)))
                .findFirst();
    }

    /** One of the two machines. */
    private static final class Side implements TraceSink {
        private static final String NOTHING = "";

        private final List<Event> events = new ArrayList<>();
        private final List<Integer> stepOf = new ArrayList<>();
        private final PlainMachine machine;
        private int step = -1;

        Side(Assembly assembly) {
            machine = PlainSimulation.machine(assembly, this);
            machine.start();
        }

        /** Takes the next step of {@code component}, if it has one; when nobody has any more, the audit begins. */
        void step(int component) {
            step++;
            if (machine.ready().size() == 0) {
                machine.audit();
            }
            if (machine.position(component) >= 0) {
                machine.step(machine.position(component));
            }
        }

        /** By what the next step of {@code component} is known, where it has one. */
        Object next(int component) {
            return machine.position(component) >= 0 ? Realigned.kind(machine, component) : NOTHING;
        }

        boolean isOf(int wanted, Event event) {
            return IntStream.range(0, events.size())
                    .anyMatch(i -> stepOf.get(i) == wanted && events.get(i).equals(event));
        }

        @Override
        public void accept(TraceRecord record) {
            events.add(record.event());
            stepOf.add(step);
        }

        @Override
        public void close() {}
    }
}
