package org.vcpusim.sim;

import java.util.List;
import java.util.Optional;
import org.vcpusim.check.Violation;
import org.vcpusim.scenario.InputException;
import org.vcpusim.scenario.Scenario;
import org.vcpusim.sim.Attempt.Symptom;

/** A run that was written down, as a token or a finding's file, and what it has to show when it is run again. */
public final class Recorded {
    private final Reproduction run;
    private final String trace;
    private final Optional<Symptom> symptom;

    private Recorded(Reproduction run, String trace, Optional<Symptom> symptom) {
        this.run = run;
        this.trace = trace;
        this.symptom = symptom;
    }

    /**
     * What {@code token} says, of the scenario {@code given}.
     *
     * @param running the version that this program is
     * @throws InputException where the token is of another scenario or version
     */
    public static Recorded of(ReplayToken token, Scenario given, String running) {
        return new Recorded(token.reproduction(given, running), token.trace(), token.symptom());
    }

    /** This one, written down because it shows {@code what}. */
    Recorded showing(Symptom what) {
        return new Recorded(run, trace, Optional.of(what));
    }

    /** The run. */
    public Reproduction run() {
        return run;
    }

    /**
     * Refuses a trace that is not the recorded one.
     *
     * @param digest of the trace of {@link #run}
     * @throws InputException where it is another
     */
    public void requireTrace(String digest) {
        if (!trace.equals(digest)) {
            throw new InputException("recorded with trace " + trace + ": the same picks give trace " + digest
                    + " now; the rules of this program, or the token, have changed since");
        }
    }

    /**
     * The one of {@code shown} that it was written down for; where that is not said, the first finding, or else the first
     * violation.
     *
     * @throws InputException where it is said, and is not among them
     */
    public Optional<Violation> subject(List<Violation> shown) {
        if (symptom.isEmpty()) {
            return shown.stream()
                    .filter(Violation::isFinding)
                    .findFirst()
                    .or(() -> shown.stream().findFirst());
        }
        Optional<Violation> subject =
                shown.stream().filter(symptom.get()::matches).findFirst();
        if (subject.isEmpty()) {
            throw new InputException("recorded for " + symptom.get().invariant()
                    + ": the same run does not break it now, the invariants of this program have changed since");
        }
        return subject;
    }
}
