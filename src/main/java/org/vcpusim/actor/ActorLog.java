package org.vcpusim.actor;

import java.util.Map;
import java.util.Optional;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.vcpusim.trace.Source;

/**
 * The log of one actor, for people: at DEBUG a line for each step.
 *
 * <p>Its level is looked at once, when the actor is created; an actor whose DEBUG is off has no log, and its steps pay
 * nothing for it. The logger is named {@code vcpusim.vcpu.3}; beyond {@value #OWN_LOGGERS} vCPUs they share
 * {@code vcpusim.vcpu}, because a logging backend may take linear time to find one child among many.
 */
final class ActorLog {
    private static final int OWN_LOGGERS = 4096;
    private static final String ROOT = "vcpusim.";

    private final Logger logger;
    private final Source source;

    private ActorLog(Logger logger, Source source) {
        this.logger = logger;
        this.source = source;
    }

    /** The log of {@code source}, empty where its DEBUG is off; {@code name} ends the logger's name, for a device. */
    static Optional<ActorLog> of(Source source, String name) {
        Logger logger = LoggerFactory.getLogger(loggerName(source, name));
        return logger.isDebugEnabled() ? Optional.of(new ActorLog(logger, source)) : Optional.empty();
    }

    private static String loggerName(Source source, String name) {
        String group = ROOT + source.kind().name().toLowerCase(java.util.Locale.ROOT);
        return switch (source.kind()) {
            case VM, USERSPACE, TIMER -> group;
            case VCPU, GUEST, DEVICE, PCPU, WIRE -> source.index() < OWN_LOGGERS ? group + "." + name : group;
        };
    }

    /** {@code behavior} with the VM, the vCPU and the actor in the mapped diagnostic context of its log lines. */
    <M> Behavior<M> around(Class<M> messages, ActorContext<M> context, Behavior<M> behavior) {
        String path = context.getSelf().path().toString();
        Map<String, String> mdc = switch (source.kind()) {
            case VCPU, GUEST, WIRE -> Map.of("vm", "vm0", "vcpu", "vcpu" + source.index(), "pekkoSource", path);
            case VM, DEVICE, USERSPACE, TIMER, PCPU -> Map.of("vm", "vm0", "pekkoSource", path);
        };
        return Behaviors.withMdc(messages, mdc, behavior);
    }

    void stepped(Object message, Object after) {
        logger.debug("{} -> {}", message, after);
    }
}
