package org.vcpusim.sim;

import java.util.List;
import org.vcpusim.kvm.Machine;
import org.vcpusim.schedule.Chooser;
import org.vcpusim.search.Delivery;
import org.vcpusim.search.PlainMachine;
import org.vcpusim.trace.Sinks;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.TraceSink;

/** Runs machines as plain values, one message at a time in the order of a chooser: the traces of the controlled executor. */
public final class PlainSimulation {
    /** A sink that keeps nothing. */
    static final TraceSink NOWHERE = new TraceSink() {
        @Override
        public void accept(TraceRecord record) {}

        @Override
        public void close() {}
    };

    private PlainSimulation() {}

    /** {@code assembly} before it starts; its listener in user space hears nothing. */
    static PlainMachine machine(Assembly assembly, TraceSink sink) {
        return machine(assembly, sink, Delivery.ONE_OPERATION_A_MESSAGE);
    }

    private static PlainMachine machine(Assembly assembly, TraceSink sink, Delivery delivery) {
        Machine machine = assembly.machine();
        PlainMachine.Start start = new PlainMachine.Start(
                machine,
                assembly.vm().get(),
                assembly.outside().userspace(),
                assembly.outside().timer(),
                assembly.vcpu(),
                assembly.guest(),
                assembly.device());
        return new PlainMachine(start, sink, delivery);
    }

    /**
     * Starts {@code assembly}, handles messages until none is left, then audits.
     *
     * @param sinks are given every record, and closed however the run ends
     */
    public static RunOutcome run(Assembly assembly, Chooser chooser, List<? extends TraceSink> sinks, Bounds bounds) {
        return run(assembly, Delivery.ONE_OPERATION_A_MESSAGE, chooser, sinks, bounds);
    }

    /** The same with another design of the actors. */
    @SuppressWarnings("TooManyParameters") // those of a run, and the design
    static RunOutcome run(
            Assembly assembly, Delivery delivery, Chooser chooser, List<? extends TraceSink> sinks, Bounds bounds) {
        try (TraceSink sink = Sinks.of(sinks)) {
            PlainMachine machine = machine(assembly, sink, delivery);
            machine.start();
            RunOutcome.End end = advance(machine, chooser, bounds);
            if (end == RunOutcome.End.QUIESCENT) {
                machine.audit();
                end = advance(machine, chooser, new Bounds(Long.MAX_VALUE, bounds.stopped()));
            }
            return new RunOutcome(end, machine.steps(), machine.records(), machine.nanos());
        }
    }

    private static RunOutcome.End advance(PlainMachine machine, Chooser chooser, Bounds bounds) {
        for (long steps = 0; machine.ready().size() > 0; steps++) {
            if (bounds.stopped().getAsBoolean()) {
                return RunOutcome.End.STOPPED;
            }
            if (steps == bounds.steps()) {
                return RunOutcome.End.STEP_BOUND;
            }
            machine.step(chooser.choose(machine.ready()));
        }
        return RunOutcome.End.QUIESCENT;
    }
}
