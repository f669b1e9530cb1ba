package org.vcpusim.check;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.vcpusim.trace.TraceRecord;

/** The first violations of one invariant. */
final class FirstViolations {
    private final String invariant;
    private final List<Violation> found = new ArrayList<>();

    FirstViolations(String invariant) {
        this.invariant = invariant;
    }

    String invariant() {
        return invariant;
    }

    void add(TraceRecord at, String sentence, String detail) {
        if (found.size() < Invariant.MOST_VIOLATIONS) {
            found.add(new Violation(invariant, sentence, at, detail));
        }
    }

    List<Violation> list() {
        return Collections.unmodifiableList(found);
    }
}
