package org.vcpusim.schedule;

/** A schedule says to pick an actor that has no message: it is of another machine, or of other rules. */
public final class MisfitException extends IllegalStateException {
    private static final long serialVersionUID = 1L;

    MisfitException(String message) {
        super(message);
    }
}
