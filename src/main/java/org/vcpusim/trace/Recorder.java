package org.vcpusim.trace;

import org.vcpusim.kvm.Event;

/** Where actors report events; gives each its place in the global order and its time. */
public interface Recorder {
    /** {@code source} reports {@code event}. */
    void record(Source source, Event event);

    /** Lets {@code nanos} of virtual time pass. */
    void elapse(long nanos);
}
