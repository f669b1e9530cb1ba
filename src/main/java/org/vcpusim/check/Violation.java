package org.vcpusim.check;

import org.vcpusim.trace.TraceRecord;

/**
 * An invariant that does not hold.
 *
 * @param invariant its id
 * @param sentence what happened, as one sentence without a full stop
 * @param at the record that shows it
 * @param detail values behind the sentence, or empty
 */
public record Violation(String invariant, String sentence, TraceRecord at, String detail) {}
