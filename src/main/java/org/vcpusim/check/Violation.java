package org.vcpusim.check;

import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.vcpusim.kvm.Hazard;
import org.vcpusim.trace.TraceRecord;

/**
 * An invariant that does not hold.
 *
 * @param invariant its id
 * @param sentence what happened, as one sentence without a full stop
 * @param at the record that shows it
 * @param since the record with which it began, where that is another
 * @param detail values behind the sentence, or empty
 * @param hazard what is known of Linux and explains it, so that it is no finding
 */
public record Violation(
        String invariant,
        String sentence,
        TraceRecord at,
        Optional<TraceRecord> since,
        String detail,
        Optional<Hazard> hazard) {

    /** A violation with what is known of it; null for what is not. */
    @SuppressWarnings("TooManyParameters") // the record's
    Violation(
            String invariant,
            String sentence,
            TraceRecord at,
            @Nullable TraceRecord since,
            String detail,
            @Nullable Hazard hazard) {
        this(invariant, sentence, at, Optional.ofNullable(since), detail, Optional.ofNullable(hazard));
    }

    /** Whether the machine does something that Linux as it is modelled does not. */
    public boolean isFinding() {
        return hazard.isEmpty();
    }
}
