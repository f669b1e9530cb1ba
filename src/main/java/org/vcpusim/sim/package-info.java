/**
 * Puts a scenario, an executor, a sink and the checkers together: single runs, sweeps over seeds, minimising.
 *
 * <p>It must not know the command line.
 */
@NullMarked
package org.vcpusim.sim;

import org.jspecify.annotations.NullMarked;
