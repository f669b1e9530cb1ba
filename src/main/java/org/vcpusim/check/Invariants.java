package org.vcpusim.check;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.vcpusim.kvm.Rules;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.TraceSink;
import org.vcpusim.trace.Tracepoint;

/**
 * Invariants over one run, as one sink. A record costs only those that want its tracepoint.
 *
 * <p>A run has its own: they are cheap to make, each with the first record for it.
 */
public final class Invariants implements TraceSink {
    /** How to make each, with what several of them look at. */
    private static final List<Function<Seen, Invariant>> ALL = List.of(
            seen -> new LoadedIsHandledAndSynic(seen.machine),
            seen -> new EntryIsUpToDate(),
            seen -> new HandledCoversTheTable(seen.machine),
            seen -> new HandledIsOfTheTable(seen.machine),
            seen -> new StaleVectorsGo(seen.machine),
            seen -> new RemoteIrrIsOfLevels(),
            seen -> new NoStuckLevelPin(seen.machine),
            seen -> new LineFollowsItsSources(seen.machine),
            seen -> new LevelLinesInterrupt(seen.machine),
            seen -> new EoiEndsEveryPin(seen.machine),
            seen -> new BitmapDecidesEoiExits(seen.machine),
            seen -> new OnlyTargetsScan(seen.machine),
            seen -> new VcpuOwnsItsState(seen.machine),
            seen -> new ApicvFollowsInhibits(),
            seen -> new NestedBitmapIsKept(),
            seen -> new RequestsAreApplied(),
            seen -> new NoEntryWithPendingRequest(),
            seen -> new WaitBroadcastLeavesNoOldEntry(),
            seen -> new SleepersAreWoken(),
            seen -> new PostedIsOutstanding(),
            seen -> new PostedInterruptsAreNotified(seen.machine),
            seen -> new NestedInterruptsAreNotified(),
            seen -> new ProcessorKnowsItsInterrupts(seen.machine),
            seen -> new IoapicEoiReachesUserspace(),
            seen -> new OneIpiPerEntry(),
            seen -> new WakesAreMeant(),
            seen -> new CancelledEntryIsRedone(),
            seen -> new PostedBitsAreKept(seen.apics),
            seen -> new HintsFitTheRegisters(),
            seen -> new TriggerModesAreKept(seen.apics),
            seen -> new RegistersFollowEvents(seen.apics),
            seen -> new HighestPriorityFirst(seen.apics, seen.machine),
            seen -> new EoiEndsTheHighest(seen.apics),
            seen -> new InjectedIsTaken(),
            seen -> new RequestsInKernelOrder(),
            seen -> new RequestsDoTheirWork(),
            seen -> new MessagesAreCarriedOut(seen.machine),
            seen -> new NoInterruptLost(seen.apics),
            seen -> new TriggersLeadToScans(),
            seen -> new DeferredLoadIsPerformed(),
            seen -> new RtcCountsItsEois(seen.machine),
            seen -> new UnmaskingAsksResampler(),
            seen -> new RestoredLinesInterrupt(),
            seen -> new SuppressedEoisStay(),
            seen -> new AckNotifiersHearOfEois(seen.machine),
            seen -> new StormsAreDelayed(),
            seen -> new HostStaysUp(),
            seen -> new AddressedAreReached(seen.machine),
            seen -> new InhibitsFollowReasons(seen.machine),
            seen -> new SleepersGetTheWakeUpVector(),
            seen -> new ResamplersAreAsked(),
            seen -> new EdgesFollowRises(),
            seen -> new RoutesFollowTheTable(seen.machine),
            seen -> new NewAddressesAreScanned(seen.machine),
            seen -> new NmisAndStartUpsAreServed(),
            seen -> new HaltsSleep(),
            seen -> new SynicVectorsEnd(seen.machine),
            seen -> new SynicHasItsSources(seen.machine),
            seen -> new RtcTicksCoalesce(),
            seen -> new LevelsInterruptWhileHigh(),
            seen -> new NotifiersRunFirst(),
            seen -> new NewNotifiersAreScanned(seen.machine),
            seen -> new ExitsOfL2AreReflected(),
            seen -> new PitTicksAreDelivered(),
            seen -> new SignalsEndTheRun(),
            seen -> new HeldNotificationsAreTaken(),
            seen -> new PreemptedAreNotNotified(),
            seen -> new NmisComeFirst(),
            seen -> new PicHandsOver(),
            seen -> new ThresholdFollowsRequests(seen.machine));

    /** Indices of invariants, by tracepoint. */
    private static final int[][] WANTED_OF_ALL = wanted(ALL);

