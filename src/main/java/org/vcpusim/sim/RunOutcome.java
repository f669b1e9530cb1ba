package org.vcpusim.sim;

/**
 * How a run ended and what it took.
 *
 * @param steps messages handled, those of the audit included
 * @param records events recorded
 * @param nanos virtual time of a controlled run, real time of a live one
 */
public record RunOutcome(End end, long steps, long records, long nanos) {
    /** Why a run ended. */
    public enum End {
        /** No message was left; then every bitmap and pin was audited. */
        QUIESCENT,
        /** As many messages as allowed were handled. */
        STEP_BOUND,
        /** It was stopped from outside. */
        STOPPED
    }
}
