package org.vcpusim.cli;

import java.util.Optional;
import org.vcpusim.schedule.StrategyKind;
import picocli.CommandLine.Option;

/** The options by which a user says how orders are searched. */
final class SearchOptions {
    @Option(
            names = "--strategy",
            paramLabel = "NAME",
            description = "How orders are chosen: ${COMPLETION-CANDIDATES} (default: portfolio, all others in turn).",
            completionCandidates = StrategyNames.class)
    private Optional<String> strategy = Optional.empty();

    @Option(
            names = "--seed",
            paramLabel = "N",
            defaultValue = "1",
            description = "Root seed; with its index it decides a schedule (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Option(
            names = "--jobs",
            paramLabel = "N",
            description = "Threads, 1 to 256 (default: the processors there are). The result is the same.")
    private Optional<Integer> jobs = Optional.empty();

    /** Who chooses; throws InputException for a name that is none. */
    StrategyKind strategy() {
        return StrategyNames.kind(strategy);
    }

    /** The root seed. */
    long seed() {
        return seed;
    }

    /** How many threads; throws InputException if that is out of range. */
    int jobs() {
        return OptionRange.jobs(jobs);
    }
}
