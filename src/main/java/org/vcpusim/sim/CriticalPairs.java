package org.vcpusim.sim;

import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.vcpusim.sim.Shrinker.CriticalPair;
import org.vcpusim.trace.Source;

/**
 * Looks for the race behind a failure: steps of two threads, one behind the other, that are all taken in either order, and only
 * one order fails.
 *
 * <p>No race is what comes first and what it leads to: both sides have to do in the other order what they did. Nor is one where
 * they have nothing to do with each other, where what is wrong has been done before and the order only decides whether it shows,
 * or where a vCPU has not started yet.
 *
 * <p>Where there are no such neighbours, turns of two threads of which the later one could have come first, with others in between.
 *
 * <p>Behind the exchanged steps the run goes on as it did, pick by pick and step by step; where it cannot, it goes on to its end.
 */
final class CriticalPairs {
    /** Steps of a thread that are exchanged with those of another. */
    private static final int[] LENGTHS = {1, 2, 3, 4, 6, 8, 12};

    private static final int MOST_REPLAYS = 600;
    /** Replays more for turns that do not follow each other. */
    private static final int MOST_TURNS = 300;

    private final Assembly assembly;
    private final Attempt attempt;
    private final Attempt whole;
    private final Narration narration;
    private final int others;
    private final BooleanSupplier stopped;
    private final int[] steps;
    private final List<Source> doers;
    private final List<Integer> senders;
    private final List<Realigned.Label> labels;
    private int replays;

    /**
     * In the run that {@code narration} has heard, which ends as {@code attempt} does; {@code whole} runs to the end.
     *
     * @param others how many other orders were tried that all fail; 0 where one does not
     */
    @SuppressWarnings("TooManyParameters") // a run, and ways to run others
    CriticalPairs(
            Assembly assembly,
            Attempt attempt,
            Attempt whole,
            Narration narration,
            int others,
            BooleanSupplier stopped) {
        this.assembly = assembly;
        this.attempt = attempt;
        this.whole = whole;
        this.narration = narration;
        this.others = others;
        this.stopped = stopped;
        steps = narration.log().components();
        doers = narration.log().doers();
        senders = narration.log().senders();
        labels = narration.log().labels();
    }

    /** Runs that it took. */
    int replays() {
        return replays;
    }

    /**
     * The last one of which both sides lead to the violation; else the last one; else turns that do not follow each other, or do
     * other things the other way round; empty where none was found.
     */
    Optional<CriticalPair> find() {
        return neighbours().or(this::turns);
    }

    private Optional<CriticalPair> neighbours() {
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

    /** The last two turns that both lead to the violation, and of which the later one could have come first. */
    private Optional<CriticalPair> turns() {
        int most = replays + MOST_TURNS;
        for (int end = steps.length; end > 0; end = startOfTurn(end - 1)) {
            int second = startOfTurn(end - 1);
            for (int firstEnd = second; firstEnd > 0; firstEnd = startOfTurn(firstEnd - 1)) {
                if (stopped.getAsBoolean() || replays >= most) {
                    return Optional.empty();
                }
                CriticalPair pair = new CriticalPair(startOfTurn(firstEnd - 1), firstEnd, second, end);
                boolean apart = !doers.get(firstEnd - 1).equals(doers.get(second));
                if (apart && hasWords(pair) && mayRace(pair) && couldComeFirst(pair)) {
                    return Optional.of(pair);
                }
            }
        }
        return Optional.empty();
    }

    /**
     * Whether nothing breaks where the later turn, and all that it needs of what is between, is done before the earlier one, which
     * begins then.
     */
    private boolean couldComeFirst(CriticalPair pair) {
        BitSet ahead = needs(pair);
        if (ahead.get(pair.first(), pair.firstEnd()).cardinality() > 0) {
            return false;
        }
        BitSet behind = new BitSet();
        behind.set(pair.first(), pair.end());
        behind.andNot(ahead);
        int[] other = steps.clone();
        int at = pair.first();
        for (int step : IntStream.concat(ahead.stream(), behind.stream()).toArray()) {
            other[at++] = steps[step];
        }
        int needed = pair.first() + ahead.cardinality() + 1;
        Sides sides = new Sides(narration, pair, Integer.MAX_VALUE);
        return isMended(other, sides, needed) && sides.areReversed();
    }

    /** The steps of the later turn, and those since the earlier one that the same thread takes or that send it what it handles. */
    private BitSet needs(CriticalPair pair) {
        BitSet needed = new BitSet();
        needed.set(pair.second(), pair.end());
        for (int step = pair.end() - 1; step >= pair.first(); step--) {
            if (doers.get(step).equals(doers.get(pair.second()))) {
                needed.set(step);
            }
            if (needed.get(step) && senders.get(step) >= pair.first()) {
                needed.set(senders.get(step));
            }
        }
        return needed;
    }

    private boolean isTold(CriticalPair pair) {
        return narration.tells(pair.first(), pair.firstEnd()) && narration.tells(pair.second(), pair.end());
    }

    /**
     * Whether both sides belong to the story: they lead to the violation, or one does, and the other looks at something without
     * leaving an event, or comes behind the beginning.
     */
    private boolean hasWords(CriticalPair pair) {
        boolean described = narration.describes(pair.first(), pair.firstEnd())
                && narration.describes(pair.second(), pair.end())
                && narration.tells(pair.first(), pair.end());
        boolean looks =
                narration.isSilent(pair.first(), pair.firstEnd()) || narration.isSilent(pair.second(), pair.end());
        return described && (isTold(pair) || looks || narration.hasBegun(pair.first()));
    }

    /** Whether the two have something to do with each other, and neither is only how a vCPU starts. */
    private boolean mayRace(CriticalPair pair) {
        return narration.meet(pair)
                && !narration.isTooLate(pair)
                && !narration.isStart(pair.first(), pair.firstEnd())
                && !narration.isStart(pair.second(), pair.end());
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
                CriticalPair pair = new CriticalPair(second - before, second, second, second + behind);
                if (hasWords(pair) && mayRace(pair) && !isOver() && decides(pair)) {
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
        return isMended(other, new Sides(narration, pair, pair.end()), pair.end());
    }

    /** Whether {@code other} is clean as far as the run went, and to its end where it goes on otherwise or all orders fail. */
    private boolean isMended(int[] other, Sides sides, int needed) {
        OptionalInt taken = takenIfMended(attempt, other, sides, needed);
        boolean asFar = taken.isPresent() && taken.getAsInt() == other.length && others == 0;
        return (asFar || takenIfMended(whole, other, sides, needed).isPresent()) && staysMended(other, sides.pair());
    }

    /** Whether nothing breaks either where each step behind {@code pair} is what it was, however long its thread needs to get there. */
    private boolean staysMended(int[] other, CriticalPair pair) {
        replays++;
        int[] realigned = Realigned.behind(pair.end(), other, labels, assembly, Realigned.Driver.ITSELF);
        return attempt.run(realigned).isClean();
    }

    /**
     * Picks of {@code other} that {@code how} takes, if the first {@code needed} are among them, both {@code sides} do what they
     * did, and the rule is not broken.
     */
    private OptionalInt takenIfMended(Attempt how, int[] other, Sides sides, int needed) {
        replays++;
        sides.begin();
        Attempt.Result result = how.run(other, sides, sides);
        int[] taken = result.picks().toArray();
        boolean mended = result.isClean()
                && sides.act()
                && taken.length >= needed
                && Arrays.mismatch(taken, 0, needed, other, 0, needed) < 0;
        return mended ? OptionalInt.of(taken.length) : OptionalInt.empty();
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
