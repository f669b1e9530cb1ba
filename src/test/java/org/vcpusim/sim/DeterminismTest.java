package org.vcpusim.sim;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.vcpusim.kvm.Fault;
import org.vcpusim.scenario.Scenario;
import org.vcpusim.scenario.ScenarioFile;
import org.vcpusim.schedule.ReplayChooser;
import org.vcpusim.schedule.Schedule;
import org.vcpusim.schedule.Strategies;
import org.vcpusim.schedule.Strategy;

/**
 * A token gives the trace that it was made of, on either executor.
 *
 * <p>{@code mvn test -Dtest=DeterminismTest -Ddeterminism.tokens=10000} replays as many tokens; another JVM is chosen by
 * {@code JAVA_HOME}.
 */
class DeterminismTest {
    private static final int TOKENS = Integer.getInteger("determinism.tokens", 30);
    private static final String PROGRAM = "0.0.0";
    private static final int MOST_VCPUS = 8;
    /** A run that goes on is cut short here; its token is one too. */
    private static final long MOST_STEPS = 100_000;

    private static List<Scenario> scenarios() throws IOException {
        try (Stream<Path> files = Files.walk(Path.of("conf", "scenarios"))) {
            return files.filter(file -> file.toString().endsWith(".conf"))
                    .sorted()
                    .map(ScenarioFile::read)
                    .filter(scenario -> scenario.machine().vcpuCount() <= MOST_VCPUS)
                    .toList();
        }
    }

    @Test
    void everyTokenGivesItsTraceAgain() throws IOException {
        List<Scenario> scenarios = scenarios();
        int replayed = 0;
        try (Explorer explorer = new Explorer()) {
            for (int i = 0; i < scenarios.size(); i++) {
                int share = TOKENS * (i + 1) / scenarios.size() - TOKENS * i / scenarios.size();
                replayed += share == 0 ? 0 : replayed(explorer, scenarios.get(i), share);
            }
        }
        assertEquals(TOKENS, replayed);
    }

    private static int replayed(Explorer explorer, Scenario scenario, int tokens) {
        Assembly assembly = ScenarioAssembly.of(scenario);
        Explorer.Ending atRest =
                Explorer.Ending.atRest(Math.min(scenario.limits().steps(), MOST_STEPS));
        Strategy strategy = Strategies.of(Strategies.DEFAULT, explorer.actorCount(assembly));
        for (int i = 0; i < tokens; i++) {
            Reproduction.TraceDigest digest = new Reproduction.TraceDigest();
            strategy.begin(7, i);
            Exploration exploration = explorer.explore(assembly, atRest, strategy, digest);
            strategy.end(exploration.outcome().steps());
            digest.close();
            boolean comesToRest = exploration.outcome().end() == RunOutcome.End.QUIESCENT;
            ReplayToken token = ReplayToken.of(new Reproduction(scenario, exploration.picks(), comesToRest), PROGRAM);
            assertEquals(digest.value(), token.trace(), () -> "plain values: " + token);

            Reproduction again = ReplayToken.parse(token.toString()).reproduction(scenario, PROGRAM);
            assertEquals(scenario.machine(), again.scenario().machine());
            Reproduction.TraceDigest second = new Reproduction.TraceDigest();
            explorer.explore(assembly, atRest, new ReplayChooser(again.picks()), second);
            second.close();
            assertEquals(token.trace(), second.value(), () -> "actors: " + token);
        }
        return tokens;
    }

    @Test
    void aRunThatIsCutShortEndsAtTheSameStepOnBothExecutors() {
        Failure failure = Failure.of("bugs/b25-late-request", Fault.NO_RECHECK);
        Schedule all = failure.schedule();
        for (int length = 1; length < all.size(); length += 13) {
            Reproduction cut = new Reproduction(failure.scenario(), Schedule.ofFirst(length, all.toArray()), false);
            Reproduction.TraceDigest actors = new Reproduction.TraceDigest();
            cut.run(Reproduction.Executor.CONTROLLED, List.of(actors));
            assertEquals(cut.traceDigest(), actors.value(), "after " + length + " picks");
        }
    }
}
