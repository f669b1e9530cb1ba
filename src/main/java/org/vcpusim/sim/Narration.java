package org.vcpusim.sim;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.vcpusim.kvm.Event;
import org.vcpusim.trace.Source;
import org.vcpusim.trace.TraceRecord;

/** Keeps the events of a run that lead to its violation, and cuts them into the steps of a story. */
final class Narration {
    private final Shrinker.Shrunk shrunk;
    private final RunLog log = new RunLog();
    private BitSet leads = new BitSet();
    private Optional<Remedy> remedy = Optional.empty();
    private final List<String> columns = new ArrayList<>();
    private final Knowledge knowledge = new Knowledge();
    private final List<Story.Step> steps = new ArrayList<>();
    private int told;

    private Narration(Shrinker.Shrunk shrunk) {
        this.shrunk = shrunk;
    }

    /** The run of {@code shrunk}. */
    static Narration of(Shrinker.Shrunk shrunk) {
        Narration narration = new Narration(shrunk);
        Attempt.Ending ending = shrunk.finishes() ? Attempt.Ending.FINISH : Attempt.Ending.STOP;
        Attempt attempt = new Attempt(
                ScenarioAssembly.of(shrunk.scenario()),
                ending,
                Attempt.Symptom.of(shrunk.violation()),
                shrunk.steps() + 1);
        attempt.run(shrunk.picks().toArray(), narration.log, narration.log);
        narration.tell();
        return narration;
    }

    /** What it has heard. */
    RunLog log() {
        return log;
    }

    /** Who takes part, in the order of their first step. */
    List<String> columns() {
        return List.copyOf(columns);
    }

    List<Story.Step> steps() {
        return List.copyOf(steps);
    }

    Story.Extent extent() {
        return new Story.Extent(
                told,
                log.records().size(),
                StoryWords.isAudit(shrunk.violation().at().event()));
    }

    /** Whether somebody whose scan is told handles vector 0. */
    boolean scansVectorZero() {
        return leads.stream()
                .mapToObj(i -> record(i).event())
                .anyMatch(event -> event instanceof Event.IoapicScanned scanned
                        && scanned.handled().get(0));
    }

    /** What each side knew and did not know. */
    List<String> knowledge() {
        return knowledge.sentences();
    }

    /**
     * Something that is told.
     *
     * @param record its position; -1 for a step without one, and {@link #BEHIND} for what is said of a step behind its records
     */
    private record Item(int step, int record, String text) {
        private static final int BEHIND = Integer.MAX_VALUE;

        boolean isRecord() {
            return record >= 0 && record < BEHIND;
        }
    }

    private void tell() {
        leads = Slice.of(log.records(), shrunk.violation());
        List<Item> items = new ArrayList<>();
        shrunk.critical().ifPresent(pair -> {
            items.addAll(race(pair.first(), pair.firstEnd()));
            items.addAll(race(pair.second(), pair.end()));
        });
        items.addAll(remedy());
        leads.stream().forEach(i -> words(record(i)).ifPresent(text -> items.add(new Item(log.stepOf(i), i, text))));
        items.sort(Comparator.comparingInt(Item::step).thenComparingInt(Item::record));
        List<Item> kept = turns(items).stream()
                .flatMap(turn -> turn.items.stream().filter(item -> !isServedAtOnce(turn, item)))
                .toList();
        turns(kept).forEach(turn -> steps.add(step(turn)));
    }

    /** What the faults of the machine do and what the missing fixes would; what the step does besides is told too. */
    private List<Item> remedy() {
        remedy = Remedy.of(shrunk, log.components());
        if (remedy.isEmpty()) {
            return List.of();
        }
        int step = remedy.get().step();
        if (!tells(step, step + 1)) {
            leads.or(worded(step, step + 1));
        }
        return remedy.get()
                .words(shrunk.scenario().machine())
                .map(text -> new Item(step, Item.BEHIND, text))
                .toList();
    }

    /** What is told of racing steps of which nothing leads to the violation. */
    private List<Item> race(int from, int to) {
        if (tells(from, to)) {
            return List.of();
        }
        BitSet worded = worded(from, to);
        leads.or(worded);
        return worded.isEmpty()
                ? IntStream.range(from, to)
                        .filter(step -> !log.silent(step).isEmpty())
                        .mapToObj(step -> new Item(step, -1, log.silent(step)))
                        .toList()
                : List.of();
    }

    private List<Turn> turns(List<Item> items) {
        List<Turn> turns = new ArrayList<>();
        for (Item item : items) {
            String column = column(log.doer(item.step));
            if (turns.isEmpty() || !last(turns).column.equals(column)) {
                turns.add(new Turn(column, new ArrayList<>()));
            }
            last(turns).items.add(item);
        }
        return turns;
    }

    /** Consecutive items of one column. */
    private record Turn(String column, List<Item> items) {}

    private static Turn last(List<Turn> turns) {
        return turns.get(turns.size() - 1);
    }

    private BitSet worded(int from, int to) {
        BitSet worded = new BitSet();
        log.recordsOf(from, to).stream()
                .filter(i -> words(record(i)).isPresent())
                .forEach(worded::set);
        return worded;
    }

    private TraceRecord record(int position) {
        return log.records().get(position);
    }

