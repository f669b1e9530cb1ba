package org.vcpusim.sim;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.vcpusim.check.Invariants;
import org.vcpusim.kvm.Fault;
import org.vcpusim.scenario.Scenario;
import org.vcpusim.scenario.ScenarioFile;
import org.vcpusim.schedule.RandomChooser;
import org.vcpusim.search.Delivery;

/**
 * How many random schedules show a broken protocol, by the design of the actors: why stimuli are scheduled and an operation on
 * another CPU is a message of its own.
 */
public final class DesignBench {
    private static final long STEPS = 1_000_000;

    /** Two vCPUs point a level pin each at a third, which leaves the guest and enters it again. */
    private static final String RACE = """
            vcpus = 3
            protocol = scan-then-load
            guests {
              target { vcpus = 0, do = [exit] }
              one { vcpus = 1, do = [set-entry 16 vector 0x31 level to 0] }
              other { vcpus = 2, do = [set-entry 17 vector 0x41 level to 0] }
            }
            """;

    private final Scenario race = ScenarioFile.parse(RACE, "the race of the benchmark");
    private final long schedules;
    private final long seed;

    /** A bench that runs schedules 0 to {@code schedules} - 1 of {@code seed}, for each design and protocol. */
    public DesignBench(long schedules, long seed) {
        this.schedules = schedules;
        this.seed = seed;
    }

    /** How requests are made and looked for. */
    public enum Handshake {
        /** As Linux does. */
        RIGHT("right protocol", Optional.empty()),
        /** Nobody looks at requests again after IN_GUEST_MODE. */
        NO_RECHECK("no re-check", Optional.of(Fault.NO_RECHECK)),
        /** The mode is looked at, and the IPI sent, before the request is made. */
        KICK_BEFORE_REQUEST("kick before request", Optional.of(Fault.KICK_BEFORE_REQUEST));

        private final String label;
        private final Optional<Fault> fault;

        Handshake(String label, Optional<Fault> fault) {
            this.label = label;
            this.fault = fault;
        }

        /** What it is called. */
        public String label() {
            return label;
        }
    }

    /**
     * What one design shows of one protocol.
     *
     * @param found schedules with a finding
     * @param first the first of them
     */
    public record Cell(Delivery design, Handshake handshake, long found, OptionalLong first) {}

    /** All cells that were run to their end, design by design. */
    public record Result(long schedules, long seed, List<Cell> cells) {
        public Result {
            cells = List.copyOf(cells);
        }

        /** What {@code design} shows of {@code handshake}; empty where it was not run to its end. */
        public Optional<Cell> cell(Delivery design, Handshake handshake) {
            return cells.stream()
                    .filter(cell -> cell.design == design && cell.handshake == handshake)
                    .findFirst();
        }
    }

    /** Runs all until {@code stopped}; {@code said} is told of what is run. */
    public Result measure(Consumer<String> said, BooleanSupplier stopped) {
        List<Cell> cells = new ArrayList<>();
        for (Delivery design : Delivery.values()) {
            for (Handshake handshake : Handshake.values()) {
                if (!stopped.getAsBoolean()) {
                    said.accept(design.label() + ", " + handshake.label);
                    cell(design, handshake, stopped).ifPresent(cells::add);
                }
            }
        }
        return new Result(schedules, seed, cells);
    }

    private Optional<Cell> cell(Delivery design, Handshake handshake, BooleanSupplier stopped) {
        EnumSet<Fault> faults = EnumSet.noneOf(Fault.class);
        handshake.fault.ifPresent(faults::add);
        Assembly machine = ScenarioAssembly.of(race.withFaults(faults));
        RandomChooser chooser = new RandomChooser(seed);
        long found = 0;
        OptionalLong first = OptionalLong.empty();
        for (long index = 0; index < schedules; index++) {
            if (stopped.getAsBoolean()) {
                return Optional.empty();
            }
            chooser.begin(seed, index);
            Invariants invariants = Invariants.all();
            RunOutcome outcome =
                    PlainSimulation.run(machine, design, chooser, List.of(invariants), Bounds.steps(STEPS));
            if (outcome.end() != RunOutcome.End.QUIESCENT) {
                throw new IllegalStateException("schedule " + index + " of " + design + ": " + outcome.end());
            }
            if (!invariants.findings().isEmpty()) {
                found++;
                first = first.isEmpty() ? OptionalLong.of(index) : first;
            }
        }
        return Optional.of(new Cell(design, handshake, found, first));
    }
}
