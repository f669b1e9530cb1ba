package org.vcpusim.cli;

import ch.qos.logback.classic.Level;
import java.util.Locale;
import java.util.Map;
import org.slf4j.LoggerFactory;
import org.vcpusim.scenario.InputException;

/** Sets the levels of actors' logs as the command line asks. */
final class LogLevels {
    private static final String ROOT = "vcpusim";

    private LogLevels() {}

    /** Sets each level; the key is an actor as {@code vcpu.3}, or {@code all}. */
    static void set(Map<String, String> levels) {
        levels.forEach((actor, level) -> {
            String name = actor.equals("all") ? ROOT : ROOT + "." + actor;
            if (LoggerFactory.getLogger(name) instanceof ch.qos.logback.classic.Logger logger) {
                logger.setLevel(level(actor, level));
            }
        });
    }

    private static Level level(String actor, String text) {
        return switch (text.toUpperCase(Locale.ROOT)) {
            case "OFF" -> Level.OFF;
            case "WARN" -> Level.WARN;
            case "INFO" -> Level.INFO;
            case "DEBUG" -> Level.DEBUG;
            default -> throw new InputException("--log " + actor + "=" + text + ": must be OFF, WARN, INFO or DEBUG");
        };
    }
}
