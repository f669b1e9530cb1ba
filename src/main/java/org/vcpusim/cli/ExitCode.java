package org.vcpusim.cli;

/** The exit codes of {@code vcpusim}; scripts rely on them, so a number never changes its meaning. */
public final class ExitCode {

    /** The command did what it was asked, and found nothing wrong. */
    public static final int OK = 0;

    /** An invariant is violated. */
    public static final int FINDING = 1;

    /** An option, a scenario or another input of the user cannot be used. */
    public static final int USAGE = 2;

    /** A bound was reached before there was an answer. */
    public static final int INCONCLUSIVE = 4;

    /** Something the command needs is not there: a JVM, a tool, a file it was to find by itself. */
    public static final int MISSING = 5;

    /** The program is wrong; sysexits' EX_SOFTWARE. */
    public static final int INTERNAL = 70;

    /** The user stopped it: 128 and SIGINT's number. */
    public static final int INTERRUPTED = 130;

    private ExitCode() {}
}
