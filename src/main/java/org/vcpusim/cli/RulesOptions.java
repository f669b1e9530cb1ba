package org.vcpusim.cli;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.vcpusim.kvm.Fix;
import org.vcpusim.kvm.Hazard;
import org.vcpusim.kvm.KernelVersion;
import org.vcpusim.kvm.Rules;
import org.vcpusim.scenario.InputException;
import org.vcpusim.scenario.Scenario;
import picocli.CommandLine.Option;

/** The options by which a user departs from Linux as it is modelled: an older kernel, fixes left out, hazards cured. */
final class RulesOptions {
    @Option(
            names = "--kernel",
            paramLabel = "VERSION",
            description = "Without the fixes that came after this release of Linux, instead of what the scenario says.")
    private Optional<String> kernel = Optional.empty();

    @Option(names = "--without", paramLabel = "FIX", split = ",", description = "Without these fixes, such as B02,B25.")
    private List<String> without = List.of();

    @Option(
            names = "--with",
            paramLabel = "FIX|HAZARD",
            split = ",",
            description = "With these fixes, and cured of these hazards, such as B03,O8.")
    private List<String> with = List.of();

    /** {@code scenario} with the rules that the options ask for; throws InputException for a name that is none. */
    Scenario applied(Scenario scenario) {
        Rules rules = kernel.map(RulesOptions::kernel).orElse(scenario.machine().rules());
        for (String name : without) {
            rules = rules.without(fix(name).orElseThrow(() -> unknown("--without", name, fixes())));
        }
        for (String name : with) {
            Optional<Fix> fix = fix(name);
            rules = fix.isPresent() ? rules.with(fix.get()) : rules.with(cure(name));
        }
        return scenario.withRules(rules);
    }

    private static Rules kernel(String version) {
        try {
            return Rules.of(KernelVersion.parse(version));
        } catch (IllegalArgumentException e) {
            throw new InputException("--kernel = " + version + ": must be a release of Linux such as 4.14 or 2.6.39");
        }
    }

    private static Optional<Fix> fix(String name) {
        return Fix.of(name.toUpperCase(Locale.ROOT));
    }

    private static Hazard cure(String name) {
        return Arrays.stream(Hazard.values())
                .filter(hazard -> hazard.isCurable() && hazard.name().equalsIgnoreCase(name))
                .findFirst()
                .orElseThrow(() -> unknown("--with", name, fixes() + ", " + cures()));
    }

    private static InputException unknown(String option, String name, String known) {
        return new InputException(option + " = " + name + ": must be one of " + known);
    }

    private static String fixes() {
        return String.join(", ", Arrays.stream(Fix.values()).map(Fix::id).toList());
    }

    private static String cures() {
        return String.join(
                ", ",
                Arrays.stream(Hazard.values())
                        .filter(Hazard::isCurable)
                        .map(Hazard::name)
                        .toList());
    }
}
