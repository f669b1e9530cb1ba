package org.vcpusim.sim;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.vcpusim.arch.ApicRegister;
import org.vcpusim.kvm.ApicIdentity;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.Fault;
import org.vcpusim.kvm.Guest;
import org.vcpusim.kvm.GuestAction;
import org.vcpusim.kvm.GuestAction.Plain;
import org.vcpusim.kvm.Lapic;
import org.vcpusim.kvm.Machine;
import org.vcpusim.kvm.Program;
import org.vcpusim.kvm.Protocol;
import org.vcpusim.kvm.Routing;
import org.vcpusim.kvm.Vcpu;
import org.vcpusim.kvm.Vm;
import org.vcpusim.trace.Recorder;
import org.vcpusim.trace.Source;
import org.vcpusim.trace.TraceFormat;
import org.vcpusim.trace.TraceSink;

/**
 * How fast vCPUs enter and leave the guest under a steady rate of table writes, beside bare Pekko actors in the same process.
 *
 * <p>vCPU 0 moves a level pin about, vCPU 1 sends IPIs to the others, which are posted; those write the divide configuration of
 * their timer over and over, an exit each.
 */
public final class LiveBench {
    private static final long SECOND = 1_000_000_000L;
    private static final int MEMORY_VCPUS = 100_000;
    /** Rates grow until the JVM has compiled all of it, which takes it some rounds while the actors keep every processor busy. */
    private static final int WARM_UP_ROUNDS = 3;

    private static final int PIN = 16;
    private static final int LEVEL_VECTOR = 0x8031;
    private static final int DESTINATION_SHIFT = 24;
    private static final int SPIV_ENABLED = 0x1ff;
    /** A fixed, edge-triggered IPI of vector 0x81. */
    private static final int IPI = 0x4081;

    private static final long FOREVER = 1L << 40;

    private final int vcpus;
    private final long nanos;
    private final int rounds;

    /** A bench with {@code vcpus} vCPUs that measures {@code rounds} times {@code nanos} of each kind. */
    public LiveBench(int vcpus, long nanos, int rounds) {
        this.vcpus = vcpus;
        this.nanos = nanos;
        this.rounds = rounds;
    }

    /** One measurement of the simulated vCPUs. */
    public record Rate(double messagesPerSecond, double entriesPerSecond) {}

    /**
     * One round, all in turn.
     *
     * @param bare messages per second of bare actors
     * @param untraced without a trace
     * @param traced with a text trace written to a file
     */
    public record Round(double bare, Rate untraced, Rate traced) {
        /** Messages per second without trace, as a share of the bare actors'. */
        public double untracedRatio() {
            return untraced.messagesPerSecond / bare;
        }

        /** Messages per second with trace, as a share of the bare actors'. */
        public double tracedRatio() {
            return traced.messagesPerSecond / bare;
        }
    }

    /**
     * What was measured; ratios are compared round by round.
     *
     * @param rounds those that were run to their end
     * @param bytesPerVcpu empty where it was not measured any more
     */
    public record Result(int vcpus, List<Round> rounds, int memoryVcpus, OptionalDouble bytesPerVcpu) {
        public Result {
            rounds = List.copyOf(rounds);
        }

        /** The median of the rounds, of which there must be one. */
        public double median(java.util.function.ToDoubleFunction<Round> figure) {
            return Median.of(rounds.stream().mapToDouble(figure));
        }
    }

    /**
     * Measures.
     *
     * @param said is told what is being measured
     * @param stopped whether the user wants it to end; the round that is under way does not count then
     */
    public Result measure(Consumer<String> said, BooleanSupplier stopped) {
        List<Round> measured = new ArrayList<>();
        for (int round = 1; round <= WARM_UP_ROUNDS && !stopped.getAsBoolean(); round++) {
            said.accept("warming up, round " + round + " of " + WARM_UP_ROUNDS);
            round(stopped);
        }
        for (int round = 1; round <= rounds && !stopped.getAsBoolean(); round++) {
            said.accept("round " + round + " of " + rounds);
            Round whole = round(stopped);
            if (!stopped.getAsBoolean()) {
                measured.add(whole);
            }
        }
        if (stopped.getAsBoolean()) {
            return new Result(vcpus, measured, MEMORY_VCPUS, OptionalDouble.empty());
        }
        said.accept("memory of " + MEMORY_VCPUS + " vCPUs");
        return new Result(vcpus, measured, MEMORY_VCPUS, OptionalDouble.of(bytesPerVcpu()));
    }

    private Round round(BooleanSupplier stopped) {
        double bare = BareActors.messagesPerSecond(vcpus, nanos, stopped);
        Rate untraced = untraced(stopped);
        return new Round(bare, untraced, traced(stopped));
    }

    private Rate untraced(BooleanSupplier stopped) {
        try (LiveSimulation simulation = new LiveSimulation()) {
            return rate(simulation, new Entries(LiveSimulation.NOWHERE), stopped);
        }
    }

