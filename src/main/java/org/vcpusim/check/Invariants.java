package org.vcpusim.check;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.TraceSink;
import org.vcpusim.trace.Tracepoint;

/**
 * Invariants over one run, as one sink. A record costs only those that want its tracepoint.
 *
 * <p>A run has its own: they are cheap to make.
 */
public final class Invariants implements TraceSink {
    /** Indices of invariants, by tracepoint. */
    private static final int[][] WANTED_OF_ALL = wanted(create(new ObservedMachine()));

    private final ObservedMachine machine;
    private final Invariant[] invariants;
    private final int[][] wanted;

    private Invariants(ObservedMachine machine, List<Invariant> invariants, int[][] wanted) {
        this.machine = machine;
        this.invariants = invariants.toArray(Invariant[]::new);
        this.wanted = wanted;
    }

    /** New ones of all the invariants here. */
    public static Invariants all() {
        ObservedMachine machine = new ObservedMachine();
        return new Invariants(machine, create(machine), WANTED_OF_ALL);
    }

    /** A new one of the invariant {@code id} alone. */
    public static Invariants only(String id) {
        ObservedMachine machine = new ObservedMachine();
        List<Invariant> one =
                create(machine).stream().filter(each -> each.id().equals(id)).toList();
        return new Invariants(machine, one, wanted(one));
    }

    /** New ones of all the invariants here, and {@code more}. */
    public static Invariants allAnd(Invariant... more) {
        ObservedMachine machine = new ObservedMachine();
        List<Invariant> invariants = create(machine);
        invariants.addAll(List.of(more));
        return new Invariants(machine, invariants, wanted(invariants));
    }

    private static List<Invariant> create(ObservedMachine machine) {
        LocalApics apics = new LocalApics();
        return new ArrayList<>(List.of(
                new LoadedIsHandledAndSynic(machine),
                new EntryIsUpToDate(),
                new HandledCoversTheTable(machine),
                new HandledIsOfTheTable(machine),
                new StaleVectorsGo(machine),
                new RemoteIrrIsOfLevels(),
                new NoStuckLevelPin(machine),
                new LineFollowsItsSources(machine),
                new LevelLinesInterrupt(machine),
                new EoiEndsEveryPin(machine),
                new BitmapDecidesEoiExits(machine),
                new OnlyTargetsScan(machine),
                new VcpuOwnsItsState(machine),
                new ApicvFollowsInhibits(),
                new NestedBitmapIsKept(),
                new RequestsAreApplied(),
                new NoEntryWithPendingRequest(),
                new WaitBroadcastLeavesNoOldEntry(),
                new SleepersAreWoken(),
                new PostedIsOutstanding(),
                new PostedInterruptsAreNotified(),
                new NestedInterruptsAreNotified(),
                new ProcessorKnowsItsInterrupts(),
                new IoapicEoiReachesUserspace(),
                new OneIpiPerEntry(),
                new WakesAreMeant(),
                new CancelledEntryIsRedone(),
                new PostedBitsAreKept(apics),
                new HintsFitTheRegisters(),
                new TriggerModesAreKept(apics),
                new RegistersFollowEvents(apics),
                new HighestPriorityFirst(apics),
                new EoiEndsTheHighest(apics),
                new InjectedIsTaken(),
                new RequestsInKernelOrder(),
                new RequestsDoTheirWork(),
                new MessagesAreCarriedOut(),
                new NoInterruptLost(apics),
                new TriggersLeadToScans(),
                new DeferredLoadIsPerformed(),
                new RtcCountsItsEois(),
                new UnmaskingAsksResampler(),
                new RestoredLinesInterrupt(),
                new SuppressedEoisStay(),
                new AckNotifiersHearOfEois(),
                new StormsAreDelayed(),
                new HostStaysUp()));
    }

    private static int[][] wanted(List<Invariant> invariants) {
        List<List<Integer>> byTracepoint = new ArrayList<>();
        for (int i = 0; i < Tracepoint.values().length; i++) {
            byTracepoint.add(new ArrayList<>());
        }
        for (int i = 0; i < invariants.size(); i++) {
            for (Tracepoint tracepoint : invariants.get(i).wanted()) {
                byTracepoint.get(tracepoint.ordinal()).add(i);
            }
        }
        return byTracepoint.stream()
                .map(list -> list.stream().mapToInt(Integer::intValue).toArray())
                .toArray(int[][]::new);
    }

    @Override
    public void accept(TraceRecord record) {
        Tracepoint tracepoint = Tracepoint.of(record.event());
        machine.accept(tracepoint, record);
        for (int i : wanted[tracepoint.ordinal()]) {
            invariants[i].accept(record);
        }
    }

    @Override
    public void close() {}

    /** The invariants. */
    public List<Invariant> list() {
        return List.of(invariants);
    }

    /** All violations so far, in the order of the trace. */
    public List<Violation> violations() {
        List<Violation> all = new ArrayList<>(0);
        for (Invariant invariant : invariants) {
            all.addAll(invariant.violations());
        }
        all.sort(Comparator.comparingLong(violation -> violation.at().order()));
        return all;
    }

    /** Those of {@link #violations} that no known hazard explains. */
    public List<Violation> findings() {
        return violations().stream().filter(Violation::isFinding).toList();
    }
}
