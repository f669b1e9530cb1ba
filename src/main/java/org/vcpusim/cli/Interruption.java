package org.vcpusim.cli;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.slf4j.LoggerFactory;

/**
 * Ctrl-C: asks what runs to stop, and lets the JVM end only when its files are whole.
 *
 * <p>The JVM answers an interrupt by running its shutdown hooks; the hook waits until the command is done.
 */
final class Interruption {
    private static final long MOST_SECONDS = 30;

    private final CountDownLatch done = new CountDownLatch(1);
    private final Thread hook = new Thread(this::stop, "interruption");
    private volatile boolean requested;

    private Interruption() {}

    /** Begins to listen. The logging begins before that: it has a hook of its own, which a JVM that is ending refuses. */
    static Interruption onSignal() {
        LoggerFactory.getILoggerFactory();
        Interruption interruption = new Interruption();
        Runtime.getRuntime().addShutdownHook(interruption.hook);
        return interruption;
    }

    /** Whether the user wants it to end. */
    boolean requested() {
        return requested;
    }

    /** The command has written what it had; nothing is waited for any more. */
    void done() {
        done.countDown();
        if (!requested) {
            Runtime.getRuntime().removeShutdownHook(hook);
        }
    }

    private void stop() {
        requested = true;
        try {
            if (!done.await(MOST_SECONDS, TimeUnit.SECONDS)) {
                System.err.println("vcpusim: did not stop within " + MOST_SECONDS + " seconds");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