    private Rate traced(BooleanSupplier stopped) {
        try {
            Path file = Files.createTempFile("vcpusim-bench", ".trace");
            try (LiveSimulation simulation = new LiveSimulation();
                    TraceSink text = TraceFormat.TEXT.writer(file, vcpus);
                    LiveRecorder recorder = simulation.recorder(List.of(text), failure -> {})) {
                return rate(simulation, new Entries(recorder), stopped);
            } finally {
                Files.delete(file);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private Rate rate(LiveSimulation simulation, Entries entries, BooleanSupplier stopped) {
        RunOutcome outcome = simulation.run(assembly(vcpus, FOREVER), entries, until(nanos, stopped));
        return rate(outcome, entries.count.sum());
    }

    /** Counts entries on their way to another recorder. */
    private static final class Entries implements Recorder {
        private final LongAdder count = new LongAdder();
        private final Recorder behind;

        Entries(Recorder behind) {
            this.behind = behind;
        }

        @Override
        public void record(Source source, Event event) {
            if (event instanceof Event.GuestEntered) {
                count.increment();
            }
            behind.record(source, event);
        }

        @Override
        public void elapse(long virtual) {
            behind.elapse(virtual);
        }
    }

    private static Rate rate(RunOutcome outcome, long entries) {
        double seconds = outcome.nanos() / (double) SECOND;
        return new Rate(outcome.steps() / seconds, entries / seconds);
    }

    private static Bounds until(long nanos, BooleanSupplier stopped) {
        long start = System.nanoTime();
        return new Bounds(Long.MAX_VALUE, () -> stopped.getAsBoolean() || System.nanoTime() - start >= nanos);
    }

    /** Heap that each vCPU and its guest take once all of them have run and sleep. */
    private static double bytesPerVcpu() {
        try (LiveSimulation simulation = new LiveSimulation()) {
            long before = usedAfterCollection();
            long[] after = new long[1];
            Assembly assembly = assembly(MEMORY_VCPUS, 1).withListener(message -> {});
            simulation.run(
                    assembly,
                    LiveSimulation.NOWHERE,
                    new Bounds(Long.MAX_VALUE, () -> false),
                    () -> after[0] = usedAfterCollection());
            return (after[0] - before) / (double) MEMORY_VCPUS;
        }
    }

    private static long usedAfterCollection() {
        for (int i = 0; i < 3; i++) {
            System.gc();
        }
        Runtime runtime = Runtime.getRuntime();
        return runtime.totalMemory() - runtime.freeMemory();
    }

    private static Assembly assembly(int vcpus, long times) {
        Machine machine = new Machine(
                vcpus,
                Protocol.SCAN_THEN_LOAD,
                Machine.Apicv.ACTIVE,
                Machine.X2APIC_API_USE_32BIT_IDS | Machine.X2APIC_API_DISABLE_BROADCAST_QUIRK,
                0,
                Machine.TaskPriority.TPR_SHADOW,
                List.<Fault>of(),
                0);
        Guest.Software mover = software(movingPin(vcpus));
        Guest.Software sender = software(sendingIpis(vcpus));
        Guest.Software worker = software(
                interruptible(List.of(new GuestAction.ApicRegisterWrite(ApicRegister.TDCR.offset(), 0)), times));
        return Assembly.of(
                machine,
                () -> vm(machine),
                i -> Vcpu.created(machine, enabled(i), Optional.empty()),
                i -> Guest.starting(times < FOREVER || i > 1 ? worker : i == 0 ? mover : sender));
    }

    private static Vm vm(Machine machine) {
        ApicIdentity[] identities = new ApicIdentity[machine.vcpuCount()];
        Arrays.setAll(identities, i -> enabled(i).identity());
        return Vm.created(machine, Routing.of(Routing.Preset.IOAPIC), identities);
    }

    private static Lapic enabled(int vcpu) {
        Lapic created = Lapic.created(vcpu);
        return created.withPage(created.page().write(ApicRegister.SPIV, SPIV_ENABLED));
    }

    private static Program<GuestAction> sendingIpis(int vcpus) {
        List<GuestAction> ipis = new ArrayList<>();
        for (int target = 2; target < Math.min(vcpus, 255); target++) {
            long high = (long) target << DESTINATION_SHIFT & 0xffffffffL;
            ipis.add(new GuestAction.ApicRegisterWrite(ApicRegister.ICR2.offset(), high));
            ipis.add(new GuestAction.ApicRegisterWrite(ApicRegister.ICR.offset(), IPI));
        }
        return repeated(ipis, FOREVER);
    }

    private static Program<GuestAction> movingPin(int vcpus) {
        List<GuestAction> moves = new ArrayList<>();
        moves.add(new GuestAction.IoapicRegisterWrite(0x10 + 2 * PIN, LEVEL_VECTOR));
        for (int target = 0; target < Math.min(vcpus, 255); target++) {
            moves.add(new GuestAction.IoapicRegisterWrite(0x11 + 2 * PIN, target << DESTINATION_SHIFT));
        }
        return repeated(moves, FOREVER);
    }

    private static Program<GuestAction> repeated(List<GuestAction> actions, long times) {
        return new Program<>(List.of(new Program.Repeat<>(times, Program.of(actions))));
    }

    private static Program<GuestAction> interruptible(List<GuestAction> actions, long times) {
        return new Program<>(List.of(new Program.Do<>(Plain.STI), new Program.Repeat<>(times, Program.of(actions))));
    }

    private static Guest.Software software(Program<GuestAction> main) {
        Program<GuestAction> idle = Program.of(List.of(Plain.STI, Plain.HLT));
        return new Guest.Software(main, List.of(), Program.of(List.of(Plain.EOI)), idle, main);
    }
}
