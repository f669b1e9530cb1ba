/**
 * What happened, as records: the trace, the sinks it is written to, the readers it comes back from, and the exporters
 * to other tools' formats.
 *
 * <p>It must not know which executor produced a record, nor whether what it tells is right.
 */
@NullMarked
package org.vcpusim.trace;

import org.jspecify.annotations.NullMarked;
