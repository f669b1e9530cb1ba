package org.vcpusim.cli;

import ch.qos.logback.classic.Level;
import java.util.Locale;
import java.util.Map;
import org.slf4j.LoggerFactory;
import org.vcpusim.scenario.InputException;
import org.vcpusim.scenario.Scenario;

/** Sets the levels of actors' logs as the command line asks. */
final class LogLevels {
    private static final String ROOT = "vcpusim";

    private LogLevels() {}

    /** Logs no beginnings and ends of runs, as long as nothing is wrong with them. */
    static void quiet() {
        if (LoggerFactory.getLogger(ROOT + ".run") instanceof ch.qos.logback.classic.Logger logger) {
            logger.setLevel(Level.WARN);
        }
    }

    /** Sets each level; the key is an actor of {@code scenario} as {@code vcpu.3}, a kind of them, or {@code all}. */
    static void set(Map<String, String> levels, Scenario scenario) {
        levels.forEach((actor, level) -> {
            if (!isActor(actor, scenario)) {
                throw new InputException(
                        "--log " + actor + "=" + level + ": must be all, vm, userspace, timer, vcpu, guest, "
                                + "device, or one of the last three with its number or name, such as vcpu.0");
            }
            String name = actor.equals("all") ? ROOT : ROOT + "." + actor;
            if (LoggerFactory.getLogger(name) instanceof ch.qos.logback.classic.Logger logger) {
                logger.setLevel(level(actor, level));
            }
        });
    }

    private static boolean isActor(String actor, Scenario scenario) {
        int dot = actor.indexOf('.');
        String one = actor.substring(dot + 1);
        return switch (dot < 0 ? actor : actor.substring(0, dot)) {
            case "all", "vm", "userspace", "timer" -> dot < 0;
            case "vcpu", "guest" -> dot < 0 || isIndex(one, scenario.machine().vcpuCount());
            case "device" ->
                dot < 0
                        || scenario.devices().stream()
                                .anyMatch(device -> device.name().equals(one));
            default -> false;
        };
    }

    private static boolean isIndex(String text, int count) {
        return text.matches("0|[1-9][0-9]{0,8}") && Integer.parseInt(text) < count;
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
