package org.vcpusim.sim;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.vcpusim.sim.Shrinker.CriticalPair;
import org.vcpusim.trace.Source;

/**
 * Looks for the race behind a failure: steps of two threads, one behind the other, that are all taken in either order, and only
 * one order fails.
 *
 * <p>Behind the exchanged steps the run goes on as it did; where it cannot, it goes on to its end.
 */
final class CriticalPairs {
    /** Steps of a thread that are exchanged with those of another. */
    private static final int[] LENGTHS = {1, 2, 3, 4, 6, 8, 12};

    private static final int MOST_REPLAYS = 600;

    private final Attempt attempt;
    private final Attempt whole;
    private final Narration narration;
    private final BooleanSupplier stopped;
    private final int[] steps;
    private final List<Source> doers;
    private int replays;

    /** In the run that {@code narration} has heard; {@code attempt} runs others as far, {@code whole} to their end. */
    CriticalPairs(Attempt attempt, Attempt whole, Narration narration, BooleanSupplier stopped) {
        this.attempt = attempt;
        this.whole = whole;
        this.narration = narration;
        this.stopped = stopped;
        steps = narration.components();
        doers = narration.doers();
    }

    /** Runs that it took. */
    int replays() {
        return replays;
    }

    /** The last one of which both sides lead to the violation; else the last one; empty where none was found. */
    Optional<CriticalPair> find() {
        Optional<CriticalPair> found = Optional.empty();
        for (int second = steps.length - 1; second > 0 && !isOver(); second--) {
            boolean meet = !doers.get(second).equals(doers.get(second - 1));
            if (meet && narration.tells(startOfTurn(second - 1), endOfTurn(second))) {
                Optional<CriticalPair> here = at(second);
                if (here.filter(this::isTold).isPresent()) {
                    return here;
                }
                found = found.or(() -> here);
            }
        }
        return found;
    }

    private boolean isTold(CriticalPair pair) {
        return narration.tells(pair.first(), pair.second()) && narration.tells(pair.second(), pair.end());
    }

    /**
     * Whether both sides belong to the story: they lead to the violation, or one does, and the other looks at something without
     * leaving an event, or comes behind the beginning.
     */
    private boolean hasWords(CriticalPair pair) {
        boolean described = narration.describes(pair.first(), pair.second())
                && narration.describes(pair.second(), pair.end())
                && narration.tells(pair.first(), pair.end());
        boolean looks =
                narration.isSilent(pair.first(), pair.second()) || narration.isSilent(pair.second(), pair.end());
        return described && (isTold(pair) || looks || narration.hasBegun(pair.first()));
    }

    private boolean isOver() {
        return stopped.getAsBoolean() || replays >= MOST_REPLAYS;
    }

    /** The shortest pair that meets at {@code second} and has words on both sides. */
    private Optional<CriticalPair> at(int second) {
        int most = second - startOfTurn(second - 1);
        int room = endOfTurn(second) - second;
        for (int before : lengths(most)) {
            for (int behind : lengths(room)) {
                CriticalPair pair = new CriticalPair(second - before, second, second + behind);
                if (hasWords(pair) && !isOver() && decides(pair)) {
                    return Optional.of(pair);
                }
            }
        }
        return Optional.empty();
    }

    /** How many steps of a turn of {@code most} may be exchanged: a few of the next ones, or all. */
    private static int[] lengths(int most) {
        return IntStream.concat(IntStream.of(LENGTHS).filter(length -> length < most), IntStream.of(most))
                .toArray();
    }

    private boolean decides(CriticalPair pair) {
        int[] before = Arrays.copyOfRange(steps, pair.first(), pair.second());
        int[] behind = Arrays.copyOfRange(steps, pair.second(), pair.end());
        return mends(pair, Exchange.of(before, behind)) || mends(pair, Exchange.woven(before, behind));
    }

    /** Whether all of {@code order} is taken in place of the steps of {@code pair}, and nothing breaks. */
    private boolean mends(CriticalPair pair, int[] order) {
        int[] other = steps.clone();
        System.arraycopy(order, 0, other, pair.first(), order.length);
        replays++;
        Attempt.Result result = attempt.run(other);
        int[] taken = result.picks().toArray();
        boolean mended = result.violation().isEmpty()
                && taken.length >= pair.end()
                && Arrays.mismatch(taken, 0, pair.end(), other, 0, pair.end()) < 0;
        if (!mended || taken.length == other.length) {
            return mended;
        }
        replays++;
        return whole.run(other).violation().isEmpty();
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
        while (end < steps.length && doers.get(end).equals(doers.get(at))) {
            end++;
        }
        return end;
    }
}
