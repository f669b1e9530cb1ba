package org.vcpusim.sim;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.BooleanSupplier;
import org.vcpusim.search.PlainMachine;
import org.vcpusim.trace.Source;

/** Changes the order of a failing schedule so that threads take longer turns, as long as it fails in as many steps. */
final class TurnJoiner {
    private static final int MOST_REPLAYS = 2_000;

    private final Attempt attempt;
    private final BooleanSupplier stopped;
    private int[] picks;
    private List<Source> doers;
    private final long steps;
    private int replays;

    /** Of {@code picks}, which make {@code attempt} fail. */
    TurnJoiner(Attempt attempt, int[] picks, BooleanSupplier stopped) {
        this.attempt = attempt;
        this.stopped = stopped;
        Doers run = new Doers();
        steps = attempt.run(picks, run, PlainSimulation.NOWHERE).steps();
        this.picks = picks;
        doers = run.doers;
    }

    /** Remembers whose steps a run takes. */
    private static final class Doers implements Attempt.Watcher {
        private final Threads threads = new Threads();
        private final List<Source> doers = new ArrayList<>();

        @Override
        public void starts(PlainMachine machine) {
            threads.starts(machine);
        }

        @Override
        public void steps(PlainMachine machine, int component) {
            threads.steps(machine, component);
            doers.add(threads.current());
        }
    }

    /** The schedule as it is now. */
    int[] picks() {
        return picks;
    }

    /** Runs that it took. */
    int replays() {
        return replays;
    }

    /** How often another thread goes on than before, and once for the first. */
    int turns() {
        return turns(doers);
    }

    private static int turns(List<Source> doers) {
        int turns = 0;
        for (int i = 0; i < doers.size(); i++) {
            turns += i == 0 || !doers.get(i).equals(doers.get(i - 1)) ? 1 : 0;
        }
        return turns;
    }

    /** Joins what can be joined. */
    void join() {
        for (int at = 0; at < picks.length && !isOver(); ) {
            int before = endOfTurnBefore(at);
            if (before < 0 || !joins(before, at)) {
                at = endOfTurn(at);
            }
        }
    }

    private boolean isOver() {
        return stopped.getAsBoolean() || replays >= MOST_REPLAYS;
    }

    /**
     * Whether the turn at {@code at} could be taken behind the one of the same thread that ends at {@code before}, or that one
     * in front of it: all of it, or as much as mailboxes let.
     */
    private boolean joins(int before, int at) {
        int start = startOfTurn(before - 1);
        int end = endOfTurn(at);
        return keeps(before, Exchange.of(slice(before, at), slice(at, end)))
                || keeps(start, Exchange.of(slice(start, before), slice(before, at)))
                || keeps(before, Exchange.woven(slice(before, at), slice(at, end)));
    }

    private int[] slice(int from, int to) {
        return Arrays.copyOfRange(picks, from, to);
    }

    private boolean keeps(int from, int[] order) {
        if (isOver()) {
            return false;
        }
        int[] other = picks.clone();
        System.arraycopy(order, 0, other, from, order.length);
        Doers run = new Doers();
        replays++;
        Attempt.Result result = attempt.run(other, run, PlainSimulation.NOWHERE);
        if (result.violation().isEmpty() || result.steps() > steps || turns(run.doers) >= turns()) {
            return false;
        }
        picks = result.picks().toArray();
        doers = run.doers;
        return true;
    }

    private int endOfTurnBefore(int at) {
        for (int i = at - 1; i >= 0; i--) {
            if (doers.get(i).equals(doers.get(at))) {
                return i + 1 < at ? i + 1 : -1;
            }
        }
        return -1;
    }

    private int startOfTurn(int at) {
        int start = at;
        while (start > 0 && doers.get(start - 1).equals(doers.get(at))) {
            start--;
        }
        return start;
    }

    private int endOfTurn(int at) {
        int end = at + 1;
        while (end < picks.length && doers.get(end).equals(doers.get(at))) {
            end++;
        }
        return end;
    }
}
