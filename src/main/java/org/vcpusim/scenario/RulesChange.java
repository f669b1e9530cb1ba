package org.vcpusim.scenario;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.vcpusim.kvm.Fault;
import org.vcpusim.kvm.Fix;
import org.vcpusim.kvm.Hazard;
import org.vcpusim.kvm.KernelVersion;
import org.vcpusim.kvm.Rules;

/**
 * How a user departs from what a scenario says of Linux: an older kernel, fixes left out, fixes kept and hazards cured; of a fix
 * that ended several faults also one of them.
 *
 * @param form how errors name {@code kernel}, {@code without} and {@code with}, such as {@code --%s}
 * @param kernel a release, empty for what the scenario says
 * @param without names of fixes, and keys of faults, in either case
 * @param with the same and names of curable hazards
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
            rules = rules.without(name).orElseThrow(() -> unknown("without", name, missable()));
        }
        for (String name : with) {
            rules = rules.with(name).orElseThrow(() -> unknown("with", name, missable() + ", " + cures()));
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

    private String key(String name) {
        return String.format(Locale.ROOT, form, name);
    }

    private InputException unknown(String key, String name, String known) {
        return new InputException(key(key) + " = " + name + ": must be one of " + known);
    }

    /** The names of all that can be left out. */
    static String missable() {
        return String.join(", ", Arrays.stream(Fix.values()).map(Fix::id).toList())
                + ", or a fault by its name, such as " + Fault.NO_RECHECK.key();
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
