/**
 * Scenario files: HOCON to a checked scenario, with errors that name the file, the line and the key.
 *
 * <p>It must not know how a scenario is run.
 */
@NullMarked
package org.vcpusim.scenario;

import org.jspecify.annotations.NullMarked;
