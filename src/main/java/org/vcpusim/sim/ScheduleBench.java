package org.vcpusim.sim;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Phaser;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;
import org.vcpusim.check.Invariants;
import org.vcpusim.scenario.Scenario;
import org.vcpusim.scenario.ScenarioFile;
import org.vcpusim.schedule.RandomChooser;

/**
 * How many schedules of a small race a second are run, beside bare actors that exchange as many messages on the same executor
 * in the same process.
 *
 * <p>Each job is a thread with an actor system of its own for each subject, made once. What is measured takes turns, slice by
 * slice, so that a computer that is slow for a while is so for all.
 */
public final class ScheduleBench {
    private static final double SECOND = 1e9;
    private static final long SEED = 1;
    private static final long STEPS = 1_000_000;
    /** Messages that each subject handles before it is measured, for each microsecond of a measurement. */
    private static final long WARM_UP_PER_MICROSECOND = 20;

    private static final int SLICES = 20;

    /** One write of the table, one broadcast to all vCPUs, each of which enters the guest once or twice and halts. */
    private static final String RACE = """
            vcpus = 1
            protocol = scan-then-load
            ioapic { 16 = vector 0x31 level to all }
            guests {
              writer { vcpus = 0, do = [set-low 16 vector 0x32 level] }
            }
            """;

    private final List<Integer> vcpuCounts;
    private final long nanos;
    private final int rounds;
    private final int jobs;

    /** A bench on {@code jobs} threads that measures each subject {@code rounds} times for {@code nanos}, for each number of vCPUs. */
    public ScheduleBench(List<Integer> vcpuCounts, long nanos, int rounds, int jobs) {
        this.vcpuCounts = List.copyOf(vcpuCounts);
        this.nanos = nanos;
        this.rounds = rounds;
        this.jobs = jobs;
    }

    /** What is measured. */
    public enum Subject {
        /** Actors that exchange empty messages. */
        BARE("bare actors"),
        /** The machine as actors, nobody watching. */
        UNWATCHED("invariants off"),
        /** The machine as actors and every invariant. */
        WATCHED("invariants on"),
        /** The same with coverage and outcomes: what {@code stress} does. */
        STRESS("stress"),
        /** The machine as plain values and every invariant. */
        PLAIN("plain values, invariants on");

        private final String label;

        Subject(String label) {
            this.label = label;
        }

        /** What it is called. */
        public String label() {
            return label;
        }
    }

    /** So many schedules, and messages in them, of all jobs in {@code nanos}. */
    public record Rate(long schedules, long messages, long nanos) {
        /** Schedules per second. */
        public double schedulesPerSecond() {
            return schedules / (nanos / SECOND);
        }

        /** Messages handled per second. */
        public double messagesPerSecond() {
            return messages / (nanos / SECOND);
        }

        private Rate and(Rate other) {
            return new Rate(schedules + other.schedules, messages + other.messages, Math.max(nanos, other.nanos));
        }
    }

    /** One round, all subjects in turn. */
    public record Round(Map<Subject, Rate> rates) {
        public Round {
            rates = new EnumMap<>(rates);
        }

        /** What was measured of {@code subject}. */
        public Rate rate(Subject subject) {
            Rate rate = rates.get(subject);
            if (rate == null) {
                throw new IllegalArgumentException(subject + " was not measured");
            }
            return rate;
        }

        /** Messages per second of {@code subject}, as a share of the bare actors'. */
        public double ratio(Subject subject) {
            return rate(subject).messagesPerSecond() / rate(Subject.BARE).messagesPerSecond();
        }

        private Round and(Round other) {
            Map<Subject, Rate> sum = new EnumMap<>(Subject.class);
            rates.forEach((subject, rate) -> sum.put(subject, rate.and(other.rate(subject))));
            return new Round(sum);
        }
    }

    /**
     * What was measured with one number of vCPUs; ratios are compared round by round.
     *
     * @param actors how many the machine and the bare conversation have
     * @param messages in a schedule of bare actors, as in one of the machine; others of the machine may have a few more or less
     */
    public record Size(int vcpus, int actors, long messages, List<Round> rounds) {
        public Size {
            rounds = List.copyOf(rounds);
        }

        /** The median of the rounds. */
        public double median(ToDoubleFunction<Round> figure) {
            return Median.of(rounds.stream().mapToDouble(figure));
        }
    }

    /** What was measured: the sizes of which a round was run to its end. */
    public record Result(int jobs, List<Size> sizes) {
        public Result {
            sizes = List.copyOf(sizes);
        }
    }

    /**
     * Measures.
     *
     * @param said is told what is being measured
     * @param stopped whether the user wants it to end; the round that is under way does not count then
     */
    public Result measure(Consumer<String> said, BooleanSupplier stopped) {
        ExecutorService threads = Executors.newFixedThreadPool(jobs);
        try {
            List<Size> sizes = new ArrayList<>();
            for (int vcpus : vcpuCounts) {
                if (stopped.getAsBoolean()) {
                    break;
                }
                said.accept(vcpus + " vCPUs");
                Size size = size(vcpus, threads, stopped);
                if (!size.rounds.isEmpty()) {
                    sizes.add(size);
                }
            }
            return new Result(jobs, sizes);
        } finally {
            threads.shutdownNow();
        }
    }