    /** How to make each, by its id: who shortens a schedule asks for one again and again. */
    private static final Map<String, List<Function<Seen, Invariant>>> BY_ID = new TreeMap<>();

    private static final Map<String, String> TITLES = new TreeMap<>();

    static {
        for (Function<Seen, Invariant> maker : ALL) {
            Invariant fresh = fresh(maker);
            BY_ID.put(fresh.id(), List.of(maker));
            TITLES.put(fresh.id(), fresh.title());
        }
    }

    private final Seen seen = new Seen(new ObservedMachine(), new LocalApics());
    private final List<Function<Seen, Invariant>> makers;
    private final int[][] wanted;
    /** Those that have been given a record, or asked for: the others are as new. */
    private final @Nullable Invariant[] made;

    private final Rules rules;

    private Invariants(List<Function<Seen, Invariant>> makers, int[][] wanted, Rules rules) {
        this.makers = makers;
        this.wanted = wanted;
        this.rules = rules;
        made = new Invariant[makers.size()];
    }

    /** What several invariants look at together. */
    private record Seen(ObservedMachine machine, LocalApics apics) {}

    /** New ones of all the invariants here, for a machine that may have every hazard. */
    public static Invariants all() {
        return all(Rules.UPSTREAM);
    }

    /** New ones of all the invariants here, for a machine with {@code rules}. A hazard that these cure explains no violation. */
    public static Invariants all(Rules rules) {
        return new Invariants(ALL, WANTED_OF_ALL, rules);
    }

    /** A new one of the invariant {@code id} alone, for a machine with {@code rules}. */
    public static Invariants only(String id, Rules rules) {
        List<Function<Seen, Invariant>> one = BY_ID.getOrDefault(id, List.of());
        return new Invariants(one, wanted(one), rules);
    }

    /** New ones of all the invariants here, and {@code more}. */
    public static Invariants allAnd(Invariant... more) {
        List<Function<Seen, Invariant>> makers = new ArrayList<>(ALL);
        for (Invariant each : more) {
            makers.add(seen -> each);
        }
        return new Invariants(makers, wanted(makers), Rules.UPSTREAM);
    }

    private static Invariant fresh(Function<Seen, Invariant> maker) {
        return maker.apply(new Seen(new ObservedMachine(), new LocalApics()));
    }

    private static int[][] wanted(List<Function<Seen, Invariant>> makers) {
        List<List<Integer>> byTracepoint = new ArrayList<>();
        for (int i = 0; i < Tracepoint.values().length; i++) {
            byTracepoint.add(new ArrayList<>());
        }
        for (int i = 0; i < makers.size(); i++) {
            for (Tracepoint tracepoint : fresh(makers.get(i)).wanted()) {
                byTracepoint.get(tracepoint.ordinal()).add(i);
            }
        }
        return byTracepoint.stream()
                .map(list -> list.stream().mapToInt(Integer::intValue).toArray())
                .toArray(int[][]::new);
    }

    /** The rule {@code id} in words; empty for one that is not among {@link #all}. */
    public static String title(String id) {
        return TITLES.getOrDefault(id, "");
    }

    @Override
    public void accept(TraceRecord record) {
        Tracepoint tracepoint = Tracepoint.of(record.event());
        seen.machine.accept(tracepoint, record);
        for (int i : wanted[tracepoint.ordinal()]) {
            invariant(i).accept(record);
        }
    }

    @Override
    public void close() {}

    private Invariant invariant(int index) {
        Invariant there = made[index];
        if (there == null) {
            there = makers.get(index).apply(seen);
            there.judgeBy(rules);
            made[index] = there;
        }
        return there;
    }

    /** The invariants. */
    public List<Invariant> list() {
        return IntStream.range(0, made.length).mapToObj(this::invariant).toList();
    }

    /** All violations so far, in the order of the trace. */
    public List<Violation> violations() {
        List<Violation> all = new ArrayList<>(0);
        for (Invariant invariant : made) {
            if (invariant != null && invariant.hasViolations()) {
                all.addAll(invariant.violations());
            }
        }
        all.sort(Comparator.comparingLong(violation -> violation.at().order()));
        return all;
    }

    /** Whether there is a violation that no known hazard explains; cheap enough to ask after every record. */
    public boolean hasFinding() {
        for (Invariant invariant : made) {
            if (invariant != null && invariant.hasFinding()) {
                return true;
            }
        }
        return false;
    }

    /** Those of {@link #violations} that no known hazard explains. */
    public List<Violation> findings() {
        return violations().stream().filter(Violation::isFinding).toList();
    }
}
