package org.vcpusim.check;

import java.util.stream.Collectors;

/** Where a trace breaks a rule. */
final class Breaches {
    private Breaches() {}

    /** The numbers of the records in which {@code id} was broken, each once, in their order. */
    static String of(Invariants invariants, String id) {
        return invariants.violations().stream()
                .filter(violation -> violation.invariant().equals(id))
                .map(violation -> Long.toString(violation.at().order()))
                .distinct()
                .collect(Collectors.joining(" "));
    }
}
