package org.vcpusim.sim;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import java.util.List;
import org.apache.pekko.actor.BootstrapSetup;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Behavior;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.vcpusim.schedule.Chooser;
import org.vcpusim.schedule.ControlledExecutor;
import org.vcpusim.trace.Sinks;
import org.vcpusim.trace.TraceSink;

/**
 * Runs machines as actors, one message at a time in the order of a chooser: the same choices give the same trace.
 *
 * <p>One actor system serves any number of runs, each with actors of its own. It belongs to the thread that made it. What is
 * no message of the machine, such as the creation of actors, happens outside any choice.
 */
public final class ControlledSimulation implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger("vcpusim.run");

    private final ControlledExecutor executor = ControlledExecutor.drivenByThisThread();
    private final ActorSystem<MachineActors.Command> system;

    /** Starts the actor system, driven by the calling thread. */
    public ControlledSimulation() {
        system = system(executor, MachineActors.guardian());
    }

    /** A system whose actors run on {@code executor}. */
    static <M> ActorSystem<M> system(ControlledExecutor executor, Behavior<M> guardian) {
        Config config = ConfigFactory.load();
        Config own = config.getConfig("vcpusim.controlled").withFallback(config);
        BootstrapSetup bootstrap = BootstrapSetup.create()
                .withDefaultExecutionContext(executor)
                .withConfig(own)
                .withClassloader(ControlledSimulation.class.getClassLoader());
        return ActorSystem.create(guardian, "vcpusim", bootstrap);
    }

    /**
     * Starts {@code assembly}, handles messages until none is left, then audits.
     *
     * @param sinks are given every record, and closed however the run ends
     * @throws org.vcpusim.actor.StepFailedException if a step failed
     */
    public RunOutcome run(Assembly assembly, Chooser chooser, List<? extends TraceSink> sinks, Bounds bounds) {
        try (TraceSink sink = Sinks.of(sinks);
                ControlledRun run = open(assembly, chooser, sink)) {
            LOG.info(
                    "started: {} vCPUs, {} devices",
                    assembly.machine().vcpuCount(),
                    assembly.machine().devices());
            RunOutcome outcome = run.perform(bounds);
            LOG.info("{} after {} messages and {} records", outcome.end(), outcome.steps(), outcome.records());
            return outcome;
        }
    }

    /** Puts {@code assembly} on the stage without starting it, for a driver that sends the messages itself. */
    ControlledRun open(Assembly assembly, Chooser chooser, TraceSink sink) {
        return new ControlledRun(executor, system, assembly, chooser, sink);
    }

    /** Ends the actor system. */
    @Override
    public void close() {
        system.terminate();
        executor.runSystemUntil(() -> system.whenTerminated().isCompleted());
    }
}
