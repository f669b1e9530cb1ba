package org.vcpusim.check;

import java.util.List;
import org.vcpusim.trace.TraceSink;

/**
 * A rule that every trace of a correct machine keeps: a fold over its records. It sees events only, and of a trace whose end
 * is missing it says nothing about what might still have come.
 */
public interface Invariant extends TraceSink {
    /** A short name for reports, in lower case with hyphens. */
    String id();

    /** The violations so far, in the order of the trace; after the first {@value #MOST_VIOLATIONS} no more are kept. */
    List<Violation> violations();

    /** No more records come. */
    @Override
    default void close() {}

    /** How many violations an invariant keeps. */
    int MOST_VIOLATIONS = 100;

    /** New ones of all the invariants here. */
    static List<Invariant> all() {
        return List.of(
                new NoEntryWithPendingRequest(),
                new WaitBroadcastLeavesNoOldEntry(),
                new RequestsAreApplied(),
                new ApicvFollowsInhibits(),
                new BitmapEqualsTable(),
                new NoStuckLevelPin(),
                new ProcessorKnowsItsInterrupts(),
                new PostedInterruptsAreNotified(),
                new NoInterruptLost(),
                new NestedBitmapIsKept(),
                new DeferredLoadIsPerformed(),
                new IoapicEoiReachesUserspace());
    }
}
