package org.vcpusim.cli;

import java.util.List;
import java.util.Optional;
import org.vcpusim.scenario.RulesChange;
import org.vcpusim.scenario.Scenario;
import picocli.CommandLine.Option;

/** The options by which a user departs from Linux as it is modelled: an older kernel, fixes left out, hazards cured. */
final class RulesOptions {
    @Option(
            names = "--kernel",
            paramLabel = "VERSION",
            description = "Without the fixes that came after this release of Linux, instead of what the scenario says.")
    private Optional<String> kernel = Optional.empty();

    @Option(
            names = "--without",
            paramLabel = "FIX|FAULT",
            split = ",",
            description =
                    "Without these fixes, such as B02,B25; or with one fault of those that a fix ended, by its name.")
    private List<String> without = List.of();

    @Option(
            names = "--with",
            paramLabel = "FIX|FAULT|HAZARD",
            split = ",",
            description = "With these fixes, or without one fault, and cured of these hazards, such as B03,O8.")
    private List<String> with = List.of();

    /** {@code scenario} with the rules that the options ask for; throws InputException for a name that is none. */
    Scenario applied(Scenario scenario) {
        return new RulesChange("--%s", kernel.orElse(""), without, with).of(scenario);
    }
}
