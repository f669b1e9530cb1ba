package org.vcpusim.sim;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.vcpusim.search.PlainMachine;
import org.vcpusim.sim.Shrinker.CriticalPair;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.TraceSink;

/** Whether both sides of a pair begin with what they did when their order is the other one. */
final class Sides implements Attempt.Watcher, TraceSink {
    private final CriticalPair pair;
    private final Optional<String> first;
    private final Optional<String> second;
    private final int to;
    private final List<String> done = new ArrayList<>();
    private int step = -1;

    /** Those of {@code pair} in the run of {@code narration}; they have to before step {@code to}. */
    Sides(Narration narration, CriticalPair pair, int to) {
        this.pair = pair;
        first = narration.act(pair.first(), pair.firstEnd());
        second = narration.act(pair.second(), pair.end());
        this.to = to;
    }

    CriticalPair pair() {
        return pair;
    }

    /** Another run begins. */
    void begin() {
        done.clear();
        step = -1;
    }

    @Override
    public void steps(PlainMachine machine, int component) {
        step++;
    }

    @Override
    public void accept(TraceRecord record) {
        if (step >= pair.first() && step < to) {
            done.add(StoryWords.act(record.event()));
        }
    }

    /** Whether both have begun with what they did. */
    boolean act() {
        return Stream.of(first, second).flatMap(Optional::stream).allMatch(done::contains);
    }

    /** Whether the later one comes before the earlier one, as far as both leave something. */
    boolean areReversed() {
        return first.isEmpty() || second.isEmpty() || done.indexOf(second.get()) <= done.indexOf(first.get());
    }

    @Override
    public void close() {}
}