    private Size size(int vcpus, ExecutorService threads, BooleanSupplier stopped) {
        Assembly machine = race(vcpus);
        Together together = new Together(jobs, stopped);
        List<Callable<Size>> shares = IntStream.range(0, jobs)
                .<Callable<Size>>mapToObj(job -> () -> share(machine, job, together))
                .toList();
        try {
            List<Future<Size>> futures = threads.invokeAll(shares);
            Size sum = futures.get(0).get();
            for (Future<Size> other : futures.subList(1, jobs)) {
                sum = sum(sum, other.get());
            }
            return sum;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted", e);
        } catch (ExecutionException e) {
            throw new IllegalStateException("a job failed", e.getCause());
        }
    }

    /** Where the jobs wait for each other; what the last one finds there of the user's wish is what all find. */
    private static final class Together extends Phaser {
        private final BooleanSupplier stopped;
        private volatile boolean over;

        Together(int jobs, BooleanSupplier stopped) {
            super(jobs);
            this.stopped = stopped;
        }

        @Override
        protected boolean onAdvance(int phase, int registered) {
            over |= stopped.getAsBoolean();
            return super.onAdvance(phase, registered);
        }

        /** Whether to go on. */
        boolean goOn() {
            arriveAndAwaitAdvance();
            return !over;
        }
    }

    private static Size sum(Size a, Size b) {
        List<Round> all = IntStream.range(0, a.rounds.size())
                .mapToObj(round -> a.rounds.get(round).and(b.rounds.get(round)))
                .toList();
        return new Size(a.vcpus, a.actors, a.messages, all);
    }

    /** The race with {@code vcpus} vCPUs before it starts. */
    static Assembly race(int vcpus) {
        Scenario scenario = ScenarioFile.parse(RACE, "the race of the benchmark");
        return ScenarioAssembly.of(scenario.withVcpus(vcpus));
    }

    /** What one job measures, at the same time as all others. */
    private Size share(Assembly machine, int job, Together together) {
        try (Subjects subjects = new Subjects(machine)) {
            List<Round> measured = new ArrayList<>();
            if (subjects.warmUp(job, together)) {
                Optional<Round> whole = subjects.round(nanos, job, together);
                while (whole.isPresent()) {
                    measured.add(whole.get());
                    whole = measured.size() < rounds ? subjects.round(nanos, job, together) : Optional.empty();
                }
            }
            Conversation talk = subjects.conversation;
            return new Size(machine.machine().vcpuCount(), talk.actors(), talk.messages(), measured);
        } finally {
            together.arriveAndDeregister();
        }
    }

    /** The subjects of one job. */
    private final class Subjects implements AutoCloseable {
        private final Assembly machine;
        private final Explorer watched = new Explorer();
        private final Explorer unwatched = new Explorer(Explorer.Watching.NOBODY);
        private final Conversation conversation;
        private final BareSchedules bare;
        private final RandomChooser chooser = new RandomChooser(SEED);
        private final StressTally tally;
        private final OutcomeSink turns = new OutcomeSink();

        Subjects(Assembly machine) {
            this.machine = machine;
            tally = new StressTally(machine.machine());
            conversation = Conversation.of(watched, machine, STEPS);
            bare = new BareSchedules(conversation);
        }

        /** By messages and not by time, since a busy computer takes long to compile what runs often; whether to go on. */
        boolean warmUp(int job, Together together) {
            long wanted = nanos / 1_000 * WARM_UP_PER_MICROSECOND;
            Optional<Round> so = round(nanos, job, together);
            while (so.isPresent() && so.get().rates.values().stream().anyMatch(rate -> rate.messages < wanted)) {
                Round before = so.get();
                so = round(nanos, job, together).map(before::and);
            }
            return so.isPresent();
        }

        /** Empty where the user does not want to wait for its end. */
        Optional<Round> round(long each, int job, Together together) {
            Map<Subject, Rate> rates = new EnumMap<>(Subject.class);
            for (int slice = 0; slice < SLICES; slice++) {
                for (Subject subject : Subject.values()) {
                    if (!together.goOn()) {
                        return Optional.empty();
                    }
                    Rate before = rates.getOrDefault(subject, new Rate(0, 0, 0));
                    rates.put(subject, rate(subject, before, each * (slice + 1) / SLICES, job));
                }
            }
            return Optional.of(new Round(rates));
        }

        /** Goes on behind {@code before} until it is {@code until} nanoseconds, at least one schedule. */
        private Rate rate(Subject subject, Rate before, long until, int job) {
            long schedules = before.schedules;
            long messages = before.messages;
            long start = System.nanoTime() - before.nanos;
            long passed;
            do {
                long index = job + jobs * schedules;
                chooser.begin(SEED, index);
                messages += messages(subject, index);
                schedules++;
                passed = System.nanoTime() - start;
            } while (passed < until);
            return new Rate(schedules, messages, passed);
        }

        private long messages(Subject subject, long index) {
            Explorer.Ending ending = Explorer.Ending.atRest(STEPS);
            return switch (subject) {
                case BARE -> bare.run(chooser);
                case UNWATCHED -> steps(unwatched.explore(machine, ending, chooser));
                case WATCHED -> steps(watched.explore(machine, ending, chooser));
                case STRESS -> stress(ending, index);
                case PLAIN ->
                    PlainSimulation.run(machine, chooser, List.of(Invariants.all()), ending.bounds())
                            .steps();
            };
        }

        private long stress(Explorer.Ending ending, long index) {
            turns.begin();
            tally.coverage().begin(index);
            Exploration exploration = watched.explore(machine, ending, chooser, tally.coverage(), turns);
            tally.add(index, exploration, turns.bits());
            return steps(exploration);
        }

        private static long steps(Exploration exploration) {
            return exploration.outcome().steps();
        }

        @Override
        public void close() {
            bare.close();
            unwatched.close();
            watched.close();
        }
    }
}