    /** Whether something of the steps from {@code from} to before {@code to} leads to the violation. */
    boolean tells(int from, int to) {
        return leads.intersects(worded(from, to));
    }

    /** Whether there is anything to say of the steps from {@code from} to before {@code to}. */
    boolean describes(int from, int to) {
        return IntStream.range(from, to).anyMatch(step -> !log.silent(step).isEmpty())
                || !worded(from, to).isEmpty();
    }

    /** Whether no event of the steps from {@code from} to before {@code to} is worth a line. */
    boolean isSilent(int from, int to) {
        return worded(from, to).isEmpty();
    }

    /** What is done first in the steps from {@code from} to before {@code to} of what leads to the violation. */
    Optional<String> act(int from, int to) {
        return leads.stream()
                .filter(i -> log.stepOf(i) >= from && log.stepOf(i) < to)
                .mapToObj(i -> record(i).event())
                .filter(event -> !StoryWords.isVerdict(event))
                .map(StoryWords::act)
                .findFirst();
    }

    /**
     * Whether all that leads to the violation in the steps from {@code from} to before {@code to} is what a vCPU begins with: it
     * scans the table, and nobody has asked it to yet.
     */
    boolean isStart(int from, int to) {
        BitSet told = worded(from, to);
        told.and(leads);
        return !told.isEmpty() && told.stream().allMatch(this::isStart);
    }

    private boolean isStart(int position) {
        Event event = record(position).event();
        boolean scans = event instanceof Event.IoapicScanned
                || event instanceof Event.EoiExitmapLoaded
                || event instanceof Event.RequestMade
                || event instanceof Event.RequestSeen;
        return scans
                && event instanceof Event.OfVcpu its
                && IntStream.rangeClosed(0, position)
                        .filter(i -> !log.doer(log.stepOf(i)).equals(Source.vcpu(its.vcpu())))
                        .mapToObj(i -> record(i).event())
                        .noneMatch(other -> other instanceof Event.RequestMade made && made.vcpu() == its.vcpu());
    }

    /** Whether one side of {@code pair} changes what the other one changes or looks at. */
    boolean meet(Shrinker.CriticalPair pair) {
        Effect one = log.effect(pair.first(), pair.firstEnd(), leads);
        Effect other = log.effect(pair.second(), pair.end(), leads);
        return one.meets(other);
    }

    /**
     * Whether {@code pair} is behind the last step in which the missing fixes help, and none of whom takes that: what was wrong
     * has been done then, and the order only decides whether it shows.
     */
    boolean isTooLate(Shrinker.CriticalPair pair) {
        return remedy.filter(act -> act.step() < pair.first()
                        && Stream.of(pair.first(), pair.second())
                                .map(log::doer)
                                .noneMatch(log.doer(act.step())::equals))
                .isPresent();
    }

    /** Whether something before {@code step} leads to the violation. */
    boolean hasBegun(int step) {
        return !leads.isEmpty() && log.stepOf(leads.nextSetBit(0)) < step;
    }

    /** The words for {@code record}: those of the violation itself are never kept back, unless an audit has them. */
    private Optional<String> words(TraceRecord record) {
        Optional<String> words = StoryWords.of(record.event());
        boolean isIt = record.order() == shrunk.violation().at().order() && !StoryWords.isAudit(record.event());
        return isIt ? Optional.of(StoryWords.always(record.event())) : words;
    }

    private String column(Source doer) {
        return doer.kind() == Source.Kind.DEVICE
                ? shrunk.scenario().devices().get(doer.index()).name()
                : doer.label();
    }

    private Story.Step step(Turn turn) {
        if (!columns.contains(turn.column)) {
            columns.add(turn.column);
        }
        int number = 1 + steps.size();
        List<Story.Line> lines = new ArrayList<>();
        for (Item item : turn.items) {
            lines.add(new Story.Line(item.text, item.record < Item.BEHIND && races(item.step)));
            if (item.isRecord()) {
                told++;
                knowledge.learn(record(item.record), number);
            }
        }
        return new Story.Step(number, turn.column, Repeats.folded(lines));
    }

    private boolean races(int step) {
        return shrunk.critical()
                .filter(pair ->
                        log.isOf(step, pair.first(), pair.firstEnd()) || log.isOf(step, pair.second(), pair.end()))
                .isPresent();
    }

    /** Whether it is a request that a vCPU makes on itself and serves in the same turn. */
    private boolean isServedAtOnce(Turn turn, Item item) {
        return requestOf(item).stream()
                .anyMatch(request -> turn.items.stream()
                        .anyMatch(other ->
                                !other.equals(item) && requestOf(other).stream().anyMatch(request::equals)));
    }

    /** A request made on itself, or seen: vCPU and request. */
    private Optional<String> requestOf(Item item) {
        if (!item.isRecord()) {
            return Optional.empty();
        }
        Event event = record(item.record).event();
        if (event instanceof Event.RequestMade made && log.doer(item.step).equals(Source.vcpu(made.vcpu()))) {
            return Optional.of(made.vcpu() + " " + made.flow().request());
        }
        return event instanceof Event.RequestSeen seen
                ? Optional.of(seen.vcpu() + " " + seen.flow().request())
                : Optional.empty();
    }
}
