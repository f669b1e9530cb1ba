package org.vcpusim.actor;

/** A step of the core threw: a bug of this program, which stops the run. */
public final class StepFailedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    StepFailedException(String actor, Object message, Throwable cause) {
        super(actor + " failed on " + message + ": " + cause, cause);
    }
}
