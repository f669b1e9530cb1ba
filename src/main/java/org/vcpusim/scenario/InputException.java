package org.vcpusim.scenario;

/**
 * Something the user wrote that cannot be used: a scenario, a setting, the value of an option.
 *
 * <p>Its message is the whole report, one line: {@code affinity.conf:12: pin = 25: must be 0 to 23}. The command line
 * prints that line and nothing else, and exits with the code of a usage error.
 */
public final class InputException extends RuntimeException {

    /** Takes one line that says where, what was found and what is allowed. */
    public InputException(String message) {
        super(message);
    }
}
