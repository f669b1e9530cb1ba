package org.vcpusim.trace;

import org.vcpusim.kvm.Event;

/**
 * One line of a trace.
 *
 * @param order position in the global order, from 0 without gaps
 * @param nanos virtual time in nanoseconds; strictly increasing with {@code order}
 * @param source who wrote it
 * @param event what happened
 */
public record TraceRecord(long order, long nanos, Source source, Event event) {}
