package org.vcpusim.sim;

/** The engine did not find a bug that is there: what it says about other machines is worth nothing. */
public final class SelfCheckFailedException extends RuntimeException {
    private static final long serialVersionUID = 1;

    SelfCheckFailedException(String message) {
        super(message);
    }
}
