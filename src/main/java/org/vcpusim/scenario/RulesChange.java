package org.vcpusim.scenario;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.vcpusim.kvm.Fix;
import org.vcpusim.kvm.Hazard;
import org.vcpusim.kvm.KernelVersion;
import org.vcpusim.kvm.Rules;

/**
 * How a user departs from what a scenario says of Linux: an older kernel, fixes left out, fixes kept and hazards cured.
 *
 * @param form how errors name {@code kernel}, {@code without} and {@code with}, such as {@code --%s}
 * @param kernel a release, empty for what the scenario says
 * @param without names of fixes, in either case
 * @param with names of fixes and of curable hazards, in either case
 */
public record RulesChange(String form, String kernel, List<String> without, List<String> with) {
    public RulesChange {
        without = List.copyOf(without);
        with = List.copyOf(with);
    }

    /**
     * {@code scenario} with the rules that are asked for.
     *
     * @throws InputException for a name that is none, a release that is not known, and a fix that is to be there and not
     */
    public Scenario of(Scenario scenario) {
        Rules rules = kernel.isEmpty() ? scenario.machine().rules() : Rules.of(release());
        for (String name : without) {
            if (with.stream().anyMatch(name::equalsIgnoreCase)) {
                throw new InputException(
                        key("without") + " and " + key("with") + " = " + name + ": must be one of them");
            }
            rules = rules.without(fix(name).orElseThrow(() -> unknown("without", name, fixes())));
        }
        for (String name : with) {
            Optional<Fix> fix = fix(name);
            rules = fix.isPresent() ? rules.with(fix.get()) : rules.with(cure(name));
        }
        return scenario.withRules(rules);
    }

    private KernelVersion release() {
        try {
            return KernelVersion.known(kernel);
        } catch (IllegalArgumentException e) {
            throw new InputException(key("kernel") + " = " + kernel + ": " + e.getMessage());
        }
    }

    private static Optional<Fix> fix(String name) {
        return Fix.of(name.toUpperCase(Locale.ROOT));
    }

    private Hazard cure(String name) {
        return Arrays.stream(Hazard.values())
                .filter(hazard -> hazard.isCurable() && hazard.name().equalsIgnoreCase(name))
                .findFirst()
                .orElseThrow(() -> unknown("with", name, fixes() + ", " + cures()));
    }

    private String key(String name) {
        return String.format(Locale.ROOT, form, name);
    }

    private InputException unknown(String key, String name, String known) {
        return new InputException(key(key) + " = " + name + ": must be one of " + known);
    }

    /** The names of all fixes. */
    static String fixes() {
        return String.join(", ", Arrays.stream(Fix.values()).map(Fix::id).toList());
    }

    /** The names of all hazards that have a cure. */
    static String cures() {
        return String.join(
                ", ",
                Arrays.stream(Hazard.values())
                        .filter(Hazard::isCurable)
                        .map(Hazard::name)
                        .toList());
    }
}
