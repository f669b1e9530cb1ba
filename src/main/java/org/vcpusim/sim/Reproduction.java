package org.vcpusim.sim;

import java.io.OutputStream;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import org.vcpusim.scenario.Scenario;
import org.vcpusim.schedule.Chooser;
import org.vcpusim.schedule.LatestFirstChooser;
import org.vcpusim.schedule.ReplayChooser;
import org.vcpusim.schedule.Schedule;
import org.vcpusim.trace.JsonLinesTraceWriter;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.TraceSink;

/**
 * All that one run depends on: run again it gives the same trace, byte for byte, on either executor.
 *
 * @param scenario with the rules, the number of vCPUs and the garbage it is played with
 * @param picks who handles a message, step by step
 * @param finishes whether the run goes on behind the picks until nothing moves, and the audit follows; else the run ends there
 */
public record Reproduction(Scenario scenario, Schedule picks, boolean finishes) {
    private static final int DIGEST_BYTES = 4;

    /** What the messages are handled by. */
    public enum Executor {
        /** Actors, one message at a time. */
        CONTROLLED,
        /** Plain values. */
        PLAIN
    }

    /**
     * Runs it.
     *
     * @param sinks are given every record, and closed
     * @throws org.vcpusim.schedule.MisfitException where a pick does not fit: the schedule is of another machine
     */
    public RunOutcome run(Executor executor, List<? extends TraceSink> sinks) {
        Assembly assembly = ScenarioAssembly.of(scenario);
        Bounds bounds = Bounds.steps(finishes ? scenario.limits().steps() : picks.size());
        Chooser chooser = chooser();
        if (executor == Executor.PLAIN) {
            return PlainSimulation.run(assembly, chooser, sinks, bounds);
        }
        try (ControlledSimulation simulation = new ControlledSimulation()) {
            return simulation.run(assembly, chooser, sinks, bounds);
        }
    }

    /** The picks one by one, then {@link LatestFirstChooser}. */
    private Chooser chooser() {
        Chooser strict = new ReplayChooser(picks);
        Chooser tail = new LatestFirstChooser();
        int[] choices = {0};
        return ready -> choices[0]++ < picks.size() ? strict.choose(ready) : tail.choose(ready);
    }

    /** What its trace is known by: eight hexadecimal digits of the SHA-256 of its JSON lines. */
    public String traceDigest() {
        TraceDigest digest = new TraceDigest();
        run(Executor.PLAIN, List.of(digest));
        return digest.value();
    }

    /** Hashes a trace. */
    public static final class TraceDigest implements TraceSink {
        private final MessageDigest sha256 = sha256();
        private final JsonLinesTraceWriter lines =
                new JsonLinesTraceWriter(new DigestOutputStream(OutputStream.nullOutputStream(), sha256));

        @Override
        public void accept(TraceRecord record) {
            lines.accept(record);
        }

        @Override
        public void close() {
            lines.close();
        }

        /** Of all records; once, after the end. */
        public String value() {
            return HexFormat.of().formatHex(sha256.digest(), 0, DIGEST_BYTES);
        }

        private static MessageDigest sha256() {
            try {
                return MessageDigest.getInstance("SHA-256");
            } catch (NoSuchAlgorithmException e) {
                throw new IllegalStateException(e); // every JDK has it
            }
        }
    }
}
