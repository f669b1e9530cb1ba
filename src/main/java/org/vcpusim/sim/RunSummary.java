package org.vcpusim.sim;

import org.vcpusim.kvm.Event;

/**
 * A run as its user is told of it.
 *
 * @param scenario name
 * @param executor what it ran on
 * @param vcpus how many
 * @param steps messages that actors have handled
 * @param elapsedNanos wall time
 */
public record RunSummary(
        String scenario,
        ScenarioRun.Executor executor,
        long seed,
        int vcpus,
        long steps,
        long elapsedNanos,
        RunFigures figures) {

    /** Records of the trace. */
    public long events() {
        return figures.records();
    }

    /** Whether the run shows a fault: a wrong bitmap, a stuck level pin or a lost interrupt at quiescence. */
    public boolean isFinding() {
        return figures.bitmaps().count(Event.BitmapVerdict.WRONG) > 0
                || !figures.stuckPins().isEmpty()
                || !figures.lostInterrupts().isEmpty();
    }
}
