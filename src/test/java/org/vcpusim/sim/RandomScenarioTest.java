package org.vcpusim.sim;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Optional;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.vcpusim.check.Violation;
import org.vcpusim.scenario.Scenario;
import org.vcpusim.scenario.ScenarioFile;
import org.vcpusim.schedule.Strategies;
import org.vcpusim.schedule.Strategy;
import org.vcpusim.schedule.StrategyKind;

/**
 * A machine with every fix breaks no rule, whatever its guests and devices do.
 *
 * <p>{@code -Dvcpusim.random.scenarios=N} tries N scenarios of as many {@code schedules} each, {@code first} is the number of the
 * first; a failure says scenario and token.
 */
class RandomScenarioTest {
    private static final long FIRST = Long.getLong("vcpusim.random.first", 0);
    private static final long SCENARIOS = Long.getLong("vcpusim.random.scenarios", 120);
    private static final long SCHEDULES = Long.getLong("vcpusim.random.schedules", 4);

    @Test
    void noRuleIsBrokenByARandomScenario() {
        try (Explorer explorer = new Explorer()) {
            List<String> found = LongStream.range(FIRST, FIRST + SCENARIOS)
                    .boxed()
                    .flatMap(number -> finding(explorer, number).stream())
                    .toList();
            assertEquals(List.of(), found);
        }
    }

    /** Of the first schedule that has one. */
    private static Optional<String> finding(Explorer explorer, long number) {
        String text = RandomScenario.text(number);
        Scenario scenario = ScenarioFile.parse(text, "random-" + number);
        Assembly assembly = ScenarioAssembly.of(scenario);
        Strategy strategy = Strategies.of(StrategyKind.PORTFOLIO, explorer.actorCount(assembly));
        Explorer.Ending ending = Explorer.Ending.atRest(scenario.limits().steps());
        for (long index = 0; index < SCHEDULES; index++) {
            strategy.begin(number, index);
            Exploration exploration = explorer.explore(assembly, ending, strategy);
            strategy.end(exploration.outcome().steps());
            if (exploration.isFinding()) {
                return Optional.of(told(text, scenario, exploration));
            }
        }
        return Optional.empty();
    }

    private static String told(String text, Scenario scenario, Exploration exploration) {
        List<Violation> findings =
                exploration.violations().stream().filter(Violation::isFinding).toList();
        boolean rests = exploration.outcome().end() == RunOutcome.End.QUIESCENT;
        Reproduction run = new Reproduction(scenario, exploration.picks(), rests);
        return "\n" + findings.get(0) + "\n" + ReplayToken.of(run, "test") + "\n" + text;
    }
}
