package org.vcpusim.sim;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.vcpusim.check.Thing;
import org.vcpusim.search.PlainMachine;
import org.vcpusim.trace.Source;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.TraceSink;

/** Listens to a run: the thread that takes each step, what it is about to look at, and the records that it leaves. */
final class RunLog implements Attempt.Watcher, TraceSink {
    private final List<Realigned.Label> labels = new ArrayList<>();
    private final Threads threads = new Threads();
    private final List<TraceRecord> records = new ArrayList<>();
    private final List<Integer> stepOf = new ArrayList<>();
    private final List<Source> doers = new ArrayList<>();
    private final List<Integer> components = new ArrayList<>();
    private final List<Integer> senders = new ArrayList<>();
    private final List<String> silent = new ArrayList<>();
    private final List<List<Thing>> looks = new ArrayList<>();
    private int actors;

    @Override
    public void starts(PlainMachine machine) {
        actors = machine.components();
        threads.starts(machine);
    }

    @Override
    public void steps(PlainMachine machine, int component) {
        silent.add(StepWords.of(machine, component));
        looks.add(StepWords.looksAt(machine, component));
        threads.steps(machine, component);
        labels.add(Realigned.label(machine, component, threads.sender(), components));
        components.add(component);
        doers.add(threads.current());
        senders.add(threads.sender());
    }

    @Override
    public void accept(TraceRecord record) {
        if (components.isEmpty()) {
            return; // what is announced before the start is in the scenario
        }
        records.add(record);
        stepOf.add(components.size() - 1);
    }

    @Override
    public void close() {}

    /** Those of all steps, in order. */
    List<TraceRecord> records() {
        return records;
    }

    /** How many components the machine has. */
    int actors() {
        return actors;
    }

    /** The components that took the steps, in order. */
    int[] components() {
        return components.stream().mapToInt(Integer::intValue).toArray();
    }

    /** For each step the one that sent the message which it handles, or {@link Threads#NO_STEP}. */
    List<Integer> senders() {
        return List.copyOf(senders);
    }

    /** The threads that took the steps, in order. */
    List<Source> doers() {
        return List.copyOf(doers);
    }

    /** By what the steps are known, in order. */
    List<Realigned.Label> labels() {
        return labels;
    }

    /** The thread that took {@code step}. */
    Source doer(int step) {
        return doers.get(step);
    }

    /** The step that left record {@code position}. */
    int stepOf(int position) {
        return stepOf.get(position);
    }

    /** What {@code step} does if it leaves no event; empty where nobody needs to know. */
    String silent(int step) {
        return silent.get(step);
    }

    /**
     * Positions of the records of the steps from {@code from} to before {@code to}, and of what one of them sent another component
     * to do.
     */
    BitSet recordsOf(int from, int to) {
        BitSet positions = new BitSet();
        IntStream.range(0, records.size())
                .filter(i -> isOf(stepOf.get(i), from, to))
                .forEach(positions::set);
        return positions;
    }

    /** Whether {@code step} is one from {@code from} to before {@code to}, or what one of them sent another component to do. */
    boolean isOf(int step, int from, int to) {
        int sender = senders.get(step);
        boolean isSent = sender >= from && sender < to && doers.get(step).equals(doers.get(sender));
        return step >= from && step < to || isSent && !components.get(step).equals(components.get(sender));
    }

    /**
     * What the steps from {@code from} to before {@code to} look at, and what they do: those of their records that are
     * {@code told}, or all if none is.
     */
    Effect effect(int from, int to, BitSet told) {
        BitSet all = recordsOf(from, to);
        Stream<Effect> effects = all.stream()
                .filter(i -> told.get(i) || !all.intersects(told))
                .mapToObj(records::get)
                .map(record -> Effect.of(record.source(), record.event()));
        List<Thing> looked =
                looks.subList(from, to).stream().flatMap(List::stream).toList();
        return effects.reduce(new Effect(List.of(), List.of(), looked), Effect::and);
    }
}
